//! The pages.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Console;
use super::chart::Scale;
use super::guard::Viewer;
use super::params::{Params, encode};
use super::views::{
    Cell, DecisionPage, Decisions, Frame, Full, Message, Row, Table, TablePage, ViolationView, page,
};
use crate::ledger::entry::{Decision, Violation};
use crate::ledger::query::{Filter, Page};
use crate::ledger::store::{Decided, StoreError};

const STYLE: &str = include_str!("style.css");
/// Decisions on a page.
const ROWS: usize = 50;
/// What the pages of use look back on.
const LATELY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A store that fails is told, and its words are for the log.
pub(super) struct Failed(StoreError);

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> Response {
        tracing::error!(error = %self.0, "the store cannot be read");
        let message = Message {
            frame: Frame::closed(),
            heading: "The store cannot be read".to_owned(),
            text: "The log of podgate says why.".to_owned(),
        };
        (StatusCode::SERVICE_UNAVAILABLE, page(&message)).into_response()
    }
}

type Shown = Result<Response, Failed>;
type Pairs = Query<Vec<(String, String)>>;

pub(super) async fn decisions(
    State(console): State<Arc<Console>>,
    Extension(Viewer(user)): Extension<Viewer>,
    Query(pairs): Pairs,
) -> Shown {
    let now = (console.clock)();
    let params = Params::from(pairs);
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
        fields: params.fields(),
        problem,
        chart: scale.draw(&timeline, &params),
        rows: listed.items.iter().filter_map(row).collect(),
        next,
        exports: exports.into(),
    };
    Ok(page(&template).into_response())
}

