//! The webhook's server: a TLS port for reviews, a plain one for probes and scrapes.
//!
//! The plain port is open first ([`AdminPort`]), so that probes are answered while the rest is waited for.
//! [`Bound::bind`] can only be called with a [`State`], which holds a compiled policy set, and it loads the
//! certificate first: when the TLS port opens, everything that an answer needs is there.

pub mod admin;
pub mod app;
pub mod clock;
pub mod collector;
pub mod connections;
pub mod duration;
pub mod files;
pub mod freshness;
mod handlers;
pub mod limits;
pub mod metrics;
mod policies;
mod port;
pub mod readiness;
pub mod reload;
mod respond;
pub mod shutdown;
pub mod store;
pub mod tls;
pub mod web;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;

pub use self::admin::{Admin, AdminPort, admin};
pub use self::app::{Answered, Namespaces, Recording, State, Tracer, Unrecorded, Verdict, app};
pub use self::collector::Collector;
pub use self::freshness::Freshness;
pub use self::metrics::Metrics;
pub use self::readiness::Readiness;
use self::reload::Policies;
use self::shutdown::Signals;
pub use self::store::PolicyStore;
use self::tls::{CertificateError, Clients, Loaded, Serving, Source};
pub use self::web::Web;

/// Where to listen, and with what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address of the TLS port.
    pub listen: SocketAddr,
    /// The certificate.
    pub certificate: Source,
    /// Who may call; absent, everybody.
    pub clients: Option<Clients>,
    /// Connections that are open at a time on the TLS port.
    pub max_connections: usize,
    /// How long to serve on after the first stop signal.
    pub grace: Duration,
    /// How often policy files are looked at.
    pub policy_poll: Duration,
    /// How often certificate files are looked at.
    pub certificate_poll: Duration,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No TLS.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// No port.
    #[error("cannot listen on {address}: {cause}: give another address with {flag}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The flag that names it.
        flag: &'static str,
        /// What the system said.
        cause: io::Error,
    },
}

/// A server whose ports are open and which answers once it runs.
#[derive(Debug)]
pub struct Bound {
    options: Options,
    state: Arc<State>,
    certificate: Arc<Serving>,
    loaded: Loaded,
    tls: RustlsConfig,
    webhook: TcpListener,
}

impl Bound {
    /// Loads the certificate, then opens the TLS port.
    pub fn bind(options: Options, state: Arc<State>) -> Result<Self, BindError> {
        let (certificate, loaded) = Serving::load(
            options.certificate.clone(),
            options.clients.clone(),
            Arc::clone(&state.metrics),
        )?;
        let tls = RustlsConfig::from_config(Arc::new(certificate.config()?));
        let webhook = port::open(options.listen, "--listen")?;
        Ok(Self { options, state, certificate, loaded, tls, webhook })
    }

    /// The address of the TLS port.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.webhook.local_addr()
    }

    /// Answers until a signal ends it, and keeps certificate and policies fresh meanwhile. `listening` is met
    /// when the first answer can be given.
    pub async fn run(
        self,
        policies: Policies,
        signals: Signals,
        listening: readiness::Condition,
    ) -> io::Result<()> {
        let address = self.address()?;
        let Self { options, state, certificate, loaded, tls, webhook } = self;
        let metrics = Arc::clone(&state.metrics);
        let handle = Handle::new();
        let webhook = port::tls_server(webhook, tls, options.max_connections, &metrics)?
            .handle(handle.clone());
        let (store, readiness) = (Arc::clone(&state.store), state.readiness.clone());
        listening.met();
        tracing::info!(%address, "listening");
        tokio::select! {
            // The webhook's end is the end: the rest only serves it.
            result = webhook.serve(app(state).into_make_service()) => result?,
            () = shutdown::drain_on_signal(signals, readiness, handle, options.grace) => {}
            () = background(certificate.keep_fresh(loaded, options.certificate_poll)) => {}
            () = background(policies.keep_fresh(store, metrics, options.policy_poll)) => {}
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Runs on a task of its own, stopped when this is dropped. It never ends first: a background task that
/// has nothing to do must not stop the server.
pub async fn background(task: impl Future<Output = ()> + Send + 'static) {
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(task);
    while let Some(result) = tasks.join_next().await {
        if result.is_err() {
            tracing::error!("a background task panicked: what it kept fresh is no longer");
        }
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests;
