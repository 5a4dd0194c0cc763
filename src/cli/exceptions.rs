//! `podgate exceptions`: which exceptions there are, and which of them somebody should look at.

use anyhow::Context as _;
use clap::ValueEnum;
use jiff::Timestamp;

use super::exit::{ExitStatus, print_with};
use super::judge;
use super::ledger::Source;
use super::policies::PolicyArgs;
use crate::ledger::query::moment;
use crate::policy::Severity;
use crate::report::exceptions::{self, Report, Used};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    source: Source,
    /// How long ago a use may be for an exception to count as used, or since when: 30d, 2026-11-26
    #[arg(long, value_name = "WHEN", default_value = "30d", requires = "ledger")]
    since: String,
    /// Output format
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person
    Text,
    /// One JSON array
    Json,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let now = judge::now();
    let since = moment(&args.since, now).with_context(|| format!("--since {}", args.since))?;
    let used = if args.source.is_empty() { None } else { Some(used(&args.source, since)?) };
    // One that has ended is part of the answer.
    let policies = args.policies.read(now, Severity::Warning)?;
    let report = Report::of(&policies.set, used.as_ref(), now);
    print_with(|out| match args.output {
        Format::Text => exceptions::text(&report, out),
        Format::Json => exceptions::json(&report, out),
    })?;
    Ok(if report.needs_attention() { ExitStatus::Violations } else { ExitStatus::Clean })
}

#[tokio::main(flavor = "current_thread")]
async fn used(source: &Source, since: Timestamp) -> anyhow::Result<Used> {
    let store = source.open().await?;
    // A ledger that is younger than the question cannot say what was unused before it began.
    let began = store.policy_sets(Timestamp::UNIX_EPOCH).await?.iter().map(|set| set.first).min();
    let since = began.map_or(since, |began| began.max(since));
    Ok(Used { since, uses: store.exception_uses(since).await? })
}
