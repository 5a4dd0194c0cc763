//! Policies, and what each had part in.

use std::sync::Arc;

use axum::extract::{Extension, State};
use jiff::Timestamp;

use super::{LATELY, Shown, short, tables};
use crate::console::Console;
use crate::console::guard::Viewer;
use crate::console::params::encode;
use crate::console::views::{Cell, Table};

pub(in crate::console) async fn policies(
    State(console): State<Arc<Console>>,
    Extension(Viewer(user)): Extension<Viewer>,
) -> Shown {
    let since = (console.clock)().checked_sub(LATELY).unwrap_or(Timestamp::MIN);
    let in_force = console.facts.in_force();
    let rules = console.store.policies(since).await?;
    let of_rule = rules.iter().map(|used| {
        let link = format!(
            "/?since=30d&policy={}&rule={}&decision={}",
            encode(&used.policy),
            encode(&used.rule),
            encode(&used.decision)
        );
        vec![
            Cell::text(&used.policy),
            Cell::text(&used.rule),
            Cell::text(&used.decision),
            Cell::link(used.count, link).class("number"),
            Cell::text(short(used.last)).class("time"),
        ]
    });
    let sets = console.store.policy_sets(since).await?;
    let of_set = sets.iter().map(|used| {
        let now = in_force.as_ref().is_some_and(|set| set.digest == used.digest);
        vec![
            Cell::text(&used.digest),
            Cell::text(if now { "in force" } else { "" }),
            Cell::text(used.count).class("number"),
            Cell::text(short(used.first)).class("time"),
            Cell::text(short(used.last)).class("time"),
        ]
    });
    let documents = in_force.iter().flat_map(|set| &set.policies).map(|policy| {
        vec![
            Cell::link(&policy.name, format!("/?since=30d&policy={}", encode(&policy.name))),
            Cell::text(&policy.description),
            Cell::text(policy.rules.to_string()).class("number"),
            Cell::text(&policy.source),
        ]
    });
    let in_force_table = Table {
        title: "In force",
        empty: "This process has no policies: it only keeps what others decided by.",
        columns: vec!["Policy", "What for", "Rules", "From"],
        rows: documents.collect(),
    };
    let rules = Table {
        title: "What each rule had part in",
        empty: "No rule was broken.",
        columns: vec!["Policy", "Rule", "Outcome", "Decisions", "Last (UTC)"],
        rows: of_rule.collect(),
    };
    let digests = Table {
        title: "Digests of the policy set",
        empty: "Nothing was decided.",
        columns: vec!["Digest", "", "Decisions", "First (UTC)", "Last (UTC)"],
        rows: of_set.collect(),
    };
    let lead = "The last 30 days.".to_owned();
    Ok(tables("/policies", user, "Policies", lead, vec![in_force_table, rules, digests]))
}
