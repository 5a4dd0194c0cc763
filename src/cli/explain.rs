//! `podgate explain`: what a rule reads, why it matters and how to comply; or a decision in full.

use std::io;

use anyhow::bail;

use super::exit::{self, ExitStatus, closed_pipe_is_fine};
use super::ledger::Source;
use crate::ledger::query::{Filter, Page};
use crate::report;
use crate::rules;
use crate::spelling::nearest;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A rule's id, or a decision's with --ledger; `cel` for the functions of expressions; without one, all
    /// rules are listed
    #[arg(value_name = "RULE|DECISION")]
    rule: Option<String>,
    #[command(flatten)]
    source: Source,
}

/// Stands where a rule's id does, for the language of a policy's own rules.
const CEL: &str = "cel";

pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let Some(id) = &args.rule else {
        let width = rules::ALL.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
        let list: Vec<String> =
            rules::ALL.iter().map(|rule| format!("{:width$}  {}", rule.id, rule.title)).collect();
        return exit::print(format!("{}\n", list.join("\n")).as_bytes());
    };
    if let Some(rule) = rules::find(id) {
        return exit::print(report::rule::text(rule).as_bytes());
    }
    if is_decision_id(id) {
        if args.source.is_empty() {
            bail!(
                "{id} is a decision's id: --ledger says where its record is, a store (sqlite:PATH, postgres://…) or a \
                 file with lines of podgate's standard output"
            );
        }
        return decision(id, &args.source);
    }
    if id == CEL {
        return exit::print(report::functions::text().as_bytes());
    }
    match nearest(id, rules::ALL.iter().map(|rule| rule.id).chain([CEL])) {
        Some(nearest) => bail!("no rule is named {id}; did you mean {nearest}?"),
        None => bail!("no rule is named {id}; podgate explain lists them all"),
    }
}

/// Prints every decision of this name: it is short, and may come again.
#[tokio::main(flavor = "current_thread")]
async fn decision(id: &str, source: &Source) -> anyhow::Result<ExitStatus> {
    let store = source.open().await?;
    let filter = Filter { decision_ids: vec![id.to_owned()], ..Filter::default() };
    let found = store.decisions(&filter, &Page::first(10)).await?.items;
    if found.is_empty() {
        bail!(
            "no decision {id} in what --ledger names: it may be of another cluster, or no longer be kept"
        );
    }
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    for decided in &found {
        closed_pipe_is_fine(report::ledger::decisions::full(decided, &mut out))?;
    }
    Ok(ExitStatus::Clean)
}

fn is_decision_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 7
        && bytes[4] == b'-'
        && bytes
            .iter()
            .enumerate()
            .all(|(i, b)| i == 4 || b.is_ascii_lowercase() || b.is_ascii_digit())
}
