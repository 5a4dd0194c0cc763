//! The port of the console: over TLS where others can reach it, plain on loopback.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;

use super::metrics::Metrics;
use super::tls::{Serving, Source};
use super::{BindError, limits, tls_server};

/// Connections that are open at a time: people, not programs.
const MAX_CONNECTIONS: usize = 64;

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
        let (address, flag) = (options.listen, "--console");
        let listener = TcpListener::bind(address).map_err(|cause| BindError::Listen {
            address,
            flag,
            cause,
        })?;
        Ok(Self { listener, options })
    }

    /// Its address.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves `routes` for ever.
    pub async fn run(self, routes: Router, metrics: Arc<Metrics>) -> io::Result<()> {
        let Self { listener, options } = self;
        let address = listener.local_addr()?;
        let Some((certificate, key)) = options.certificate else {
            tracing::info!("the console is at http://{address}");
            return axum_server::from_tcp(listener)?
                .first_request_timeout(limits::HEADER_TIMEOUT)
                .serve(routes.into_make_service())
                .await;
        };
        let source = Source::Files { certificate, key };
        let (serving, loaded) =
            Serving::load_when_there(&source, None, &metrics, "the console").await;
        let tls = RustlsConfig::from_config(Arc::new(serving.config().map_err(io::Error::other)?));
        tracing::info!("the console is at https://{address}");
        let server = tls_server(listener, tls, MAX_CONNECTIONS, &metrics)?;
        tokio::select! {
            result = server.serve(routes.into_make_service()) => result,
            () = super::background(serving.keep_fresh(loaded, options.poll)) => Ok(()),
        }
    }
}
