//! What the server and the cluster's side tell each other. Neither knows the other.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::BoxFuture;
use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::settings::Role;
use crate::admission::NamespaceLabels;
use crate::cluster::certificates::{self, Keeper, Kept};
use crate::cluster::lease::Election;
use crate::cluster::{
    self, Clock, Events, Health, Namespaces, Owner, Reports, Resources, SignIn, UserNamespaces,
    status,
};
use crate::console;
use crate::ledger::store::Store;
use crate::ledger::{Counters, Entry};
use crate::policy::Source;
use crate::server::metrics::CertificateOf;
use crate::server::readiness::Condition;
use crate::server::reload::Outcome;
use crate::server::tls::Pem;
use crate::server::{self, Admin, Metrics, clock};

/// The Lease of the one replica that writes.
const LEASE: &str = "podgate-controller";

/// What is wanted of the cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) namespace: Option<String>,
    /// Certificates to keep.
    pub(super) managed: Option<certificates::Settings>,
    /// What the ledger needs.
    pub(super) ledger: OfLedger,
    /// Policies as resources.
    pub(super) policies: bool,
    /// The status of policies to be written.
    pub(super) status: bool,
    /// What a judgement may look at beside the request.
    pub(super) facts: Facts,
    /// Where it is asked for a pod that must be refused, and how often.
    pub(super) proof: Option<(String, Duration)>,
}

/// What the ledger needs of the cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct OfLedger {
    /// Secret in which the key is kept.
    pub(super) key_secret: Option<String>,
    /// Somebody to ask who looks at the console.
    pub(super) sign_in: bool,
    /// Somebody to tell of denials.
    pub(super) events: bool,
    /// Somewhere to report to.
    pub(super) reports: bool,
}

impl OfLedger {
    fn any(&self) -> bool {
        self.key_secret.is_some() || self.sign_in || self.events || self.reports
    }

    /// Whether one replica alone is to do it.
    fn needs_lead(&self) -> bool {
        self.key_secret.is_some() || self.reports
    }
}

/// What is stored, for those whom the cluster is to tell of it.
#[derive(Default)]
pub(super) struct Audience {
    /// New records, for Events.
    pub(super) events: Option<mpsc::Receiver<Entry>>,
    /// The store, for Reports, and how often they are brought up to date.
    pub(super) reports: Option<(Store, Duration)>,
}

/// Facts that no request carries.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    /// The labels of namespaces.
    pub(super) namespaces: bool,
    /// What nodes can do.
    pub(super) nodes: bool,
}

impl Wanted {
    /// Whether anything is.
    pub(super) fn any(&self) -> bool {
        self.managed.is_some()
            || self.ledger.any()
            || self.policies
            || self.status
            || self.facts.namespaces
            || self.facts.nodes
            || self.proof.is_some()
    }
}

impl Facts {
    /// Those of them that `role` has a use for: a controller judges nothing, and tells of nodes in the status of
    /// policies where it watches those.
    pub(super) fn of(self, role: Role, watches_policies: bool) -> Self {
        let judges = role != Role::Controller;
        Self {
            namespaces: self.namespaces && judges,
            nodes: self.nodes && (judges || watches_policies),
        }
    }
}

/// What the cluster gives. Its tasks end with it.
#[derive(Default)]
pub(super) struct Cluster {
    tasks: JoinSet<()>,
    /// Completes when everything that a first answer needs has been heard.
    heard: Vec<watch::Receiver<bool>>,
    pub(super) namespaces: Option<Arc<dyn server::Namespaces>>,
    user_namespaces: Option<watch::Receiver<UserNamespaces>>,
    pub(super) resources: Option<watch::Receiver<Arc<Vec<Source>>>>,
    pub(super) kept: Option<watch::Receiver<Kept>>,
    client: Option<Client>,
    pub(super) sign_in: Option<Arc<dyn console::Viewers>>,
    leads: Option<watch::Receiver<bool>>,
    election: Option<Election>,
}

