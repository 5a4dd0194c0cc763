//! Takes in the records that replicas send, over TLS with certificates on both sides.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::post;

use super::metrics::Metrics;
use super::port::LateTls;
use super::tls::Clients;
use super::{BindError, port, respond};
use crate::ledger::chain::ChainId;
use crate::ledger::remote::{Acknowledged, MEDIA_TYPE, PATH};
use crate::ledger::{AppendError, Destination};

/// The largest batch that is taken: a record of a large review and a batch before it.
const BODY_LIMIT: usize = 64 * 1024 * 1024;
/// Connections that are open at a time: one a replica, and room for those that are replaced.
const MAX_CONNECTIONS: usize = 256;

/// Where to listen, and who may send.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address of the port.
    pub listen: SocketAddr,
    /// PEM file of the chain.
    pub certificate: PathBuf,
    /// PEM file of the key.
    pub key: PathBuf,
    /// Who may send.
    pub clients: Clients,
    /// How often the files are looked at.
    pub poll: Duration,
}

/// The port, open. Certificates may come later: then it answers.
#[derive(Debug)]
pub struct Collector {
    listener: TcpListener,
    options: Options,
    destination: Arc<dyn Destination>,
    metrics: Arc<Metrics>,
}

impl Collector {
    /// Opens the port.
    pub fn bind(
        options: Options,
        destination: Arc<dyn Destination>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, BindError> {
        let listener = port::open(options.listen, "--ledger-listen")?;
        Ok(Self { listener, options, destination, metrics })
    }

    /// Its address.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Takes records in for ever.
    pub async fn run(self) -> io::Result<()> {
        let Self { listener, options, destination, metrics } = self;
        let Options { certificate, key, clients, poll, .. } = options;
        let tls = LateTls {
            certificate,
            key,
            clients: Some(clients),
            poll,
            max_connections: MAX_CONNECTIONS,
            of: "the ledger",
        };
        tls.serve(listener, collector(destination), &metrics).await
    }
}

/// The routes.
pub fn collector(destination: Arc<dyn Destination>) -> Router {
    Router::new()
        .route(PATH, post(take))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(destination)
}

async fn take(
    Shared(destination): Shared<Arc<dyn Destination>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::CONTENT_TYPE.as_str()) != Some(MEDIA_TYPE) {
        let message = "Content-Type must be application/x-ndjson";
        return respond::problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
        );
    }
    let (Some(replica), Some(boot)) = (text("podgate-replica"), text("podgate-boot")) else {
        let message = "the headers podgate-replica and podgate-boot must name the chain";
        return respond::problem(StatusCode::BAD_REQUEST, "MissingHeader", message);
    };
    let chain = ChainId { replica: replica.to_owned(), boot: boot.to_owned() };
    let Ok(lines) = std::str::from_utf8(&body) else {
        let message = "the records are not UTF-8";
        return respond::problem(StatusCode::UNPROCESSABLE_ENTITY, "InvalidUtf8", message);
    };
    match destination.append(&chain, lines).await {
        Ok(seq) => {
            let answer = serde_json::to_vec(&Acknowledged { seq }).unwrap_or_default();
            respond::json(StatusCode::OK, answer)
        }
        Err(AppendError::Never(why)) => {
            tracing::error!(%chain, why, "records are refused");
            respond::problem(StatusCode::UNPROCESSABLE_ENTITY, "Refused", &why)
        }
        Err(AppendError::Later(why)) => {
            tracing::warn!(%chain, why, "records cannot be taken in: they will be sent again");
            respond::problem(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", "the store failed")
        }
    }
}
