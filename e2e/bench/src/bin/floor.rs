//! The floor under Podgate's figures: the same HTTP and TLS, and a handler that reads the body and answers a constant.
//!
//! ```text
//! FLOOR_LISTEN=127.0.0.1:8443 floor
//! ```

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// As long as what Podgate answers where nothing was found.
const ANSWER: &str = concat!(
    r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":"#,
    r#"{"uid":"00000000-0000-0000-0000-000000000000","allowed":true}}"#
);
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// Podgate's own windows, from `src/server.rs`.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

async fn answer(body: Body) -> Response {
    if to_bytes(body, BODY_LIMIT).await.is_err() {
        return StatusCode::BAD_REQUEST.into_response();
    }
    ([(header::CONTENT_TYPE, "application/json")], ANSWER).into_response()
}

#[tokio::main]
async fn main() -> Result<()> {
    let address: SocketAddr =
        env::var("FLOOR_LISTEN").context("FLOOR_LISTEN names the address")?.parse()?;
    let mut server = axum_server::from_tcp(TcpListener::bind(address)?)?
        .acceptor(RustlsAcceptor::new(tls()?).acceptor(NoDelayAcceptor::new()));
    server
        .http_builder()
        .http2()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let routes = Router::new()
        .route("/validate", post(answer))
        .route("/readyz", get(async || StatusCode::OK));
    Ok(server.serve(routes.into_make_service()).await?)
}

fn tls() -> Result<RustlsConfig> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der())
        .map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}
