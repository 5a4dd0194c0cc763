//! The admin port: plain HTTP, for the kubelet and for scrapes.

use std::sync::Arc;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use super::app::State;
use super::readiness::Readiness;
use super::respond;

/// What the admin port tells of.
#[derive(Debug, Clone)]
pub struct Admin {
    /// The server's state.
    pub state: Arc<State>,
    /// Whether requests should be sent here.
    pub readiness: Readiness,
}

/// The routes of the admin port.
pub fn admin(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(admin)
}

async fn livez() -> &'static str {
    "ok"
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'r> {
    ready: bool,
    stopping: bool,
    conditions: Vec<Condition>,
    policy_set: Set<'r>,
    /// Why newer documents are not in force. The last good set is, so this does not make it unready.
    problems: &'r [String],
}

#[derive(Serialize)]
struct Condition {
    name: &'static str,
    met: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Set<'r> {
    digest: &'r str,
    generation: u64,
    age_seconds: u64,
}

async fn readyz(Shared(admin): Shared<Admin>) -> Response {
    let in_force = admin.state.store.load();
    let problems = admin.state.store.problems();
    let report = Report {
        ready: admin.readiness.is_ready(),
        stopping: admin.readiness.is_stopping(),
        conditions: admin
            .readiness
            .conditions()
            .into_iter()
            .map(|(name, met)| Condition { name, met })
            .collect(),
        policy_set: Set {
            digest: in_force.set.digest(),
            generation: in_force.generation,
            age_seconds: in_force.since.elapsed().as_secs(),
        },
        problems: &problems,
    };
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    respond::json(status, serde_json::to_vec_pretty(&report).unwrap_or_default())
}

async fn metrics(Shared(admin): Shared<Admin>) -> Response {
    let text = admin.state.metrics.render(&admin.state.store);
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

async fn not_found() -> Response {
    respond::problem(
        StatusCode::NOT_FOUND,
        "NotFound",
        "no such path: the admin port answers /livez, /readyz and /metrics",
    )
}

async fn method_not_allowed() -> Response {
    respond::problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        "only GET is answered here",
    )
}
