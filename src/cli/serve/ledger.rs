//! The settings of the ledger.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::bail;
use serde::{Deserialize, Deserializer};

use super::cluster::OfLedger;
use super::settings::{Role, first_given};
use crate::cli::period::Period;
use crate::ledger::remote::{Files, Remote};
use crate::ledger::store::Retention;
use crate::ledger::{spool, writer};
use crate::server::tls::Clients;
use crate::server::{Unrecorded, clock, collector, web};

/// How often Reports are brought up to date, where nobody said.
const REPORTS_EVERY: Duration = Duration::from_mins(1);

/// How decisions are recorded. In a file of settings these stand under `ledger`, without that word in front.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Deserialize)]
#[group(id = "ledger_settings")]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Where records are stored for good: `sqlite:PATH`, `postgres://USER@HOST/DATABASE`, or none, which leaves them on
    /// standard output [default: none]
    #[arg(id = "ledger", long = "ledger", value_name = "URL")]
    pub(super) store: Option<String>,
    /// Address of the console, the pages about what --ledger holds. On loopback it asks nobody who they are; elsewhere it serves
    /// with --ledger-tls and asks the cluster
    #[arg(long, value_name = "ADDRESS")]
    pub(super) console: Option<SocketAddr>,
    /// How long the store keeps records, such as 2160h [default: for ever]
    #[arg(id = "ledger-keep", long = "ledger-keep", value_name = "DURATION")]
    pub(super) keep: Option<Period>,
    /// What the store may hold; past it, the oldest records go [default: no bound]
    #[arg(id = "ledger-max-size", long = "ledger-max-size", value_name = "SIZE")]
    pub(super) max_size: Option<Size>,
    /// Address at which a controller takes in the records of webhooks
    #[arg(id = "ledger-listen", long = "ledger-listen", value_name = "ADDRESS")]
    pub(super) listen: Option<SocketAddr>,
    /// Where a webhook sends its records: the controller, as https://HOST:PORT
    #[arg(id = "ledger-send", long = "ledger-send", value_name = "URL")]
    pub(super) send: Option<String>,
    /// IP address of that host, so that no name is looked up; what is none (a variable that nobody set) is as not given
    #[arg(id = "ledger-send-address", long = "ledger-send-address", value_name = "IP")]
    pub(super) send_address: Option<String>,
    /// Folder with tls.crt, tls.key and ca.crt, for --ledger-listen and --ledger-send: each side shows its certificate to
    /// the other
    #[arg(id = "ledger-tls", long = "ledger-tls", value_name = "DIR")]
    pub(super) tls: Option<PathBuf>,
    /// Common name or DNS name of which a sender's certificate must hold one; may be repeated
    #[arg(id = "ledger-client-name", long = "ledger-client-name", value_name = "NAME")]
    pub(super) client_name: Vec<String>,
    /// Tell of denials by Kubernetes Events on the owner of the pod, each incident once with its count
    #[arg(id = "events", long)]
    pub(super) events: bool,
    /// Keep a Report (`openreports.io/v1alpha1`) in each namespace of what was found there in the last 24 hours. The cluster
    /// must have the custom resources of `OpenReports`
    #[arg(id = "reports", long)]
    pub(super) reports: bool,
    /// How often Reports are brought up to date [default: 1m]
    #[arg(id = "reports-every", long = "reports-every", value_name = "DURATION")]
    pub(super) reports_every: Option<Period>,
    /// Folder in which records are kept until they are sent on; without it they go to standard output alone
    #[arg(id = "ledger-spool", long = "ledger-spool", value_name = "DIR")]
    pub(super) spool: Option<PathBuf>,
    /// What the spool may hold; past it, writing fails as on a full disk [default: 1GiB]
    #[arg(id = "ledger-spool-max", long = "ledger-spool-max", value_name = "SIZE")]
    pub(super) spool_max: Option<Size>,
    /// How much a power cut may take: records reach the disk itself after this long; 0s before each answer [default: 1s]
    #[arg(id = "ledger-sync", long = "ledger-sync", value_name = "DURATION")]
    pub(super) sync: Option<Period>,
    /// PEM file of the Ed25519 key that signs the chain's head every minute; it may come later, and be exchanged
    #[arg(id = "ledger-key", long = "ledger-key", value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// Secret in which that key is kept, as key.pem; made where it is not there. For who keeps certificates
    #[arg(id = "ledger-key-secret", long = "ledger-key-secret", value_name = "NAME")]
    pub(super) key_secret: Option<String>,
    /// What to do where a record cannot be kept: answer (it goes to standard output alone), or refuse what /validate
    /// would let in [default: answer]
    #[arg(id = "ledger-unrecorded", long = "ledger-unrecorded", value_name = "WHAT", value_parser = unrecorded)]
    pub(super) unrecorded: Option<Unrecorded>,
}

