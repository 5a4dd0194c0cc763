//! The routes of the TLS port, and what they share.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State as Shared;
use axum::response::Response;
use axum::routing::post;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::{Semaphore, watch};

use super::handlers;
use super::limits;
use super::metrics::{Metrics, Rejection};
use super::readiness::Readiness;
use super::respond;
use super::store::PolicyStore;
use crate::admission::{Attributes, NamespaceLabels};
use crate::engine::{self, Decision, Scope};
use crate::ledger::Ledger;
use crate::policy::{PolicySet, Terms};

/// Which decisions are recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recording {
    /// Every one.
    All,
    /// All but those where nothing was found.
    #[default]
    Notable,
}

/// What happens to a request whose record cannot be kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unrecorded {
    /// It is answered; the record goes to standard output alone.
    #[default]
    Answer,
    /// It is refused, where it is one that can be.
    Refuse,
}

/// How a request is judged: [`engine::decide`], but for tests of its failure.
pub type Decide = fn(&PolicySet, &Attributes<'_>, Scope, &str, Timestamp) -> Decision;

/// Who knows the labels of namespaces. The server does not ask how.
pub trait Namespaces: fmt::Debug + Send + Sync {
    /// The labels of `namespace`; `None` where they are not known.
    fn labels(&self, namespace: &str) -> Option<NamespaceLabels>;
}

/// Who traces reviews. The server does not ask how.
pub trait Tracer: fmt::Debug + Send + Sync {
    /// Takes note of a review whose caller sent this `traceparent`. It must not wait.
    fn review(&self, traceparent: &str, answered: Answered);
}

/// A review that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Where it came to.
    pub endpoint: &'static str,
    /// When.
    pub start: Timestamp,
    /// When it was answered.
    pub end: Timestamp,
    /// With which HTTP status.
    pub status: u16,
    /// What was decided, if anything was.
    pub verdict: Option<Verdict>,
}

/// A decision, as a trace names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Its outcome's word.
    pub outcome: &'static str,
    /// Its short name, by which the ledger finds it.
    pub decision_id: String,
}

/// What every request shares.
#[derive(Debug)]
pub struct State {
    /// The policies.
    pub store: Arc<PolicyStore>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The labels of namespaces; without it none is known.
    pub namespaces: Option<Arc<dyn Namespaces>>,
    /// Whether any node can give a pod a user namespace of its own; `None` where nobody knows.
    pub user_namespaces: watch::Receiver<Option<bool>>,
    /// Where records go; none keeps none.
    pub ledger: Option<Arc<Ledger>>,
    /// Which decisions are recorded.
    pub recording: Recording,
    /// What happens to a request whose record cannot be kept.
    pub unrecorded: Unrecorded,
    /// What the admin asks of exceptions, for `/policies`.
    pub terms: Terms,
    /// Who traces reviews.
    pub tracer: Option<Arc<dyn Tracer>>,
    /// Whether requests should be sent here, or the process is about to end.
    pub readiness: Readiness,
    /// How a request is judged.
    pub decide: Decide,
    /// One permit a request in flight.
    pub in_flight: Semaphore,
}

impl State {
    /// Serves from `store`, records nothing, and allows the default number of requests in flight.
    #[must_use]
    pub fn new(store: Arc<PolicyStore>, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            metrics,
            namespaces: None,
            user_namespaces: watch::channel(None).1,
            ledger: None,
            recording: Recording::default(),
            unrecorded: Unrecorded::default(),
            terms: Terms::default(),
            tracer: None,
            readiness: Readiness::default(),
            decide: engine::decide,
            in_flight: Semaphore::new(limits::MAX_IN_FLIGHT),
        }
    }
}

/// The routes of the TLS port. There are no layers: each would box every request.
pub fn app(state: Arc<State>) -> Router {
    Router::new()
        .route("/validate", post(handlers::validate))
        .route("/observe", post(handlers::observe))
        .route("/mutate", post(handlers::mutate))
        .route("/policies", post(handlers::policies))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(state)
}

async fn not_found(Shared(state): Shared<Arc<State>>) -> Response {
    state.metrics.rejected(Rejection::NotFound);
    respond::rejection(Rejection::NotFound)
}

async fn method_not_allowed(Shared(state): Shared<Arc<State>>) -> Response {
    state.metrics.rejected(Rejection::Method);
    respond::rejection(Rejection::Method)
}
