//! The store behind the controller, over TLS with certificates on both sides.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};

use super::chain::ChainId;
use super::destination::{AppendError, Destination};

/// Where records are sent, under the controller's address.
pub const PATH: &str = "/ledger/v1/records";
/// What records are sent as.
pub const MEDIA_TYPE: &str = "application/x-ndjson";
/// How long the controller may take over one batch.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is read of an answer, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// The answer to records that were taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The number of the last record.
    pub seq: u64,
}

/// The answer to records that were not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// One word for programs.
    pub reason: String,
    /// Why.
    pub message: String,
}

/// PEM files of this side's certificate and of the authority of the other side's. All are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// The authority.
    pub authority: PathBuf,
}

type Https = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The controller.
pub struct Remote {
    url: Uri,
    /// Whom the certificate must name, where the URL only says where they are.
    name: Option<String>,
    files: Files,
    client: Mutex<Option<Connected>>,
}

/// A client, and the content of the files that it was made of.
#[derive(Clone)]
struct Connected {
    content: Arc<[Vec<u8>; 3]>,
    client: Https,
}

impl fmt::Debug for Remote {
    /// Without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", self.url)
    }
}

impl Remote {
    /// The controller at `url`, such as `https://podgate-controller.podgate.svc:8444`, and at `address`, where that is
    /// known: then no name is looked up.
    ///
    /// # Errors
    /// Where it is no such address.
    pub fn new(url: &str, address: Option<IpAddr>, files: Files) -> Result<Self, String> {
        let advice = "must be an address such as https://podgate-controller.podgate.svc:8444";
        let base: Uri = url.parse().map_err(|_| advice.to_owned())?;
        let host = base.host().filter(|_| base.scheme_str() == Some("https") && base.path() == "/");
        let host = host.ok_or_else(|| advice.to_owned())?;
        let port = base.port_u16().unwrap_or(443);
        let (authority, name) = match address {
            Some(address) => (SocketAddr::new(address, port).to_string(), Some(host.to_owned())),
            None => (format!("{host}:{port}"), None),
        };
        let url = format!("https://{authority}{PATH}").parse().map_err(|_| advice.to_owned())?;
        Ok(Self { url, name, files, client: Mutex::new(None) })
    }

    /// The client, made anew where a file has changed.
    fn client(&self) -> Result<Https, String> {
        let Files { certificate, key, authority } = &self.files;
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        let content = Arc::new([read(certificate)?, read(key)?, read(authority)?]);
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connected) = client.as_ref().filter(|connected| connected.content == content) {
            return Ok(connected.client.clone());
        }
        let made = connect(&content, self.name.clone())
            .map_err(|error| format!("the certificates cannot be used: {error}"))?;
        *client = Some(Connected { content, client: made.clone() });
        Ok(made)
    }

    async fn send(&self, chain: &ChainId, lines: &str) -> Result<u64, AppendError> {
        let client = self.client().map_err(AppendError::Later)?;
        let request = Request::post(self.url.clone())
            .header(header::CONTENT_TYPE, MEDIA_TYPE)
            .header("podgate-replica", &chain.replica)
            .header("podgate-boot", &chain.boot)
            .body(Full::new(Bytes::copy_from_slice(lines.as_bytes())))
            .map_err(|error| AppendError::Never(error.to_string()))?;
        let later = |why: String| AppendError::Later(format!("{}: {why}", self.url));
        let response = tokio::time::timeout(PATIENCE, client.request(request)).await;
        let response = response.map_err(|_| later("no answer".to_owned()))?;
        let response = response.map_err(|error| later(cause(&error)))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect();
        let body = tokio::time::timeout(PATIENCE, body).await;
        let body = body.map_err(|_| later("half an answer".to_owned()))?;
        let body = body.map_err(|error| later(error.to_string()))?.to_bytes();
        if status == StatusCode::OK {
            let answer = serde_json::from_slice::<Acknowledged>(&body);
            return answer.map(|answer| answer.seq).map_err(|error| later(error.to_string()));
        }
        let why = serde_json::from_slice::<Refused>(&body)
            .map_or_else(|_| status.to_string(), |refused| refused.message);
        if status == StatusCode::UNPROCESSABLE_ENTITY {
            return Err(AppendError::Never(why));
        }
        Err(later(why))
    }
}

impl Destination for Remote {
    fn append<'a>(
        &'a self,
        chain: &'a ChainId,
        lines: &'a str,
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        Box::pin(self.send(chain, lines))
    }
}

fn connect(
    [certificate, key, authority]: &[Vec<u8>; 3],
    name: Option<String>,
) -> Result<Https, String> {
    let text = |error: &dyn fmt::Display| error.to_string();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority) {
        roots.add(certificate.map_err(|e| text(&e))?).map_err(|e| text(&e))?;
    }
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| text(&e))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| text(&e))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| text(&e))?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|e| text(&e))?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(Duration::from_secs(5)));
    let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
    let builder = match name {
        Some(name) => {
            let name = ServerName::try_from(name).map_err(|e| text(&e))?;
            builder.with_server_name_resolver(FixedServerNameResolver::new(name))
        }
        None => builder,
    };
    let https = builder.enable_http1().wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new()).build(https))
}

/// The innermost cause: "connection refused", not "client error".
pub(crate) fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
