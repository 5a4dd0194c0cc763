//! Webhooks that send their records to a controller, as processes on this machine, and a client that remembers what
//! it was told.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use podgate::ledger::query::{Filter, Page};
use podgate::ledger::store::Store;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::apiserver::free_port;
use crate::certificates::{Authority, Pair};
use crate::podgate::binary;
use crate::poll::wait_for;
use crate::process::{End, Place, Process};

/// A review that is refused.
const VIOLATING: &str = include_str!("../reviews/violating.json");
/// How many clients send at a time.
const CLIENTS: u64 = 4;

/// A controller with a store, and the folder of everything.
pub struct Fleet {
    folder: PathBuf,
    authority: Authority,
    store: String,
    port: u16,
    admin: u16,
    controller: Option<Process>,
}

impl Fleet {
    /// Prepares a fleet that stores at `url`, or in a file of its own. Nothing runs yet.
    pub fn prepare(name: &str, url: Option<String>) -> Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("podgate-fleet-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let tls = folder.join("tls");
        fs::create_dir_all(&tls)?;
        let authority = Authority::new(&tls)?;
        let pair = authority.peer("peer", &["localhost"])?;
        fs::copy(&pair.certificate, tls.join("tls.crt"))?;
        fs::copy(&pair.key, tls.join("tls.key"))?;
        let store = url.unwrap_or_else(|| format!("sqlite:{}", folder.join("ledger.db").display()));
        let (port, admin) = (free_port()?, free_port()?);
        Ok(Self { folder, authority, store, port, admin, controller: None })
    }

    /// Starts the controller, and returns once it takes records in.
    pub fn start_controller(&mut self) -> Result<()> {
        let tls = self.folder.join("tls").display().to_string();
        let listen = format!("127.0.0.1:{}", self.port);
        let admin = format!("127.0.0.1:{}", self.admin);
        let arguments = [
            "serve",
            "--role=controller",
            "--ledger",
            &self.store,
            "--ledger-listen",
            &listen,
            "--ledger-tls",
            &tls,
            "--ledger-client-name",
            "localhost",
            "--admin-listen",
            &admin,
        ];
        let mut process = start("controller", &self.folder, &arguments)?;
        let port = self.port;
        let listening =
            wait_for("the controller to take records in", Duration::from_secs(20), || {
                process.still_runs()?;
                Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop))
            });
        listening.with_context(|| process.log_end())?;
        self.controller = Some(process);
        Ok(())
    }

    /// `kill -9` of the controller.
    pub fn kill_controller(&mut self) -> Result<()> {
        self.controller.take().context("no controller")?.stop()?;
        Ok(())
    }

    /// A webhook with a spool of its own, which runs.
    pub fn webhook(&self, name: &str, arguments: &[&str]) -> Result<Webhook> {
        let mut webhook = Webhook {
            name: name.to_owned(),
            folder: self.folder.clone(),
            spool: self.folder.join(format!("{name}.spool")),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            controller: format!("https://localhost:{}", self.port),
            port: free_port()?,
            admin: free_port()?,
            process: None,
        };
        webhook.start()?;
        Ok(webhook)
    }

    /// Sends refused reviews to `webhook` until it is told to stop.
    pub fn client(&self, webhook: &Webhook) -> Result<Load> {
        Load::start(&self.authority.pem, webhook.port)
    }

    /// The answer of `webhook` to one review.
    pub async fn post(&self, webhook: &Webhook, review: &str) -> Result<Value> {
        self.post_with(webhook, review, &[]).await
    }

    /// The same, of a caller that sends these headers.
    pub async fn post_with(
        &self,
        webhook: &Webhook,
        review: &str,
        headers: &[(&str, &str)],
    ) -> Result<Value> {
        let client = client(&self.authority.pem, None)?;
        let mut request = Request::post(format!("https://localhost:{}/validate", webhook.port))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(review.to_owned()))?;
        let answer = client.request(request).await?.into_body().collect().await?.to_bytes();
        Ok(serde_json::from_slice(&answer)?)
    }

    /// The HTTP status that whoever shows a certificate of this name, or none, gets for records.
    pub async fn post_records(&self, name: Option<&str>) -> Result<u16> {
        let pair = name.map(|name| self.authority.peer(name, &[name])).transpose()?;
        let client = client(&self.authority.pem, pair.as_ref())?;
        let request = Request::post(format!("https://localhost:{}/ledger/v1/records", self.port));
        let answer = client.request(request.body(Full::from(String::new()))?).await?;
        Ok(answer.status().as_u16())
    }

    /// Waits until the store holds every one of these requests, and returns how many decisions it holds.
    pub async fn holds(&self, uids: &HashSet<String>) -> Result<usize> {
        let store = Store::open_existing(&self.store).await?;
        let mut missing = usize::MAX;
        for _ in 0..120 {
            let stored = stored(&store).await?;
            missing = uids.iter().filter(|uid| !stored.contains(*uid)).count();
            if missing == 0 {
                return Ok(stored.len());
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        anyhow::bail!("{missing} of {} denials that a client saw are not in the store", uids.len())
    }

    /// Whether each chain in the store is there without a hole, from its first record on.
    pub async fn has_no_gap(&self) -> Result<bool> {
        let store = Store::open_existing(&self.store).await?;
        let chains = store.chains().await?;
        ensure!(!chains.is_empty(), "no chain");
        Ok(chains.iter().all(|chain| matches!(chain.spans[..], [(1, _)])))
    }

    /// The port of the controller's metrics.
    #[must_use]
    pub fn admin(&self) -> u16 {
        self.admin
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &str {
        &self.store
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.controller = None;
        if std::env::var_os("PODGATE_KEEP").is_none() && !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

async fn stored(store: &Store) -> Result<HashSet<String>> {
    let (mut page, mut uids) = (Page::first(2000), HashSet::new());
    loop {
        let listed = store.decisions(&Filter::default(), &page).await?;
        uids.extend(
            listed.items.iter().filter_map(|item| Some(item.decision()?.request_uid.clone())),
        );
        let Some(next) = listed.next else { return Ok(uids) };
        page.after = Some(next);
    }
}

/// One webhook.
pub struct Webhook {
    name: String,
    folder: PathBuf,
    spool: PathBuf,
    arguments: Vec<String>,
    controller: String,
    port: u16,
    admin: u16,
    process: Option<Process>,
}

impl Webhook {
    /// Starts it, with what its spool holds, and returns once it answers.
    pub fn start(&mut self) -> Result<()> {
        let path = |path: &Path| path.display().to_string();
        let (tls, spool) = (path(&self.folder.join("tls")), path(&self.spool));
        let (listen, admin) =
            (format!("127.0.0.1:{}", self.port), format!("127.0.0.1:{}", self.admin));
        let (certificate, key) = (format!("{tls}/tls.crt"), format!("{tls}/tls.key"));
        let mut arguments = vec![
            "serve",
            "--role=webhook",
            "--tls-cert",
            &certificate,
            "--tls-key",
            &key,
            "--listen",
            &listen,
            "--admin-listen",
            &admin,
            "--replica",
            &self.name,
            "--shutdown-grace=0s",
            "--ledger-spool",
            &spool,
            "--ledger-send",
            &self.controller,
            "--ledger-tls",
            &tls,
        ];
        arguments.extend(self.arguments.iter().map(String::as_str));
        self.process = Some(start(&self.name, &self.folder, &arguments)?);
        let process = &mut self.process;
        let port = self.port;
        wait_for("the webhook to answer", Duration::from_secs(20), || {
            if let Some(process) = process {
                process.still_runs()?;
            }
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop))
        })
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().context("no webhook")?.stop()?;
        Ok(())
    }

    /// Ends it as a node ends a container.
    pub fn end(&mut self) -> Result<()> {
        let mut process = self.process.take().context("no webhook")?;
        let status = process.terminate("podgate")?;
        ensure!(status.success(), "it ended with {status}: {}", process.log_end());
        Ok(())
    }

    /// The port of its metrics.
    #[must_use]
    pub fn admin(&self) -> u16 {
        self.admin
    }

    /// Its spool.
    #[must_use]
    pub fn spool(&self) -> &Path {
        &self.spool
    }

    /// The value of one series of its metrics.
    pub fn metric(&self, series: &str) -> Result<u64> {
        let (code, text) = crate::podgate::get(self.admin, "/metrics")?;
        ensure!(code == 200, "the metrics are answered with {code}");
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(Ok(0), |value| Ok(value.parse()?))
    }
}

fn start(name: &str, folder: &Path, arguments: &[&str]) -> Result<Process> {
    let binary = binary()?.display().to_string();
    let mut command = vec!["env", "KUBECONFIG=/nowhere", &binary];
    command.extend(arguments);
    Process::start(name, End::Kill, Place::here(folder), &command)
}

type Https = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client that trusts `authority`, and shows a certificate if it has one.
fn client(authority: &str, pair: Option<&Pair>) -> Result<Https> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let config = match pair {
        None => config.with_no_client_auth(),
        Some(pair) => config.with_client_auth_cert(
            CertificateDer::pem_file_iter(&pair.certificate)?.collect::<Result<_, _>>()?,
            PrivateKeyDer::from_pem_file(&pair.key)?,
        )?,
    };
    let https =
        HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(https))
}

