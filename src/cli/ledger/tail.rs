//! `podgate ledger tail`: decisions as they come.

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::filter::Question;
use crate::cli::exit::{ExitStatus, closed_pipe_is_fine};
use crate::ledger::query::{Filter, Page};
use crate::report::ledger::decisions;

/// How often the store is asked.
const INTERVAL: Duration = Duration::from_secs(1);
/// How late a replica's records may come and still be seen.
const LATE: SignedDuration = SignedDuration::from_mins(5);
/// Decisions that are asked for at a time.
const PIECE: usize = 1000;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    question: Question,
}

#[tokio::main(flavor = "current_thread")]
pub(super) async fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    #[expect(clippy::disallowed_methods, reason = "what comes from now on is wanted")]
    let now = || Timestamp::now();
    let (store, filter) = args.question.open().await?;
    let begin = filter.since.unwrap_or_else(now);
    let mut seen = HashSet::new();
    loop {
        let since = begin.max(now().checked_sub(LATE).unwrap_or(Timestamp::MIN));
        let mut page = Page::first(PIECE);
        let mut new = Vec::new();
        let asked =
            Filter { since: Some(if seen.is_empty() { begin } else { since }), ..filter.clone() };
        loop {
            let listed = store.decisions(&asked, &page).await?;
            for decided in listed.items {
                let place = (decided.entry.chain.clone(), decided.entry.head.seq);
                if seen.insert((place, decided.entry.time)) {
                    new.push(decided);
                }
            }
            let Some(next) = listed.next else { break };
            page.after = Some(next);
        }
        seen.retain(|(_, time)| *time >= since);
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        for decided in new.iter().rev() {
            if let Err(error) = decisions::line(decided, &mut out) {
                closed_pipe_is_fine(Err(error))?;
                return Ok(ExitStatus::Clean);
            }
        }
        drop(out);
        tokio::time::sleep(INTERVAL).await;
    }
}
