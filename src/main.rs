//! The `podgate` command.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use podgate::cli::{Cli, ExitStatus};

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(status) => status.into(),
        Err(error) => {
            // Where standard error is gone too, the exit code still says it.
            let _ = writeln!(std::io::stderr(), "podgate: {error:#}");
            ExitStatus::Failed.into()
        }
    }
}