fn row(decided: &Decided) -> Option<Row> {
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

/// `2026-11-26 10:00:00`.
fn short(time: Timestamp) -> String {
    format!("{time:.0}").replace('T', " ").replace('Z', "")
}

async fn by_id(console: &Console, id: &str) -> Result<Vec<Decided>, StoreError> {
    let filter = Filter { decision_ids: vec![id.to_owned()], ..Filter::default() };
    Ok(console.store.decisions(&filter, &Page::first(10)).await?.items)
}

pub(super) async fn decision(
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

pub(super) async fn incidents(
    State(console): State<Arc<Console>>,
    Extension(Viewer(user)): Extension<Viewer>,
) -> Shown {
    let since = (console.clock)().checked_sub(LATELY).ok();
    let filter = Filter { since, ..Filter::default() };
    let mut incidents = console.store.incidents(&filter, 200).await?;
    incidents.sort_by_key(|incident| std::cmp::Reverse(incident.repeat.count));
    let rows = incidents.iter().filter_map(|incident| {
        let newest = row(incident.newest.as_ref()?)?;
        Some(vec![
            Cell::link(
                incident.repeat.count,
                format!("/?since=365d&incident={}", encode(&incident.key)),
            )
            .class("number"),
            Cell::text(&newest.outcome),
            Cell::text(format!("{} {} {}", newest.namespace, newest.kind, newest.name)),
            Cell::text(newest.rules.join(", ")),
            Cell::text(format!("{} {}", newest.who, newest.workload)),
            Cell::text(short(incident.repeat.first)).class("time"),
            Cell::text(short(incident.repeat.last)).class("time"),
            Cell::link(newest.id, newest.href),
        ])
    });
    let table = Table {
        title: "Most often first",
        empty: "Nothing happened.",
        columns: vec![
            "Times",
            "Outcome",
            "Object",
            "Rules",
            "Who",
            "First (UTC)",
            "Last (UTC)",
            "Newest",
        ],
        rows: rows.collect(),
    };
    let lead =
        "What is the same again and again, whatever name was made up for it. The last 30 days.";
    Ok(tables("/incidents", user, "Incidents", lead.to_owned(), vec![table]))
}

fn tables(
    href: &str,
    user: Option<String>,
    heading: &'static str,
    lead: String,
    tables: Vec<Table>,
) -> Response {
    page(&TablePage { frame: Frame::of(href, user), heading, lead, tables }).into_response()
}

pub(super) async fn policies(
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

pub(super) async fn exceptions(
    State(console): State<Arc<Console>>,
    Extension(Viewer(user)): Extension<Viewer>,
) -> Shown {
    let now = (console.clock)();
    let since = now.checked_sub(LATELY).unwrap_or(Timestamp::MIN);
    let counted = console.store.exceptions(since).await?;
    let in_force = console.facts.in_force();
    let rows = in_force.iter().flat_map(|set| &set.exceptions).map(|exception| {
        let use_of = counted.iter().find(|used| used.exception == exception.name);
        let expires = Cell::text(short(exception.expires));
        vec![
            Cell::text(&exception.name),
            Cell::text(&exception.policy),
            Cell::text(&exception.rules),
            Cell::text(&exception.owner),
            Cell::text(&exception.reason),
            expires.class(if exception.expires <= now { "time bad" } else { "time" }),
            Cell::text(use_of.map_or(0, |used| used.count)).class("number"),
            Cell::text(use_of.map_or_else(|| "never".to_owned(), |used| short(used.last)))
                .class("time"),
        ]
    });
    let in_force_table = Table {
        title: "In force",
        empty: "There is none, or this process has no policies.",
        columns: vec![
            "Exception",
            "Policy",
            "Rules",
            "Owner",
            "Reason",
            "Expires (UTC)",
            "Uses",
            "Last use (UTC)",
        ],
        rows: rows.collect(),
    };
    let known =
        |name: &str| in_force.iter().flat_map(|set| &set.exceptions).any(|e| e.name == name);
    let gone = counted.iter().filter(|used| !known(&used.exception)).map(|used| {
        vec![
            Cell::text(&used.exception),
            Cell::text(used.count).class("number"),
            Cell::text(short(used.last)).class("time"),
        ]
    });
    let gone = Table {
        title: "Used, and no longer in force",
        empty: "None.",
        columns: vec!["Exception", "Uses", "Last use (UTC)"],
        rows: gone.collect(),
    };
    let lead = "Uses are those of the last 30 days.".to_owned();
    Ok(tables("/exceptions", user, "Exceptions", lead, vec![in_force_table, gone]))
}

pub(super) async fn health(
    State(console): State<Arc<Console>>,
    Extension(Viewer(user)): Extension<Viewer>,
) -> Shown {
    let now = (console.clock)();
    let certificates = console.facts.certificates().into_iter().map(|(name, ends)| {
        let left = ends.duration_since(now).as_hours() / 24;
        let cell = Cell::text(short(ends));
        vec![
            Cell::text(name),
            cell.class(if left < 7 { "time bad" } else { "time" }),
            Cell::text(format!("{left} days")),
        ]
    });
    let certificates = Table {
        title: "Certificates",
        empty: "This process keeps none.",
        columns: vec!["Certificate", "Ends (UTC)", "Left"],
        rows: certificates.collect(),
    };
    let sets = console.store.replicas(now.checked_sub(LATELY).unwrap_or(Timestamp::MIN)).await?;
    let sets = sets.into_iter().map(|(replica, digest, last)| {
        vec![Cell::text(replica), Cell::text(digest), Cell::text(short(last)).class("time")]
    });
    let sets = Table {
        title: "Policy set by replica",
        empty: "Nothing was decided.",
        columns: vec!["Replica", "Digest of its last decision", "Last (UTC)"],
        rows: sets.collect(),
    };
    let chains =
        console.store.chains().await?.into_iter().map(|chain| {
            let first = chain.removed.seq + 1;
            let mut gaps = Vec::new();
            let mut next = first;
            for (from, until) in &chain.spans {
                if *from > next {
                    gaps.push(format!("{next} to {}", from - 1));
                }
                next = until + 1;
            }
            let whole = gaps.is_empty();
            vec![
                Cell::text(&chain.chain.replica),
                Cell::text(&chain.chain.boot),
                Cell::text(format!("{first} to {}", chain.head.seq)).class("number"),
                Cell::text(if whole { "none".to_owned() } else { gaps.join(", ") })
                    .class(if whole { "good" } else { "bad" }),
                Cell::text(
                    chain
                        .checkpoint
                        .map_or_else(|| "never".to_owned(), |(seq, _)| format!("up to {seq}")),
                ),
                Cell::text(if chain.ended { "closed" } else { "open" }),
                Cell::text(short(chain.last)).class("time"),
            ]
        });
    let chains = Table {
        title: "Chains of records",
        empty: "No record has come.",
        columns: vec!["Replica", "Boot", "Records", "Missing", "Signed", "State", "Last (UTC)"],
        rows: chains.collect(),
    };
    let lead = format!("At {} UTC. podgate ledger verify proves each record.", short(now));
    Ok(tables("/health", user, "Health", lead, vec![chains, sets, certificates]))
}

fn decided_json(decided: &Decided) -> Value {
    let mut value: Value = serde_json::from_str(&decided.entry.line).unwrap_or_default();
    value["actor"] = json!(decided.actor);
    value["repeat"] = json!(decided.repeat);
    value
}

pub(super) async fn api_decisions(
    State(console): State<Arc<Console>>,
    Query(pairs): Pairs,
) -> Shown {
    let params = Params::from(pairs);
    let (filter, problem) = params.filter((console.clock)());
    if let Some(problem) = problem {
        return Ok((StatusCode::BAD_REQUEST, Json(json!({"message": problem}))).into_response());
    }
    let listed =
        console.store.decisions(&filter, &Page { limit: ROWS, after: params.after() }).await?;
    let items: Vec<Value> = listed.items.iter().map(decided_json).collect();
    let next = listed.next.map(|next| next.to_string());
    Ok(Json(json!({"items": items, "next": next})).into_response())
}

pub(super) async fn api_decision(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
) -> Shown {
    let found = by_id(&console, &id).await?;
    let status = if found.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let items: Vec<Value> = found.iter().map(decided_json).collect();
    Ok((status, Json(json!({"items": items}))).into_response())
}

pub(super) async fn style(headers: HeaderMap) -> Response {
    let tag = concat!("\"", env!("CARGO_PKG_VERSION"), "\"");
    let caching = [(header::CACHE_CONTROL, "max-age=3600"), (header::ETAG, tag)];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

pub(super) async fn not_found(Extension(Viewer(user)): Extension<Viewer>) -> Response {
    let message = Message {
        frame: Frame::of("", user),
        heading: "Not found".to_owned(),
        text: "There is no such page.".to_owned(),
    };
    (StatusCode::NOT_FOUND, page(&message)).into_response()
}