impl Settings {
    /// These settings, and `file`'s where these say nothing.
    pub(super) fn over(self, file: Self) -> Self {
        // In full, so that a forgotten setting does not compile.
        let Self {
            store,
            console,
            keep,
            max_size,
            listen,
            send,
            send_address,
            tls,
            client_name,
            events,
            reports,
            reports_every,
            spool,
            spool_max,
            sync,
            key,
            key_secret,
            unrecorded,
        } = self;
        Self {
            store: store.or(file.store),
            console: console.or(file.console),
            keep: keep.or(file.keep),
            max_size: max_size.or(file.max_size),
            listen: listen.or(file.listen),
            send: send.or(file.send),
            send_address: send_address.or(file.send_address),
            tls: tls.or(file.tls),
            client_name: first_given(client_name, file.client_name),
            events: events || file.events,
            reports: reports || file.reports,
            reports_every: reports_every.or(file.reports_every),
            spool: spool.or(file.spool),
            spool_max: spool_max.or(file.spool_max),
            sync: sync.or(file.sync),
            key: key.or(file.key),
            key_secret: key_secret.or(file.key_secret),
            unrecorded: unrecorded.or(file.unrecorded),
        }
    }

    /// What a process of `role` is to do.
    pub(super) fn plan(mut self, role: Role, poll: Duration) -> anyhow::Result<Plan> {
        self.store = self.store.filter(|url| url != "none");
        self.check(role)?;
        let tls = self.tls.clone().unwrap_or_default();
        let files = Files {
            certificate: tls.join("tls.crt"),
            key: tls.join("tls.key"),
            authority: tls.join("ca.crt"),
        };
        let store = self.store.clone().map(|url| Stored {
            url,
            events: self.events,
            reports: self.reports_every(),
            keep: Retention {
                age: self.keep.map(|period| period.0),
                bytes: self.max_size.map(|size| size.0),
            },
            console: self.console.map(|listen| web::Options {
                listen,
                certificate: self
                    .console_is_open()
                    .then(|| (files.certificate.clone(), files.key.clone())),
                poll,
            }),
            listen: self.listen.map(|listen| collector::Options {
                listen,
                certificate: files.certificate.clone(),
                key: files.key.clone(),
                clients: Clients {
                    authority: files.authority.clone(),
                    names: self.client_name.clone(),
                },
                poll,
            }),
        });
        let address = self.send_address.as_ref().and_then(|address| address.parse().ok());
        let send = self.send.clone().map(|url| Remote::new(&url, address, files)).transpose();
        let send = send.map_err(|error| anyhow::anyhow!("--ledger-send {error}"))?;
        if role == Role::Controller {
            // Which writes nothing.
            let writer = writer::Options::new(clock::now);
            return Ok(Plan { writer, unrecorded: Unrecorded::default(), store, send });
        }
        let (writer, unrecorded) = self.writer()?;
        Ok(Plan { writer, unrecorded, store, send })
    }

