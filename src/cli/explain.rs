//! `podgate explain`: what a rule reads, why it matters and how to comply.

use anyhow::bail;

use super::exit::{self, ExitStatus};
use crate::report;
use crate::rules;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A rule's id; without one, all rules are listed
    #[arg(value_name = "RULE")]
    rule: Option<String>,
}

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
        bail!(
            "{id} is a decision's id, and this version keeps no decisions; find its record on podgate's \
             standard output, and name one of its rules here"
        );
    }
    let nearest = rules::ALL
        .iter()
        .map(|rule| (strsim::jaro_winkler(&rule.id.to_lowercase(), &id.to_lowercase()), rule.id))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.7);
    match nearest {
        Some((_, nearest)) => bail!("no rule is named {id}; did you mean {nearest}?"),
        None => bail!("no rule is named {id}; podgate explain lists them all"),
    }
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
