//! Sends one signal: a bounded queue, batches, and a client that tries again for a while.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prometheus_client::metrics::counter::Counter;
use prost::Message as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Options, Service};
use crate::ledger::remote::cause;

/// How long items may wait for others.
const LINGER: Duration = Duration::from_millis(500);
/// How long the collector may take over one request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a batch is tried: a collector that restarts gets it afterwards.
const TRY_FOR: Duration = Duration::from_mins(1);
/// How long is waited before the second try, and at most; the collector may ask for another time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Bytes that may wait. Past it, and past [`ITEMS`], what comes is dropped.
const BYTES: usize = 8 * 1024 * 1024;
/// Items that may wait.
const ITEMS: usize = 65_536;
/// What is read of an answer, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// A kind of telemetry.
pub trait Signal: Send + 'static {
    /// Its name.
    const NAME: &'static str;
    /// Its path, under the collector's address.
    const PATH: &'static str;
    /// What is queued.
    type Item: Send;
    /// Items of one request, at most.
    const BATCH: usize;

    /// Bytes that an item takes, about.
    fn bytes(item: &Self::Item) -> usize;

    /// A request with these items.
    fn encode(items: &[Self::Item], service: &Service) -> Encoded;
}

/// A request.
#[derive(Debug)]
pub struct Encoded {
    /// Its body, as Protobuf.
    pub body: Vec<u8>,
    /// How many logs or spans are in it.
    pub count: u64,
}

/// Takes items of a signal.
pub struct Sender<S: Signal> {
    queue: mpsc::Sender<S::Item>,
    /// Bytes that wait.
    waiting: Arc<AtomicUsize>,
    dropped: Counter,
}

impl<S: Signal> fmt::Debug for Sender<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({})", S::NAME)
    }
}

impl<S: Signal> Sender<S> {
    /// Queues an item of so many logs or spans, or counts them as dropped. It never waits.
    pub fn send(&self, item: S::Item, count: u64) {
        let bytes = S::bytes(&item);
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > BYTES || self.queue.try_send(item).is_err() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.dropped.inc_by(count);
        }
    }
}

type Https = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// What sends.
pub struct Sending<S: Signal> {
    options: Options,
    client: Https,
    queue: mpsc::Receiver<S::Item>,
    waiting: Arc<AtomicUsize>,
    dropped: Counter,
    /// The last failure that was told.
    told: String,
    signal: PhantomData<S>,
}

impl<S: Signal> fmt::Debug for Sending<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sending({}, {:?})", S::NAME, self.options.endpoint)
    }
}

/// Why a request was not taken.
enum Failure {
    /// It may be later, or after as long as the collector says.
    Later(String, Option<Duration>),
    /// It never will be.
    Never(String),
}

impl<S: Signal> Sending<S> {
    /// A queue, and what sends it. `dropped` counts what is not sent.
    ///
    /// # Errors
    /// Where the authorities cannot be read.
    pub fn prepare(options: Options, dropped: Counter) -> Result<(Sender<S>, Self), String> {
        let client = client(&options)?;
        let (sender, queue) = mpsc::channel(ITEMS);
        let waiting = Arc::<AtomicUsize>::default();
        let sender =
            Sender { queue: sender, waiting: Arc::clone(&waiting), dropped: dropped.clone() };
        let (told, signal) = (String::new(), PhantomData);
        Ok((sender, Self { options, client, queue, waiting, dropped, told, signal }))
    }

