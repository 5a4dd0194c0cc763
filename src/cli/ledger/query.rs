//! `podgate ledger query`: decisions, newest first.

use std::io::{self, Write};

use super::filter::Question;
use crate::cli::exit::{ExitStatus, print_with};
use crate::cli::output::Format;
use crate::ledger::query::{Cursor, Page};
use crate::ledger::store::Decided;
use crate::report::counted;
use crate::report::ledger::decisions;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    question: Question,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
    /// Go on behind an earlier list, with the text that it ended with
    #[arg(long, value_name = "PLACE")]
    after: Option<Cursor>,
    /// Output format
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[tokio::main(flavor = "current_thread")]
pub(super) async fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let (store, filter) = args.question.open().await?;
    let page = Page { limit: args.limit, after: args.after };
    let listed = store.decisions(&filter, &page).await?;
    print_with(|out| match args.output {
        Format::Text => text(&listed.items, listed.next, out),
        Format::Json => json(&listed.items, out),
    })?;
    Ok(ExitStatus::Clean)
}

fn text(items: &[Decided], next: Option<Cursor>, out: &mut impl Write) -> io::Result<()> {
    for decided in items {
        decisions::line(decided, out)?;
    }
    match next {
        Some(next) => {
            writeln!(out, "\n{}; for more: --after {next}", counted(items.len(), "decision"))
        }
        None => writeln!(out, "\n{}", counted(items.len(), "decision")),
    }
}

fn json(items: &[Decided], out: &mut impl Write) -> io::Result<()> {
    let values: Vec<_> = items.iter().map(decisions::json).collect();
    serde_json::to_writer_pretty(&mut *out, &values)?;
    writeln!(out)
}
