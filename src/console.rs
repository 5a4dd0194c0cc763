//! The console: read-only pages about what the ledger holds.
//!
//! Everything is rendered here; there is no script. Who looks is known by a bearer token of the cluster
//! ([`Viewers`]), or it is whoever sits at this machine.

mod chart;
mod export;
mod guard;
mod in_force;
mod pages;
mod params;
mod sessions;
mod views;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

pub use self::in_force::InForce;
use self::sessions::Sessions;
use crate::ledger::store::Store;

/// Who may look, as the cluster says.
pub trait Viewers: fmt::Debug + Send + Sync {
    /// Asks whose token it is, and whether they may look. An error where the cluster cannot be asked.
    fn look<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Seen, String>>;
}

/// What became of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// This user may look.
    Allowed(String),
    /// This user may not.
    Forbidden(String),
    /// It is nobody's.
    Unknown,
}

/// What the process knows beside the store.
pub trait Facts: fmt::Debug + Send + Sync {
    /// The policies in force, where it has any.
    fn in_force(&self) -> Option<InForce>;
    /// What expires, and when.
    fn certificates(&self) -> Vec<(&'static str, Timestamp)>;
}

/// What all pages share.
#[derive(Debug)]
pub struct Console {
    store: Store,
    facts: Arc<dyn Facts>,
    /// Who may look; nobody is asked where it is absent, which only loopback may be.
    viewers: Option<Arc<dyn Viewers>>,
    sessions: Sessions,
    clock: fn() -> Timestamp,
}

impl Console {
    /// Pages about `store`.
    #[must_use]
    pub fn new(
        store: Store,
        facts: Arc<dyn Facts>,
        viewers: Option<Arc<dyn Viewers>>,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self { store, facts, viewers, sessions: Sessions::default(), clock }
    }
}

/// The routes.
pub fn router(console: Arc<Console>) -> Router {
    Router::new()
        .route("/", get(pages::decisions::decisions))
        .route("/decisions/{id}", get(pages::decision::decision))
        .route("/incidents", get(pages::incidents::incidents))
        .route("/policies", get(pages::policies::policies))
        .route("/exceptions", get(pages::exceptions::exceptions))
        .route("/health", get(pages::health::health))
        .route("/export/{format}", get(export::export))
        .route("/api/decisions", get(pages::api::decisions))
        .route("/api/decisions/{id}", get(pages::api::decision))
        .route("/sign-in", get(guard::sign_in_page).post(guard::sign_in))
        .route("/sign-out", post(guard::sign_out))
        .route("/style.css", get(pages::style::style))
        .fallback(pages::not_found)
        .layer(from_fn_with_state(Arc::clone(&console), guard::guard))
        .with_state(console)
}

#[cfg(test)]
mod tests;
