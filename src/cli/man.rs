//! `podgate man`: a page a command, made from the arguments themselves.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

use super::Cli;
use super::exit::ExitStatus;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to write them to; it is made where it is missing
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let folder = &args.output;
    let failed = || format!("cannot write manual pages to {}", folder.display());
    fs::create_dir_all(folder).with_context(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).with_context(failed)?;
    Ok(ExitStatus::Clean)
}
