//! The timeline, and the list of decisions.

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::response::IntoResponse as _;

use super::{Pairs, ROWS, Shown, short};
use crate::console::Console;
use crate::console::chart::Scale;
use crate::console::guard::Viewer;
use crate::console::params::{DECISIONS_SINCE, Params, encode};
use crate::console::views::{Decisions, Frame, Row, page};
use crate::ledger::entry::Violation;
use crate::ledger::query::Page;
use crate::ledger::store::Decided;

pub(in crate::console) async fn decisions(
    State(console): State<Arc<Console>>,
    Extension(Viewer(user)): Extension<Viewer>,
    Query(pairs): Pairs,
) -> Shown {
    let now = (console.clock)();
    let params = Params::new(pairs, DECISIONS_SINCE);
    let (filter, problem) = params.filter(now);
    let scale = Scale::new(filter.since.unwrap_or(now), filter.until.unwrap_or(now));
    let timeline = console.store.timeline(&filter, scale.width()).await?;
    let listed =
        console.store.decisions(&filter, &Page { limit: ROWS, after: params.after() }).await?;
    let next = listed.next.map(|next| params.link("/", &[("after", &next.to_string())]));
    let exports = [("JSON lines", "jsonl"), ("CSV", "csv"), ("OCSF", "ocsf")];
    let exports =
        exports.map(|(name, format)| (name, params.link(&format!("/export/{format}"), &[])));
    let template = Decisions {
        frame: Frame::of("/", user),
        form: params.form("/", problem),
        chart: scale.draw(&timeline, &params),
        rows: listed.items.iter().filter_map(row).collect(),
        next,
        exports: exports.into(),
    };
    Ok(page(&template).into_response())
}

/// A decision as a line of the list.
pub(super) fn row(decided: &Decided) -> Option<Row> {
    let decision = decided.decision()?;
    let mut rules: Vec<String> = Vec::new();
    for Violation { rule, .. } in &decision.violations {
        if !rules.contains(rule) {
            rules.push(rule.clone());
        }
    }
    let (who, workload) = match &decided.actor {
        Some(actor) => (actor.changed_by.clone(), format!("by {} {}", actor.kind, actor.name)),
        None => (decision.user.name.clone(), String::new()),
    };
    let object = &decision.object;
    let generated = object.name.is_empty() && !object.generate_name.is_empty();
    Some(Row {
        time: short(decided.entry.time),
        outcome: decision.decision.clone(),
        dry_run: decision.dry_run,
        id: decision.decision_id.clone(),
        href: format!("/decisions/{}", encode(&decision.decision_id)),
        namespace: object.namespace.clone(),
        kind: object.kind.clone(),
        name: format!("{}{}", object.shown_name(), if generated { "…" } else { "" }),
        rules,
        who,
        workload,
        times: decided.repeat.map_or(1, |repeat| repeat.count),
        incident_href: format!("/?since=365d&incident={}", encode(&decision.incident)),
    })
}
