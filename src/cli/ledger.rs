//! `podgate ledger`: what was decided, and the proof that nothing is missing.

mod key;
mod verify;

use clap::Subcommand;

use super::exit::ExitStatus;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether records were altered, removed, moved or put in, and where
    ///
    /// Exits with 0 where nothing is wrong, with 1 where something is, and with 2 where the job could not be done.
    Verify(verify::Args),
    /// Make a key that signs checkpoints, or print the public half of one
    Key(key::Args),
}

pub(super) fn run(command: &Command) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Verify(args) => verify::run(args),
        Command::Key(args) => key::run(args),
    }
}
