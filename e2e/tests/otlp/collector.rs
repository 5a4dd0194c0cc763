//! A collector of OpenTelemetry, as well or badly behaved as a test wants it.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum_server::tls_rustls::RustlsConfig;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// How a collector behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It takes everything.
    Well,
    /// It asks for a second's patience.
    Busy,
    /// It says that there is too much, and not when there will be less.
    Flooded,
    /// It takes each request, and rejects two of what is in it.
    Picky,
    /// It wants another token.
    Closed,
    /// It never answers.
    Silent,
}

/// What a collector has taken.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) spans: Vec<Span>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) authorizations: Vec<String>,
    /// Requests that were turned away.
    pub(crate) refused: usize,
    /// Everything that came, as it came.
    pub(crate) bytes: Vec<u8>,
}

/// A collector that listens.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) url: String,
    mood: Arc<Mutex<Mood>>,
    taken: Arc<Mutex<Taken>>,
}

impl Collector {
    pub(crate) async fn start(mood: Mood) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let this = Self { url, mood: Arc::new(Mutex::new(mood)), taken: Arc::default() };
        let routes = this.routes();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(this)
    }

    /// The same over TLS, with the certificate in `folder`.
    pub(crate) async fn start_tls(folder: &Path) -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let this = Self { url, mood: Arc::new(Mutex::new(Mood::Well)), taken: Arc::default() };
        let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
        let config = RustlsConfig::from_pem_file(certificate, key).await?;
        let server = axum_server::from_tcp_rustls(listener, config)?;
        tokio::spawn(server.serve(this.routes().into_make_service()));
        Ok(this)
    }

    fn routes(&self) -> Router {
        Router::new()
            .route("/v1/logs", post(take))
            .route("/v1/traces", post(take))
            .with_state(self.clone())
    }

    pub(crate) fn behave(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// What `look` sees of what was taken.
    pub(crate) fn taken<T>(&self, look: impl FnOnce(&Taken) -> T) -> T {
        look(&self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read(&self, path: &str, headers: &HeaderMap, body: &Bytes) -> Option<()> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.bytes.extend_from_slice(body);
        let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
        taken.authorizations.push(authorization.unwrap_or_default().to_owned());
        if headers.get("content-type")? != "application/x-protobuf" {
            return None;
        }
        if path == "/v1/logs" {
            for logs in ExportLogsServiceRequest::decode(&**body).ok()?.resource_logs {
                taken.resources.extend(logs.resource);
                taken.logs.extend(logs.scope_logs.into_iter().flat_map(|scope| scope.log_records));
            }
        } else {
            for spans in ExportTraceServiceRequest::decode(&**body).ok()?.resource_spans {
                taken.resources.extend(spans.resource);
                taken.spans.extend(spans.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        Some(())
    }
}

async fn take(
    State(collector): State<Collector>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mood = *collector.mood.lock().unwrap_or_else(PoisonError::into_inner);
    match mood {
        Mood::Well => match collector.read(uri.path(), &headers, &body) {
            Some(()) => StatusCode::OK.into_response(),
            None => StatusCode::BAD_REQUEST.into_response(),
        },
        Mood::Busy => {
            collector.taken.lock().unwrap_or_else(PoisonError::into_inner).refused += 1;
            (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "1")]).into_response()
        }
        Mood::Flooded => {
            collector.taken.lock().unwrap_or_else(PoisonError::into_inner).refused += 1;
            StatusCode::TOO_MANY_REQUESTS.into_response()
        }
        Mood::Picky => {
            let partial =
                ExportLogsPartialSuccess { rejected_log_records: 2, error_message: String::new() };
            let answer = ExportLogsServiceResponse { partial_success: Some(partial) };
            answer.encode_to_vec().into_response()
        }
        Mood::Closed => (StatusCode::UNAUTHORIZED, "no such token: t0ken").into_response(),
        Mood::Silent => std::future::pending().await,
    }
}

/// The text of an attribute; empty where there is none.
pub(crate) fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let value = attributes.iter().find(|attribute| attribute.key == key);
    match value.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

/// The body of a log, which is a line of the ledger.
pub(crate) fn line(log: &LogRecord) -> &str {
    match log.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::StringValue(line)) => line,
        _ => "",
    }
}
