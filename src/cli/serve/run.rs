//! The process, from its first open port to its end.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

use super::cluster::{Cluster, Wanted};
use super::ledger::Plan;
use super::otlp::Telemetry;
use super::records::Records;
use crate::cluster::certificates::Kept;
use crate::console;
use crate::ledger::Instance;
use crate::otlp;
use crate::policy::Terms;
use crate::server::reload::{self, Origin, Policies, Told};
use crate::server::shutdown::{self, Signals};
use crate::server::tls::{Clients, Source};
use crate::server::{Admin, AdminPort, Bound, Metrics, Options, PolicyStore, Recording, State};

/// What a process is to do.
pub(super) struct Process {
    pub(super) admin_listen: SocketAddr,
    /// None where nobody asks: a controller compiles policies only to tell their status.
    pub(super) policies: Option<Origin>,
    pub(super) webhook: Option<Webhook>,
    pub(super) ledger: Plan,
    pub(super) otlp: Option<otlp::Options>,
    pub(super) wanted: Wanted,
    pub(super) terms: Terms,
    pub(super) policy_poll: Duration,
    pub(super) grace: Duration,
    pub(super) replica: String,
}

/// What answers reviews.
pub(super) struct Webhook {
    pub(super) listen: SocketAddr,
    pub(super) certificate: Certificate,
    pub(super) clients: Option<Clients>,
    pub(super) recording: Recording,
    pub(super) cluster: String,
    pub(super) max_in_flight: usize,
    pub(super) max_connections: usize,
    pub(super) certificate_poll: Duration,
}

/// Where the certificate comes from.
pub(super) enum Certificate {
    /// The server looks after it.
    Own(Source),
    /// The cluster's side does.
    Managed,
}

#[tokio::main]
pub(super) async fn run(process: Process) -> anyhow::Result<()> {
    let signals = shutdown::signals().context("cannot listen for signals")?;
    let admin = Admin::default();
    let port = AdminPort::bind(process.admin_listen)?;
    tracing::info!(admin = %port.address()?, "answering probes");
    tokio::select! {
        result = port.serve(admin.clone()) => Ok(result?),
        result = work(process, admin, signals) => result,
    }
}

/// Waits for what the first answer needs, then answers until a signal ends it.
async fn work(process: Process, admin: Admin, mut signals: Signals) -> anyhow::Result<()> {
    let Process {
        policies, webhook, ledger, otlp, wanted, terms, policy_poll, grace, replica, ..
    } = process;
    // Before anything else is met, or a process that has just begun would pass for ready.
    let listening = webhook.as_ref().map(|_| admin.readiness.condition("listening"));
    let tells_status = wanted.status;
    let mut telemetry = Telemetry::begin(otlp, &admin.metrics)?;
    let mut records = Records::open(ledger, &admin.metrics).await?;
    let mut cluster = Cluster::join(wanted, &replica, &admin).await?;
    tokio::select! {
        heard = cluster.heard() => heard?,
        _ = signals.recv() => return Ok(()),
    }
    let told = Told {
        terms: terms.clone(),
        no_namespace_labels: webhook.is_some() && cluster.namespaces.is_none(),
    };
    let policies =
        policies.map(|origin| load(origin, told, cluster.resources.clone(), &admin)).transpose()?;
    if let Some((policies, _)) = policies.as_ref().filter(|_| tells_status) {
        cluster.keep_status(policies.outcome());
    }
    cluster.tell(std::mem::take(&mut records.audience), &replica, admin.metrics.ledger());
    let facts = Facts { policies: Arc::clone(&admin.store), kept: cluster.kept.clone() };
    records.show(Arc::new(facts), cluster.sign_in.clone(), &admin.metrics);
    match (webhook, policies, listening) {
        (Some(webhook), Some((policies, store)), Some(listening)) => {
            let certificate = tokio::select! {
                certificate = certificate(webhook.certificate, &mut cluster) => certificate?,
                _ = signals.recv() => return Ok(()),
            };
            let instance = Instance::boot(webhook.cluster, replica);
            let ledger = records.begin(instance, telemetry.listener())?;
            let state = State {
                namespaces: cluster.namespaces.clone(),
                user_namespaces: cluster.user_namespaces(),
                ledger: Some(ledger),
                recording: webhook.recording,
                unrecorded: records.unrecorded,
                terms,
                tracer: telemetry.tracer(),
                readiness: admin.readiness.clone(),
                in_flight: Semaphore::new(webhook.max_in_flight),
                ..State::new(store, Arc::clone(&admin.metrics))
            };
            let options = Options {
                listen: webhook.listen,
                certificate,
                clients: webhook.clients,
                max_connections: webhook.max_connections,
                grace,
                policy_poll,
                certificate_poll: webhook.certificate_poll,
            };
            let bound = Bound::bind(options, Arc::new(state))?;
            bound.run(policies, signals, listening).await?;
        }
        (_, policies, _) => {
            tokio::select! {
                () = keep_fresh(policies, Arc::clone(&admin.metrics), policy_poll) => {}
                _ = signals.recv() => {}
            }
            admin.readiness.stop();
            tracing::info!("stopped");
        }
    }
    records.finish().await;
    telemetry.finish().await;
    cluster.leave().await;
    Ok(())
}

/// What the console asks of the process.
#[derive(Debug)]
struct Facts {
    policies: Arc<OnceLock<Arc<PolicyStore>>>,
    kept: Option<watch::Receiver<Kept>>,
}

impl console::Facts for Facts {
    fn in_force(&self) -> Option<console::InForce> {
        Some(console::InForce::of(&self.policies.get()?.load().set))
    }

    fn certificates(&self) -> Vec<(&'static str, Timestamp)> {
        let Some(kept) = &self.kept else { return Vec::new() };
        let kept = kept.borrow();
        let ends = [("serving", kept.leaf_not_after), ("authority", kept.authority_not_after)];
        let end = |(name, end): (&'static str, Option<i64>)| {
            Some((name, Timestamp::from_second(end?).ok()?))
        };
        ends.into_iter().filter_map(end).collect()
    }
}

/// Compiles the policies for the first time, and tells the admin port of them.
fn load(
    origin: Origin,
    told: Told,
    resources: Option<reload::Resources>,
    admin: &Admin,
) -> anyhow::Result<(Policies, Arc<PolicyStore>)> {
    let (policies, compiled) = Policies::load(origin, told, resources).map_err(|problems| {
        anyhow::anyhow!("the policies cannot be used\n{}", problems.join("\n"))
    })?;
    let store = Arc::new(reload::start(compiled, &admin.metrics));
    // It was empty: there is one load.
    let _ = admin.store.set(Arc::clone(&store));
    Ok((policies, store))
}

/// Keeps policies fresh for ever, where there are any.
async fn keep_fresh(
    policies: Option<(Policies, Arc<PolicyStore>)>,
    metrics: Arc<Metrics>,
    interval: Duration,
) {
    match policies {
        Some((policies, store)) => policies.keep_fresh(store, metrics, interval).await,
        None => std::future::pending().await,
    }
}

async fn certificate(certificate: Certificate, cluster: &mut Cluster) -> anyhow::Result<Source> {
    match certificate {
        Certificate::Own(source) => Ok(source),
        Certificate::Managed => Ok(Source::Handed(cluster.certificate().await?)),
    }
}
