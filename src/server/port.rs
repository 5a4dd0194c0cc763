//! Ports: opened under the name of their flag, served over TLS within bounds.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Server;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};

use super::connections::{self, LimitedAcceptor};
use super::metrics::{Metrics, Rejection};
use super::tls::{Clients, Serving, Source};
use super::{BindError, background, limits};

/// How a client's HTTP/2 stream may run ahead: a whole review of common size without waiting for a window
/// update. The default of 64 KiB costs half the throughput of large reviews.
const STREAM_WINDOW: u32 = 1024 * 1024;
/// The same for all streams of a connection.
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// How often a silent HTTP/2 connection is asked whether it lives, and how long it may take to say so.
pub(super) const KEEP_ALIVE: (Duration, Duration) =
    (Duration::from_secs(30), Duration::from_secs(10));

/// Opens `address`, which `flag` named.
pub(super) fn open(address: SocketAddr, flag: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).map_err(|cause| BindError::Listen { address, flag, cause })
}

/// A server over TLS whose clients are held to the limits.
pub(super) fn tls_server(
    listener: TcpListener,
    tls: RustlsConfig,
    max_connections: usize,
    metrics: &Arc<Metrics>,
) -> io::Result<Server<SocketAddr, RustlsAcceptor<LimitedAcceptor>>> {
    let limited = LimitedAcceptor::new(max_connections);
    let acceptor =
        RustlsAcceptor::new(tls).handshake_timeout(limits::HANDSHAKE_TIMEOUT).acceptor(limited);
    let rejected = Arc::clone(metrics);
    let mut server = axum_server::from_tcp(listener)?
        .acceptor(acceptor)
        .first_request_timeout(limits::HEADER_TIMEOUT)
        .accept_error_handler(move |_, error| {
            let refused = error.kind() == connections::REFUSED;
            rejected.rejected(if refused { Rejection::Connections } else { Rejection::Handshake });
            tracing::debug!(%error, "connection not accepted");
        });
    let http = server.http_builder();
    http.http1().header_read_timeout(limits::HEADER_TIMEOUT);
    http.http2()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1);
    Ok(server)
}

/// TLS of a port beside the webhook's own. Its files may come later: the port answers from then on.
pub(super) struct LateTls {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) clients: Option<Clients>,
    /// How often the files are looked at.
    pub(super) poll: Duration,
    pub(super) max_connections: usize,
    /// Whose port it is, for the log.
    pub(super) of: &'static str,
}

impl LateTls {
    /// Serves `routes` for ever.
    pub(super) async fn serve(
        self,
        listener: TcpListener,
        routes: Router,
        metrics: &Arc<Metrics>,
    ) -> io::Result<()> {
        let source = Source::Files { certificate: self.certificate, key: self.key };
        let (serving, loaded) =
            Serving::load_when_there(&source, self.clients.as_ref(), metrics, self.of).await;
        let tls = RustlsConfig::from_config(Arc::new(serving.config().map_err(io::Error::other)?));
        tracing::info!("{} is at https://{}", self.of, listener.local_addr()?);
        let server = tls_server(listener, tls, self.max_connections, metrics)?;
        tokio::select! {
            result = server.serve(routes.into_make_service()) => result,
            () = background(serving.keep_fresh(loaded, self.poll)) => Ok(()),
        }
    }
}
