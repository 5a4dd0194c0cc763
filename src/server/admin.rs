//! The admin port: plain HTTP, for the kubelet and for scrapes.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use super::freshness::Freshness;
use super::metrics::Metrics;
use super::metrics::exposition::Exposition;
use super::readiness::Readiness;
use super::store::PolicyStore;
use super::{BindError, clock, limits, port, respond};

/// What the admin port tells of.
#[derive(Debug, Clone, Default)]
pub struct Admin {
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// Whether requests should be sent here.
    pub readiness: Readiness,
    /// Whether the cluster is still heard of.
    pub freshness: Freshness,
    /// The policies, once they were compiled. A controller may never have any.
    pub store: Arc<OnceLock<Arc<PolicyStore>>>,
}

/// The admin port, open. It is there before anything else: what a process waits for can then be asked.
#[derive(Debug)]
pub struct AdminPort(TcpListener);

impl AdminPort {
    /// Opens the port.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        Ok(Self(port::open(address, "--admin-listen")?))
    }

    /// Its address.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Answers for ever.
    pub async fn serve(self, routes: Admin) -> io::Result<()> {
        axum_server::from_tcp(self.0)?
            .first_request_timeout(limits::HEADER_TIMEOUT)
            .serve(admin(routes).into_make_service())
            .await
    }
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    watches: Vec<Watch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_set: Option<Set<'r>>,
    /// Why newer documents are not in force. The last good set is, so this does not make it unready.
    problems: &'r [String],
}

#[derive(Serialize)]
struct Condition {
    name: &'static str,
    met: bool,
}

/// What a watch brought stays in use while it is down, so this does not make it unready either.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Watch {
    name: &'static str,
    stale_seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Set<'r> {
    digest: &'r str,
    generation: u64,
    age_seconds: u64,
}

async fn readyz(Shared(admin): Shared<Admin>) -> Response {
    let store = admin.store.get();
    let in_force = store.map(|store| store.load());
    let problems = store.map(|store| store.problems()).unwrap_or_default();
    let report = Report {
        ready: admin.readiness.is_ready(),
        stopping: admin.readiness.is_stopping(),
        conditions: admin
            .readiness
            .conditions()
            .into_iter()
            .map(|(name, met)| Condition { name, met })
            .collect(),
        watches: admin
            .freshness
            .watches()
            .into_iter()
            .map(|(name, stale_seconds)| Watch { name, stale_seconds })
            .collect(),
        policy_set: in_force.as_ref().map(|in_force| Set {
            digest: in_force.set.digest(),
            generation: in_force.generation,
            age_seconds: in_force.since.elapsed().as_secs(),
        }),
        problems: &problems,
    };
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    respond::json(status, serde_json::to_vec_pretty(&report).unwrap_or_default())
}

async fn metrics(Shared(admin): Shared<Admin>, headers: HeaderMap) -> Response {
    let text =
        admin.metrics.render(admin.store.get().map(Arc::as_ref), &admin.freshness, clock::now());
    let form = Exposition::asked(&headers);
    ([(header::CONTENT_TYPE, form.media_type())], form.of(text)).into_response()
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