    /// Sends until every [`Sender`] is gone and nothing waits any more.
    pub async fn run(mut self) {
        let mut items = Vec::with_capacity(S::BATCH);
        while self.queue.recv_many(&mut items, S::BATCH).await > 0 {
            let full = async {
                while items.len() < S::BATCH {
                    let room = S::BATCH - items.len();
                    if self.queue.recv_many(&mut items, room).await == 0 {
                        return;
                    }
                }
            };
            // Those that come too late are in the next one.
            let _ = tokio::time::timeout(LINGER, full).await;
            let bytes = items.iter().map(S::bytes).sum();
            self.deliver(std::mem::take(&mut items)).await;
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    async fn deliver(&mut self, items: Vec<S::Item>) {
        let service = self.options.service.clone();
        // Not on a thread that answers reviews.
        let encoded = tokio::task::spawn_blocking(move || S::encode(&items, &service)).await;
        let Ok(Encoded { body, count }) = encoded else { return };
        if count == 0 {
            return;
        }
        let body = Bytes::from(body);
        let (mut pause, until) = (FIRST_PAUSE, Instant::now() + TRY_FOR);
        loop {
            match self.post(body.clone()).await {
                Ok(rejected) => {
                    self.dropped.inc_by(rejected.min(count));
                    if !self.told.is_empty() {
                        self.told.clear();
                        tracing::info!(signal = S::NAME, "the collector takes telemetry again");
                    }
                    return;
                }
                Err(Failure::Never(why)) => {
                    self.tell(&why);
                    break;
                }
                Err(Failure::Later(why, asked)) => {
                    self.tell(&why);
                    let pause_now = asked.unwrap_or(pause).min(LONGEST_PAUSE);
                    if Instant::now() + pause_now > until {
                        break;
                    }
                    tokio::time::sleep(pause_now).await;
                    pause *= 2;
                }
            }
        }
        self.dropped.inc_by(count);
    }

    /// Each failure once.
    fn tell(&mut self, why: &str) {
        if self.told != why {
            why.clone_into(&mut self.told);
            let collector = &self.options.endpoint.0;
            tracing::warn!(signal = S::NAME, collector, why, "telemetry cannot be sent");
        }
    }

    /// How many items the collector did not take, of a request that it did.
    async fn post(&self, body: Bytes) -> Result<u64, Failure> {
        let later = |why: &dyn fmt::Display| Failure::Later(why.to_string(), None);
        let mut request = Request::post(self.options.endpoint.path(S::PATH))
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .body(Full::new(body))
            .map_err(|error| Failure::Never(error.to_string()))?;
        for (name, value) in self.headers().map_err(|why| later(&why))? {
            request.headers_mut().append(name, value);
        }
        let response = tokio::time::timeout(PATIENCE, self.client.request(request)).await;
        let response = response.map_err(|_| later(&"no answer"))?;
        let response = response.map_err(|error| later(&cause(&error)))?;
        let status = response.status();
        let asked = response.headers().get(header::RETRY_AFTER);
        let asked = asked.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect();
        let body = tokio::time::timeout(PATIENCE, body).await;
        let body = body.map_err(|_| later(&"half an answer"))?;
        let body = body.map_err(|error| later(&error))?.to_bytes();
        match status {
            status if status.is_success() => Ok(rejected(&body)),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                Err(Failure::Later(status.to_string(), asked.map(Duration::from_secs)))
            }
            // What an answer says may repeat what was sent, tokens among it.
            _ => Err(Failure::Never(status.to_string())),
        }
    }

    /// The headers of the file. An error names its line and no value.
    fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
        let Some(path) = &self.options.headers else { return Ok(Vec::new()) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let mut headers = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() {
                continue;
            }
            let header = line.split_once(':').and_then(|(name, value)| {
                let mut value: HeaderValue = value.trim().parse().ok()?;
                value.set_sensitive(true);
                Some((name.trim().parse().ok()?, value))
            });
            headers.push(header.ok_or_else(|| {
                format!(
                    "{}:{number}: must be a header such as Authorization: Bearer …",
                    path.display()
                )
            })?);
        }
        Ok(headers)
    }
}

/// How many items an answer says were rejected. Those of all signals are of one form.
fn rejected(answer: &[u8]) -> u64 {
    let answer = ExportLogsServiceResponse::decode(answer).unwrap_or_default();
    let rejected = answer.partial_success.map_or(0, |partial| partial.rejected_log_records);
    u64::try_from(rejected).unwrap_or_default()
}

fn client(options: &Options) -> Result<Https, String> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(Duration::from_secs(5)));
    let roots =
        if options.endpoint.is_encrypted() { roots(options)? } else { RootCertStore::empty() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let https = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1();
    Ok(Client::builder(TokioExecutor::new()).build(https.wrap_connector(tcp)))
}

/// Where Linux keeps its authorities; the first that is there is theirs. The image has the first.
const SYSTEM: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

fn roots(options: &Options) -> Result<RootCertStore, String> {
    let given = options.authority.clone();
    let system =
        || SYSTEM.into_iter().map(Into::into).find(|path: &std::path::PathBuf| path.exists());
    let path = given.or_else(system).ok_or("no authorities: give a file of them")?;
    let told = |error: &dyn fmt::Display| format!("cannot use {}: {error}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&path).map_err(|error| told(&error))? {
        // One of many that this TLS does not know is no reason to trust none.
        let _ = roots.add(certificate.map_err(|error| told(&error))?);
    }
    if roots.is_empty() {
        return Err(told(&"no certificate in it"));
    }
    Ok(roots)
}
