//! A decision in full.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;

use super::{Shown, by_id};
use crate::console::Console;
use crate::console::guard::Viewer;
use crate::console::views::{DecisionPage, Frame, Full, Message, ViolationView, page};
use crate::ledger::entry::Decision;
use crate::ledger::store::Decided;

pub(in crate::console) async fn decision(
    State(console): State<Arc<Console>>,
    Extension(Viewer(user)): Extension<Viewer>,
    Path(id): Path<String>,
) -> Shown {
    let found = by_id(&console, &id).await?;
    let decisions: Vec<Full> = found.iter().filter_map(full).collect();
    if decisions.is_empty() {
        let text = format!(
            "No decision is called {id}: it may be of another cluster, or no longer be kept."
        );
        let message = Message { frame: Frame::of("", user), heading: "Not found".to_owned(), text };
        return Ok((StatusCode::NOT_FOUND, page(&message)).into_response());
    }
    Ok(page(&DecisionPage { frame: Frame::of("", user), id, decisions }).into_response())
}

fn full(decided: &Decided) -> Option<Full> {
    let decision = decided.decision()?;
    let (entry, object) = (&decided.entry, &decision.object);
    let violations = decision.violations.iter().map(|violation| ViolationView {
        rule: violation.rule.clone(),
        policy: violation.policy.clone(),
        settled: match (&violation.exception, violation.settled.as_deref()) {
            (Some(exception), _) => format!("let in by exception {exception}"),
            (None, Some("fix" | "fixInPods")) => "filled in".to_owned(),
            _ => String::new(),
        },
        path: violation.path.clone(),
        found: violation.found.clone(),
        allowed: violation.allowed.clone(),
        fix: violation.fix.clone(),
    });
    let fixes = decision.fixes.iter().map(|fix| {
        let why = format!("rule {}, policy {}, {}", fix.rule, fix.policy, fix.applicability);
        (fix.path.clone(), fix.value.clone(), why)
    });
    Some(Full {
        outcome: decision.decision.clone(),
        operation: decision.operation.clone(),
        namespace: object.namespace.clone(),
        kind: object.kind.clone(),
        name: object.shown_name().to_owned(),
        dry_run: decision.dry_run,
        facts: facts(decided, decision),
        violations: violations.collect(),
        fixes: fixes.collect(),
        intact: entry.is_intact(),
        chain: vec![
            ("Record", entry.head.seq.to_string()),
            ("Replica", entry.chain.replica.clone()),
            ("Boot", entry.chain.boot.clone()),
            ("Hash", entry.head.hash.to_string()),
            ("Follows", entry.previous.to_string()),
        ],
        line: entry.line.clone(),
    })
}

fn facts(decided: &Decided, decision: &Decision) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Time (UTC)", decided.entry.time.to_string()),
        ("Sent by", decision.user.name.clone()),
        ("Groups", decision.user.groups.join(", ")),
    ];
    if let Some(actor) = &decided.actor {
        let text = format!(
            "{} {}, changed by {} at {:.0}",
            actor.kind, actor.name, actor.changed_by, actor.changed_at
        );
        facts.push(("Behind it", text));
    }
    if let Some(owner) = &decision.owner {
        facts.push(("Managed by", format!("{} {}", owner.kind, owner.name)));
    }
    if let Some(repeat) = &decided.repeat {
        let text = format!("{} times, {:.0} to {:.0}", repeat.count, repeat.first, repeat.last);
        facts.push(("Happened", text));
    }
    facts.push(("Subresource", decision.subresource.clone()));
    facts.push(("Images", decision.images.join(", ")));
    facts.push(("Policy set", decision.policy_set.digest.clone()));
    facts.push(("Object's digest", decision.object.digest.clone().unwrap_or_default()));
    facts.push(("Request", decision.request_uid.clone()));
    facts.push(("Failure", decision.failure.clone().unwrap_or_default()));
    facts.push(("Note", decision.note.clone().unwrap_or_default()));
    facts.retain(|(_, text)| !text.is_empty());
    facts
}