    /// What it needs of the cluster.
    pub(super) fn wanted(&self) -> OfLedger {
        OfLedger {
            key_secret: self.key_secret.clone(),
            sign_in: self.console_is_open(),
            events: self.events,
            reports: self.reports,
        }
    }

    /// How often Reports are brought up to date; none where none are kept.
    fn reports_every(&self) -> Option<Duration> {
        self.reports.then(|| self.reports_every.map_or(REPORTS_EVERY, |period| period.0))
    }

    /// Whether others than who sits at this machine can reach the console.
    fn console_is_open(&self) -> bool {
        self.console.is_some_and(|console| !console.ip().is_loopback())
    }

    /// What does not go together.
    fn check(&self, role: Role) -> anyhow::Result<()> {
        let stores = self.store.is_some();
        if role == Role::Webhook && (stores || self.listen.is_some()) {
            bail!(
                "--role webhook stores nothing: --ledger and --ledger-listen are for the controller, to which --ledger-send sends"
            );
        }
        if role == Role::Controller && (self.spool.is_some() || self.send.is_some()) {
            bail!(
                "--role controller decides nothing: --ledger-spool and --ledger-send are for webhooks"
            );
        }
        if self.send.is_some() && stores {
            bail!(
                "--ledger and --ledger-send exclude each other: records are stored here or there"
            );
        }
        if self.console.is_some() && !stores {
            bail!("--console shows what is stored: give --ledger");
        }
        if self.events && !stores {
            bail!(
                "--events tell of what is stored, each once: give --ledger, or --events to the controller"
            );
        }
        if self.reports && !stores {
            bail!(
                "--reports are made from what is stored: give --ledger, or --reports to the controller"
            );
        }
        if self.reports_every.is_some_and(|every| !self.reports || every.0.is_zero()) {
            bail!("--reports-every needs --reports, and must be more than 0s");
        }
        if self.console_is_open() && self.tls.is_none() {
            bail!(
                "--console on an address that others can reach needs --ledger-tls; 127.0.0.1 needs nothing"
            );
        }
        if (self.listen.is_some() || self.keep.is_some() || self.max_size.is_some()) && !stores {
            bail!(
                "--ledger-listen, --ledger-keep and --ledger-max-size are about a store: give --ledger"
            );
        }
        if (self.listen.is_some() || self.send.is_some()) && self.tls.is_none() {
            bail!(
                "--ledger-listen and --ledger-send need --ledger-tls, a folder with tls.crt, tls.key and ca.crt"
            );
        }
        if self.listen.is_some() && self.client_name.is_empty() {
            bail!(
                "--ledger-listen needs --ledger-client-name: an authority alone may have signed for anybody"
            );
        }
        if self.send.is_some() && self.spool.is_none() {
            bail!("--ledger-send needs --ledger-spool, where records are until they are sent");
        }
        Ok(())
    }

    /// How the writer is to work.
    fn writer(self) -> anyhow::Result<(writer::Options, Unrecorded)> {
        let unrecorded = self.unrecorded.unwrap_or_default();
        let mut options = writer::Options { key: self.key, ..writer::Options::new(clock::now) };
        // Beside a file, the spool lies beside it.
        let beside = self.store.as_deref().and_then(|url| url.strip_prefix("sqlite:"));
        let beside =
            beside.map(|path| PathBuf::from(format!("{}.spool", path.trim_start_matches("//"))));
        match self.spool.or(beside) {
            Some(dir) => {
                let mut spool = spool::Options::new(dir);
                spool.max_bytes = self.spool_max.map_or(spool.max_bytes, |size| size.0);
                options.spool = Some(spool);
            }
            None if self.store.is_some() => {
                bail!(
                    "--ledger postgres://… needs --ledger-spool, where records are until they are stored"
                )
            }
            None if self.spool_max.is_some() || self.sync.is_some() => {
                bail!("--ledger-spool-max and --ledger-sync are about a spool: give --ledger-spool")
            }
            None if unrecorded == Unrecorded::Refuse => {
                bail!(
                    "--ledger-unrecorded refuse needs --ledger-spool: nobody knows what became of standard output"
                )
            }
            None => {}
        }
        options.sync = self.sync.map_or(options.sync, |period| period.0);
        Ok((options, unrecorded))
    }
}