impl Cluster {
    /// Begins with everything that is wanted. Nothing has been heard yet when it returns.
    pub(super) async fn join(wanted: Wanted, replica: &str, admin: &Admin) -> anyhow::Result<Self> {
        let mut this = Self::default();
        if !wanted.any() {
            return Ok(this);
        }
        let client = cluster::connect().await?;
        let namespace = wanted.namespace.unwrap_or_else(|| client.default_namespace().to_owned());
        this.client = Some(client.clone());
        if wanted.managed.is_some() || wanted.status || wanted.ledger.needs_lead() {
            this.elect(&client, &namespace, replica);
        }
        if wanted.ledger.sign_in {
            this.sign_in = Some(Arc::new(Viewers(SignIn::new(client.clone()))));
        }
        if let (Some(secret), Some(leads)) = (wanted.ledger.key_secret, this.leads.clone()) {
            this.spawn(cluster::keep_ledger_key(client.clone(), namespace.clone(), secret, leads));
        }
        if let (Some(managed), Some(leads)) = (wanted.managed, this.leads.clone()) {
            let settings = certificates::Settings { namespace, ..managed };
            let (sender, kept) = watch::channel(Kept::default());
            let keeper = Keeper::new(client.clone(), settings, now());
            this.spawn(keeper.run(leads, sender));
            let condition = admin.readiness.condition("certificate");
            this.spawn(tell(kept.clone(), Arc::clone(&admin.metrics), condition));
            this.kept = Some(kept);
        }
        if wanted.facts.namespaces {
            let known = Namespaces::default();
            let (sender, health) = watch::channel(Health::default());
            this.spawn(known.clone().watch(client.clone(), sender));
            this.follow("namespaces", health, admin);
            this.namespaces = Some(Arc::new(Labels(known)));
        }
        if wanted.facts.nodes {
            let (offered, user_namespaces) = watch::channel(None);
            let (sender, health) = watch::channel(Health::default());
            this.spawn(cluster::watch_nodes(client.clone(), offered, sender));
            this.follow("nodes", health, admin);
            this.user_namespaces = Some(user_namespaces);
        }
        if let Some((namespace, every)) = wanted.proof {
            let metrics = Arc::clone(&admin.metrics);
            let told = move |proved| metrics.enforcement(proved);
            this.spawn(cluster::proof::keep(client.clone(), namespace, every, told));
        }
        if wanted.policies {
            let (sources, resources) = watch::channel(Arc::default());
            let (sender, health) = watch::channel(Health::default());
            this.spawn(Resources::new(sources, sender).watch(client));
            this.follow("policies", health, admin);
            this.resources = Some(resources);
        }
        Ok(this)
    }

    fn elect(&mut self, client: &Client, namespace: &str, replica: &str) {
        let election = Election {
            client: client.clone(),
            namespace: namespace.to_owned(),
            name: LEASE.to_owned(),
            // A name may come back with another process behind it.
            identity: format!("{replica}_{}", uuid::Uuid::now_v7()),
            clock: now(),
        };
        let (sender, leads) = watch::channel(false);
        self.spawn(election.clone().run(sender));
        self.leads = Some(leads);
        self.election = Some(election);
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(server::background(task));
    }

    /// Tells the admin port of a watch, which is ready once its first list is complete.
    fn follow(&mut self, name: &'static str, mut health: watch::Receiver<Health>, admin: &Admin) {
        let watch = admin.freshness.watch(name);
        let mut condition = Some(admin.readiness.condition(name));
        let (sender, heard) = watch::channel(false);
        self.heard.push(heard);
        self.spawn(async move {
            loop {
                let now = *health.borrow_and_update();
                watch.set(now.up);
                if now.complete {
                    if let Some(condition) = condition.take() {
                        condition.met();
                    }
                    sender.send_replace(true);
                }
                if health.changed().await.is_err() {
                    return;
                }
            }
        });
    }

    /// Returns once every watch has its first list.
    pub(super) async fn heard(&self) -> anyhow::Result<()> {
        for heard in &self.heard {
            heard.clone().wait_for(|heard| *heard).await.context("a watch has ended")?;
        }
        Ok(())
    }

    /// Whether any node offers user namespaces: nobody knows where nodes are not watched.
    pub(super) fn user_namespaces(&self) -> watch::Receiver<UserNamespaces> {
        self.user_namespaces.clone().unwrap_or_else(|| watch::channel(None).1)
    }

