//! `podgate ledger`: what was decided, and the proof that nothing is missing.

mod export;
mod filter;
mod incidents;
mod key;
mod lines;
mod query;
mod source;
mod tail;
mod verify;

use clap::Subcommand;

use super::exit::ExitStatus;
pub(super) use source::Source;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List decisions, newest first
    Query(query::Args),
    /// Print decisions as they come
    Tail(tail::Args),
    /// List what happened again and again, each once with its count
    Incidents(incidents::Args),
    /// Write decisions in a form that other programs read
    Export(export::Args),
    /// Say whether records were altered, removed, moved or put in, and where
    ///
    /// Exits with 0 where nothing is wrong, with 1 where something is, and with 2 where the job could not be done.
    Verify(verify::Args),
    /// Make a key that signs checkpoints, or print the public half of one
    Key(key::Args),
}

pub(super) fn run(command: &Command) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Query(args) => query::run(args),
        Command::Tail(args) => tail::run(args),
        Command::Incidents(args) => incidents::run(args),
        Command::Export(args) => export::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Key(args) => key::run(args),
    }
}
