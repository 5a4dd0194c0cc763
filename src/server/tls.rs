//! The serving certificate: what is served now, and how it is replaced without a restart.

mod certificate;
mod client_auth;
mod self_signed;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

pub use self::certificate::{Certificate, CertificateError};
use self::client_auth::ClientAuth;
pub use self::client_auth::Clients;
use super::metrics::{CertificateOf, Metrics};
use super::{clock, files};

/// How often the certificate's files are compared with what is served.
pub const POLL: Duration = Duration::from_secs(15);

/// How often a certificate that is not there yet is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Where the certificate comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// PEM files, read again when their content changes.
    Files {
        /// The chain, leaf first.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// Made at start and again before it expires, for these names beside `localhost`.
    SelfSigned {
        /// DNS names and addresses.
        names: Vec<String>,
    },
    /// Kept by somebody else in this process, who hands on each new one at once.
    Handed(watch::Receiver<Arc<Pem>>),
}

/// A chain and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// The chain, leaf first.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl fmt::Debug for Pem {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pem")
    }
}

/// The certificate that is served, and the one place where it is replaced.
#[derive(Debug)]
pub struct Serving {
    source: Source,
    clients: Option<Arc<ClientAuth>>,
    current: ArcSwap<CertifiedKey>,
    metrics: Arc<Metrics>,
}

impl Serving {
    /// Loads the certificate for the first time, and who may call: everybody, where `clients` is absent.
    pub fn load(
        source: Source,
        clients: Option<Clients>,
        metrics: Arc<Metrics>,
    ) -> Result<(Arc<Self>, Loaded), CertificateError> {
        let clients = clients.map(ClientAuth::load).transpose()?;
        let (certificate, state) = fetch(&source)?;
        metrics.certificate(CertificateOf::Serving, certificate.not_after);
        let current = ArcSwap::new(Arc::new(certificate.key));
        Ok((Arc::new(Self { source, clients, current, metrics }), state))
    }

    /// The same, once it can be: whoever makes the certificate may be later. `who` waits, for the log.
    pub async fn load_when_there(
        source: &Source,
        clients: Option<&Clients>,
        metrics: &Arc<Metrics>,
        who: &'static str,
    ) -> (Arc<Self>, Loaded) {
        let mut told = String::new();
        loop {
            match Self::load(source.clone(), clients.cloned(), Arc::clone(metrics)) {
                Ok(loaded) => return loaded,
                Err(error) => {
                    let error = error.to_string();
                    if error != told {
                        tracing::info!(who, error, "a certificate is waited for");
                        told = error;
                    }
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    }

    /// The TLS settings: HTTP/2 first, and this certificate, whichever it is by then.
    pub fn config(self: &Arc<Self>) -> Result<ServerConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = match &self.clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients) as _),
            None => builder.with_no_client_auth(),
        };
        let mut config =
            builder.with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        if self.clients.is_some() {
            // A session that is resumed is not checked again.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Compares the source with what is served, every `interval`, for ever. What cannot be used is
    /// logged once and counted, and the last good certificate stays.
    pub async fn keep_fresh(self: Arc<Self>, mut loaded: Loaded, interval: Duration) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut last_error = String::new();
        let mut source = self.source.clone();
        loop {
            tokio::select! {
                () = source.wait() => {}
                _ = ticks.tick() => {}
            }
            let this = Arc::clone(&self);
            let before = loaded.clone();
            // Files may lie on a slow volume, and a key takes a while to make.
            let Ok(result) = tokio::task::spawn_blocking(move || this.renew(&before)).await else {
                continue;
            };
            match result {
                Ok(None) => {}
                Ok(Some(state)) => {
                    loaded = state;
                    last_error.clear();
                }
                Err(error) => {
                    let error = error.to_string();
                    if error != last_error {
                        self.metrics.certificate_failed();
                        tracing::error!(%error, "new certificate cannot be used: the last good one stays");
                        last_error = error;
                    }
                }
            }
        }
    }

    /// Replaces the certificate where the source has another one by now.
    fn renew(&self, loaded: &Loaded) -> Result<Option<Loaded>, CertificateError> {
        if let Some(clients) = &self.clients
            && clients.renew()?
        {
            tracing::info!("authority of clients replaced");
        }
        let due = match (&self.source, loaded) {
            (Source::Files { certificate, key }, Loaded::Content(before)) => {
                files::read(&[certificate, key])? != *before
            }
            (_, Loaded::Until(renewal)) => clock::now().as_second() >= *renewal,
            (Source::Handed(pem), Loaded::Handed(before)) => *pem.borrow() != *before,
            _ => true,
        };
        if !due {
            return Ok(None);
        }
        let (certificate, state) = fetch(&self.source)?;
        let not_after = certificate.not_after;
        self.current.store(Arc::new(certificate.key));
        self.metrics.certificate(CertificateOf::Serving, not_after);
        let expires = jiff::Timestamp::from_second(not_after).unwrap_or_default();
        tracing::info!(%expires, "serving certificate replaced");
        Ok(Some(state))
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// What was loaded last, to tell whether there is something newer.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// The bytes of the files.
    Content(files::Content),
    /// When a new one is due, in seconds since 1970.
    Until(i64),
    /// What was handed on.
    Handed(Arc<Pem>),
}

impl Source {
    /// Waits until something newer is handed on. What is not handed on is looked for.
    async fn wait(&mut self) {
        if let Self::Handed(pem) = self
            && pem.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

fn fetch(source: &Source) -> Result<(Certificate, Loaded), CertificateError> {
    match source {
        Source::Files { certificate, key } => {
            let content = files::read(&[certificate, key])?;
            let loaded =
                Certificate::from_pem((certificate, &content[certificate]), (key, &content[key]))?;
            Ok((loaded, Loaded::Content(content)))
        }
        Source::SelfSigned { names } => {
            let certificate = self_signed::make(names, clock::now())?;
            let renewal = certificate.not_after - self_signed::RENEW_BEFORE;
            Ok((certificate, Loaded::Until(renewal)))
        }
        Source::Handed(pem) => {
            let pem = Arc::clone(&pem.borrow());
            // What cannot be used names no file, but what it was kept as.
            let (chain, key) = (Path::new("tls.crt"), Path::new("tls.key"));
            let loaded = Certificate::from_pem(
                (chain, pem.certificate.as_bytes()),
                (key, pem.key.as_bytes()),
            )?;
            Ok((loaded, Loaded::Handed(pem)))
        }
    }
}

#[cfg(test)]
mod tests;