/// What is to be done with records.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) writer: writer::Options,
    pub(super) unrecorded: Unrecorded,
    pub(super) store: Option<Stored>,
    pub(super) send: Option<Remote>,
}

/// The store, and who may send to it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) url: String,
    pub(super) events: bool,
    /// How often Reports are brought up to date, if any are kept.
    pub(super) reports: Option<Duration>,
    pub(super) keep: Retention,
    pub(super) listen: Option<collector::Options>,
    pub(super) console: Option<web::Options>,
}

fn unrecorded(text: &str) -> Result<Unrecorded, String> {
    match text {
        "answer" => Ok(Unrecorded::Answer),
        "refuse" => Ok(Unrecorded::Refuse),
        _ => Err("must be answer or refuse".to_owned()),
    }
}

/// A number of bytes: `1GiB`, `64MiB`, `512KiB` or `1000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

/// A text that is no size.
#[derive(Debug, thiserror::Error)]
#[error("must be a number of bytes such as 64MiB, 1GiB or 1000000")]
pub(super) struct NotASize;

impl FromStr for Size {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number: u64 = digits.parse().map_err(|_| NotASize)?;
        let shift = match text.strip_prefix(digits) {
            Some("") => 0,
            Some("KiB") => 10,
            Some("MiB") => 20,
            Some("GiB") => 30,
            Some("TiB") => 40,
            _ => return Err(NotASize),
        };
        number.checked_mul(1 << shift).map(Self).ok_or(NotASize)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_kubernetes_writes_them() {
        let read = |text: &str| text.parse::<Size>().ok().map(|size| size.0);
        assert_eq!(read("1GiB"), Some(1 << 30));
        assert_eq!(read("64MiB"), Some(64 << 20));
        assert_eq!(read("0"), Some(0));
        for wrong in ["", "GiB", "1GB", "1 GiB", "-1", "1.5GiB", "99999999999TiB", "１KiB"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reports_need_a_store_and_their_period_needs_them() {
        let period = |seconds| Some(Period(Duration::from_secs(seconds)));
        let stores = Settings { store: Some("sqlite:l.db".to_owned()), ..Settings::default() };
        let plan = |settings: Settings| settings.plan(Role::Controller, Duration::ZERO);
        for (settings, told) in [
            (Settings { reports: true, ..Settings::default() }, "--ledger"),
            (Settings { reports_every: period(1), ..stores.clone() }, "needs --reports"),
            (
                Settings { reports: true, reports_every: period(0), ..stores.clone() },
                "more than 0s",
            ),
        ] {
            let error = plan(settings).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(told), "{told}: {error}");
        }
        let every = |settings| plan(settings).unwrap().store.unwrap().reports;
        assert_eq!(every(stores.clone()), None);
        let on = Settings { reports: true, ..stores };
        assert_eq!(every(on.clone()), Some(REPORTS_EVERY));
        let often = Settings { reports_every: period(2), ..on };
        assert_eq!(every(often), Some(Duration::from_secs(2)));
    }

    #[test]
    fn what_needs_a_spool_says_so() {
        let period = Period(Duration::ZERO);
        for settings in [
            Settings { sync: Some(period), ..Settings::default() },
            Settings { spool_max: Some(Size(1)), ..Settings::default() },
            Settings { unrecorded: Some(Unrecorded::Refuse), ..Settings::default() },
        ] {
            let error = settings.writer().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("--ledger-spool"), "{error}");
        }
        let settings =
            Settings { spool: Some("s".into()), sync: Some(period), ..Settings::default() };
        let (options, unrecorded) = settings.writer().unwrap();
        assert_eq!(options.sync, Duration::ZERO);
        assert_eq!(unrecorded, Unrecorded::Answer);
    }
}