/// Clients that send as fast as they are answered.
pub struct Load {
    tasks: JoinSet<HashSet<String>>,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
}

impl Load {
    fn start(authority: &str, port: u16) -> Result<Self> {
        let client = client(authority, None)?;
        let review: Value = serde_json::from_str(VIOLATING)?;
        let uid = review["request"]["uid"].as_str().context("a uid")?.to_owned();
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for number in 0..CLIENTS {
            let (client, stop, answered, uid) =
                (client.clone(), Arc::clone(&stop), Arc::clone(&answered), uid.clone());
            tasks.spawn(async move {
                let mut denied = HashSet::new();
                for count in 0_u64.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let own = format!("{number:08x}-0000-4000-8000-{count:012x}");
                    let body = VIOLATING.replace(&uid, &own);
                    let request =
                        Request::post(format!("https://localhost:{port}/validate?timeout=10s"))
                            .header("content-type", "application/json")
                            .body(Full::from(body));
                    let Ok(request) = request else { break };
                    // A webhook that is dead answers nothing, and promises nothing.
                    let Ok(response) = client.request(request).await else {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        continue;
                    };
                    let Ok(answer) = response.into_body().collect().await else { continue };
                    let Ok(answer) = serde_json::from_slice::<Value>(&answer.to_bytes()) else {
                        continue;
                    };
                    if answer["response"]["allowed"] == false
                        && answer["response"]["uid"] == own.as_str()
                    {
                        denied.insert(own);
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
                denied
            });
        }
        Ok(Self { tasks, stop, answered })
    }

    /// Waits until so many more were refused.
    pub async fn until_more(&self, more: u64) -> Result<()> {
        let goal = self.answered.load(Ordering::Relaxed) + more;
        for _ in 0..2400 {
            if self.answered.load(Ordering::Relaxed) >= goal {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        anyhow::bail!("only {} of {goal} were answered", self.answered.load(Ordering::Relaxed))
    }

    /// Stops, and tells which requests were refused.
    pub async fn stop(mut self) -> Result<HashSet<String>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut denied = HashSet::new();
        while let Some(more) = self.tasks.join_next().await {
            denied.extend(more?);
        }
        Ok(denied)
    }
}
