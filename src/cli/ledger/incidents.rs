//! `podgate ledger incidents`: what happened again and again.

use std::io::{self, Write};

use super::filter::Question;
use crate::cli::exit::{ExitStatus, print_with};
use crate::ledger::store::Incident;
use crate::report::counted;
use crate::report::ledger::decisions;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    question: Question,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
}

#[tokio::main(flavor = "current_thread")]
pub(super) async fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let (store, filter) = args.question.open().await?;
    let incidents = store.incidents(&filter, args.limit).await?;
    print_with(|out| text(&incidents, out))?;
    Ok(ExitStatus::Clean)
}

fn text(incidents: &[Incident], out: &mut impl Write) -> io::Result<()> {
    for incident in incidents {
        decisions::incident(incident, out)?;
    }
    writeln!(out, "\n{}", counted(incidents.len(), "incident"))
}
