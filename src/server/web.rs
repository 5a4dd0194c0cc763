//! The port of the console: over TLS where others can reach it, plain on loopback.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use super::metrics::Metrics;
use super::port::LateTls;
use super::{BindError, limits, port};

/// Connections that are open at a time: people, not programs.
const MAX_CONNECTIONS: usize = 64;
/// Whose port it is, for the log.
const OF: &str = "the console";

/// Where to listen.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address of the port.
    pub listen: SocketAddr,
    /// PEM files of chain and key; plain without.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// How often the files are looked at.
    pub poll: Duration,
}

/// The port, open.
#[derive(Debug)]
pub struct Web {
    listener: TcpListener,
    options: Options,
}

impl Web {
    /// Opens the port.
    pub fn bind(options: Options) -> Result<Self, BindError> {
        let listener = port::open(options.listen, "--console")?;
        Ok(Self { listener, options })
    }

    /// Its address.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves `routes` for ever.
    pub async fn run(self, routes: Router, metrics: Arc<Metrics>) -> io::Result<()> {
        let Self { listener, options } = self;
        let Some((certificate, key)) = options.certificate else {
            tracing::info!("{OF} is at http://{}", listener.local_addr()?);
            return axum_server::from_tcp(listener)?
                .first_request_timeout(limits::HEADER_TIMEOUT)
                .serve(routes.into_make_service())
                .await;
        };
        let tls = LateTls {
            certificate,
            key,
            clients: None,
            poll: options.poll,
            max_connections: MAX_CONNECTIONS,
            of: OF,
        };
        tls.serve(listener, routes, &metrics).await
    }
}