    /// What is served, once there is something, and whatever replaces it.
    pub(super) async fn certificate(&mut self) -> anyhow::Result<watch::Receiver<Arc<Pem>>> {
        let mut kept = self.kept.clone().context("nobody keeps certificates")?;
        let pem = |kept: &Kept| {
            let leaf = kept.leaf.as_ref()?;
            Some(Arc::new(Pem { certificate: leaf.chain.clone(), key: leaf.key.clone() }))
        };
        let first = kept.wait_for(|kept| kept.leaf.is_some()).await.map(|kept| pem(&kept));
        let first = first.ok().flatten().context("the keeper of certificates has ended")?;
        let (sender, receiver) = watch::channel(first);
        self.spawn(async move {
            while kept.changed().await.is_ok() {
                let Some(new) = pem(&kept.borrow_and_update()) else { continue };
                sender.send_if_modified(|old| std::mem::replace(old, Arc::clone(&new)) != new);
            }
        });
        Ok(receiver)
    }

    /// Has the status of resources written as `outcome` tells of them.
    pub(super) fn keep_status(&mut self, mut outcome: watch::Receiver<Outcome>) {
        let (Some(client), Some(leads)) = (self.client.clone(), self.leads.clone()) else { return };
        let mut offered = self.user_namespaces();
        let compiled = |outcome: &Outcome, offered| status::Compiled {
            digest: outcome.digest.clone(),
            resources: outcome.resources.to_vec(),
            in_force: outcome.in_force.clone(),
            problems: outcome.problems.clone(),
            user_namespaces: outcome.user_namespaces.clone(),
            offered,
        };
        let first = compiled(&outcome.borrow_and_update(), *offered.borrow_and_update());
        let (sender, receiver) = watch::channel(first);
        self.spawn(status::keep(client, receiver, leads, now()));
        self.spawn(async move {
            loop {
                let changed = tokio::select! {
                    changed = outcome.changed() => changed,
                    // Where nobody watches nodes, this is never chosen.
                    Ok(()) = offered.changed() => Ok(()),
                };
                if changed.is_err() {
                    return;
                }
                sender.send_replace(compiled(
                    &outcome.borrow_and_update(),
                    *offered.borrow_and_update(),
                ));
            }
        });
    }

    /// Tells those who are to know of what is stored.
    pub(super) fn tell(&mut self, audience: Audience, replica: &str, counters: &Counters) {
        let Some(client) = self.client.clone() else { return };
        if let Some(records) = audience.events {
            let dropped = counters.events_dropped.clone();
            self.spawn(Events::new(client.clone(), replica.to_owned(), dropped).run(records));
        }
        if let (Some((store, every)), Some(leads)) = (audience.reports, self.leads.clone()) {
            let failures = counters.report_failures.clone();
            self.spawn(Reports::new(client, store, now(), failures).run(every, leads));
        }
    }

    /// Ends, and gives the Lease back.
    pub(super) async fn leave(mut self) {
        self.tasks.shutdown().await;
        if let Some(election) = self.election
            && let Err(error) = election.release().await
        {
            tracing::debug!(%error, "cannot give the lease back: it lapses");
        }
    }
}

/// Metrics and readiness of the certificates that are kept.
async fn tell(mut kept: watch::Receiver<Kept>, metrics: Arc<Metrics>, condition: Condition) {
    let mut condition = Some(condition);
    loop {
        {
            let now = kept.borrow_and_update();
            let ends = [
                (CertificateOf::Serving, now.leaf_not_after),
                (CertificateOf::Authority, now.authority_not_after),
            ];
            for (of, not_after) in ends {
                if let Some(not_after) = not_after {
                    metrics.certificate(of, not_after);
                }
            }
            if now.problem.is_some() {
                metrics.certificate_management_failed();
            }
            if now.leaf.is_some()
                && let Some(condition) = condition.take()
            {
                condition.met();
            }
        }
        if kept.changed().await.is_err() {
            return;
        }
    }
}

/// The server's question, answered by the watch.
#[derive(Debug)]
struct Labels(Namespaces);

impl server::Namespaces for Labels {
    fn labels(&self, namespace: &str) -> Option<NamespaceLabels> {
        self.0.labels(namespace)
    }
}

/// The console's question, answered by the API server.
#[derive(Debug)]
struct Viewers(SignIn);

impl console::Viewers for Viewers {
    fn look<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<console::Seen, String>> {
        Box::pin(async move {
            Ok(match self.0.owner(token).await? {
                Owner::Allowed(user) => console::Seen::Allowed(user),
                Owner::Forbidden(user) => console::Seen::Forbidden(user),
                Owner::Unknown => console::Seen::Unknown,
            })
        })
    }
}

fn now() -> Clock {
    Arc::new(clock::now)
}
