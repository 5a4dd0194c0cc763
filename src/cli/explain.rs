//! `podgate explain`: what a rule reads, why it matters and how to comply; what may stand in a document; or a decision
//! in full.

mod field;

use anyhow::{Context, bail};

use super::exit::{self, ExitStatus};
use super::ledger::Source;
use super::schemas;
use crate::ledger::query::{Filter, Page};
use crate::report::field::Depth;
use crate::report::{self, functions};
use crate::rules;
use crate::spelling::nearest;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A rule; a field, such as `PodPolicy.spec.match`; `cel` for the functions of expressions, and `cel quantity` for
    /// one of them; or a decision, with --ledger. Without any, all rules are listed
    #[arg(value_name = "RULE|FIELD|cel|DECISION", num_args = 0..)]
    what: Vec<String>,
    /// Of a field, list all fields below it
    #[arg(long)]
    recursive: bool,
    #[command(flatten)]
    source: Source,
}

/// Stands where a rule's id does, for the language of a policy's own rules.
const CEL: &str = "cel";

pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    if args.what.is_empty() {
        let width = rules::ALL.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
        let list: Vec<String> =
            rules::ALL.iter().map(|rule| format!("{:width$}  {}", rule.id, rule.title)).collect();
        return exit::print(format!("{}\n", list.join("\n")).as_bytes());
    }
    // `cel quantity` is `cel.quantity`.
    let what = args.what.join(".");
    if is_decision_id(&what) {
        if args.source.is_empty() {
            bail!(
                "{what} is a decision's id: --ledger says where its record is, a store (sqlite:PATH, postgres://…) or a \
                 file with lines of podgate's standard output"
            );
        }
        return decision(&what, &args.source);
    }
    let depth = if args.recursive { Depth::All } else { Depth::One };
    exit::print(text(&what, depth)?.as_bytes())
}

/// What is to be said of a rule, a field, or functions.
fn text(what: &str, depth: Depth) -> anyhow::Result<String> {
    if let Some(rule) = rules::find(what) {
        return Ok(report::rule::text(rule));
    }
    if what == CEL {
        return Ok(functions::text());
    }
    if let Some(name) = what.strip_prefix("cel.") {
        return functions::one(name).with_context(|| match nearest(name, functions::names()) {
            Some(nearest) => format!("CEL has no function {name}; did you mean {nearest}?"),
            None => format!("CEL has no function {name}; podgate explain cel lists them all"),
        });
    }
    if let Some(kind) = field::kind(what) {
        return field::text(kind, what, depth);
    }
    let (first, rest) = what.split_at(what.find('.').unwrap_or(what.len()));
    if rules::find(first).is_some() {
        bail!(
            "{first} is a rule, and has no {rest}; what it takes is PodPolicy.spec.rules.{first}"
        );
    }
    let kinds = schemas::KINDS.map(|kind| kind.name);
    // Only kinds and the language have parts.
    let known = rules::ALL.iter().map(|rule| rule.id).filter(|_| rest.is_empty());
    match nearest(first, known.chain([CEL]).chain(kinds)) {
        Some(nearest) => bail!("nothing is named {first}; did you mean {nearest}{rest}?"),
        None => bail!(
            "nothing is named {first}: podgate explain lists all rules, podgate explain cel all functions, and \
             podgate explain PodPolicy the fields of a policy"
        ),
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
    exit::print_with(|out| {
        found.iter().try_for_each(|decided| report::ledger::decisions::full(decided, out))
    })?;
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
