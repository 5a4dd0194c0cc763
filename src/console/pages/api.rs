//! The same for programs, as JSON.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use super::{Pairs, ROWS, Shown, by_id};
use crate::console::Console;
use crate::console::params::{DECISIONS_SINCE, Params};
use crate::ledger::query::Page;
use crate::ledger::store::Decided;

fn decided_json(decided: &Decided) -> Value {
    let mut value: Value = serde_json::from_str(&decided.entry.line).unwrap_or_default();
    value["actor"] = json!(decided.actor);
    value["repeat"] = json!(decided.repeat);
    value
}

pub(in crate::console) async fn decisions(
    State(console): State<Arc<Console>>,
    Query(pairs): Pairs,
) -> Shown {
    let params = Params::new(pairs, DECISIONS_SINCE);
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

pub(in crate::console) async fn decision(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
) -> Shown {
    let found = by_id(&console, &id).await?;
    let status = if found.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let items: Vec<Value> = found.iter().map(decided_json).collect();
    Ok((status, Json(json!({"items": items}))).into_response())
}
