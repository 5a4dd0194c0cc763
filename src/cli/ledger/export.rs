//! `podgate ledger export`: decisions for other programs.

use std::io;

use clap::ValueEnum;

use super::filter::Question;
use crate::cli::exit::{ExitStatus, closed_pipe_is_fine};
use crate::ledger::export::{self, Exporter};
use crate::ledger::query::Page;

/// Decisions that are in memory at a time.
const PIECE: usize = 1000;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    question: Question,
    /// Output format
    #[arg(long, short, value_enum, default_value_t = Format::Jsonl)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The records, exactly as they were written
    Jsonl,
    /// A table with a header
    Csv,
    /// API Activity of the Open Cybersecurity Schema Framework 1.3.0
    Ocsf,
}

#[tokio::main(flavor = "current_thread")]
pub(super) async fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let (store, filter) = args.question.open().await?;
    let format = match args.output {
        Format::Jsonl => export::Format::Jsonl,
        Format::Csv => export::Format::Csv,
        Format::Ocsf => export::Format::Ocsf,
    };
    let mut exporter = Exporter::new(format, io::BufWriter::new(io::stdout()))?;
    let mut page = Page::first(PIECE);
    loop {
        let listed = store.decisions(&filter, &page).await?;
        for decided in &listed.items {
            if let Err(error) = exporter.write(decided) {
                closed_pipe_is_fine(Err(error))?;
                return Ok(ExitStatus::Clean);
            }
        }
        let Some(next) = listed.next else { break };
        page.after = Some(next);
    }
    closed_pipe_is_fine(exporter.finish().map(drop))?;
    Ok(ExitStatus::Clean)
}
