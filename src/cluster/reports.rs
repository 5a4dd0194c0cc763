//! A Report (`openreports.io/v1alpha1`) in each namespace where anything was found lately: what other tools show of policy
//! engines, they show of podgate too.
//!
//! Each is whole: what it says replaces what it said. It is made from the store and holds nothing that the store does not,
//! so one that is deleted comes back, and nothing waits for it.

mod document;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::SignedDuration;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch,
    PatchParams, Preconditions,
};
use kube::core::Status;
use kube::core::response::StatusDetails;
use kube::{Client, ResourceExt as _};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use self::document::Document;
use super::{Clock, MANAGER};
use crate::ledger::query::Filter;
use crate::ledger::store::{Store, StoreError};

/// What every Report of ours is called, so that a role can name it.
const NAME: &str = "podgate";
/// What is ours has this label with [`MANAGER`] as its value.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// How far back a Report looks.
const WINDOW: SignedDuration = SignedDuration::from_hours(24);
/// Namespaces that get one, those with the latest findings first.
const MOST_NAMESPACES: usize = 1000;
/// What was found, apart from what happened.
const FOUND: [&str; 5] = ["denied", "failed", "warned", "excepted", "fixed"];

/// Keeps the Reports.
#[derive(Clone)]
pub struct Reports {
    client: Client,
    store: Store,
    clock: Clock,
    failures: Counter,
}

/// What became of the Reports in one go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Namespaces whose Report was made or changed.
    pub written: Vec<String>,
    /// Namespaces whose Report was deleted: nothing was found there lately.
    pub deleted: Vec<String>,
    /// Namespaces in which another's Report has the name; it is left alone.
    pub taken: BTreeSet<String>,
    /// Namespaces whose Report could not be written or deleted, and why.
    pub failed: BTreeMap<String, String>,
}

/// Why no Report could be kept.
#[derive(Debug, thiserror::Error)]
pub enum ReportsError {
    /// The API server does not know what a Report is.
    #[error(
        "the cluster has no reports.openreports.io: install the custom resources of OpenReports"
    )]
    NoSuchResource,
    /// The Reports that are there cannot be read.
    #[error("Reports cannot be listed: {0}")]
    List(#[source] Box<kube::Error>),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reports {
    /// Reports of what `store` holds, kept through `client`. `failures` counts what could not be written or deleted.
    #[must_use]
    pub fn new(client: Client, store: Store, clock: Clock, failures: Counter) -> Self {
        Self { client, store, clock, failures }
    }

    /// Keeps them for ever, while `leads` holds. What is wrong is told when it begins and when it changes, not each time.
    pub async fn run(self, every: Duration, mut leads: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = String::new();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = leads.changed() => if changed.is_err() { return },
            }
            if !*leads.borrow_and_update() {
                continue;
            }
            let wrong = match self.keep().await {
                Ok(kept) => kept.wrong(),
                Err(error) => {
                    self.failures.inc();
                    error.to_string()
                }
            };
            if wrong != told {
                match wrong.as_str() {
                    "" => tracing::info!("Reports are up to date"),
                    wrong => tracing::warn!(wrong, "not all Reports are up to date"),
                }
                told = wrong;
            }
        }
    }

    /// Brings each of them up to date once.
    ///
    /// # Errors
    /// Where the store or the API server cannot be read. What goes wrong in one namespace keeps no other from its Report.
    pub async fn keep(&self) -> Result<Kept, ReportsError> {
        let mut there = self.list().await?;
        let since = (self.clock)().saturating_sub(WINDOW).unwrap_or_default();
        let found = FOUND.map(str::to_owned).to_vec();
        let mut kept = Kept::default();
        for namespace in self.store.namespaces(since, &found, MOST_NAMESPACES).await? {
            let before = there.remove(&namespace);
            if before.as_ref().is_some_and(|before| !is_ours(before)) {
                kept.taken.insert(namespace);
                continue;
            }
            let filter = Filter {
                since: Some(since),
                namespaces: vec![namespace.clone()],
                decisions: found.clone(),
                dry_run: Some(false),
                ..Filter::default()
            };
            let incidents = self.store.incidents(&filter, document::MOST_RESULTS + 1).await?;
            let Some(document) = Document::of(&namespace, &incidents) else {
                there.extend(before.map(|before| (namespace, before)));
                continue;
            };
            if before.is_some_and(|before| document.is_in(&before)) {
                continue;
            }
            match self.write(&namespace, &document).await {
                Err(kube::Error::Api(status)) if is_of_a_gone_namespace(&status) => {}
                result => self.note(namespace, result, &mut kept.written, &mut kept.failed),
            }
        }
        for (namespace, gone) in there.into_iter().filter(|(_, report)| is_ours(report)) {
            let result = self.delete(&namespace, gone).await;
            self.note(namespace, result, &mut kept.deleted, &mut kept.failed);
        }
        Ok(kept)
    }

    fn note(
        &self,
        namespace: String,
        result: kube::Result<()>,
        done: &mut Vec<String>,
        failed: &mut BTreeMap<String, String>,
    ) {
        match result {
            Ok(()) => done.push(namespace),
            Err(error) => {
                self.failures.inc();
                failed.insert(namespace, error.to_string());
            }
        }
    }

    /// Those of the name that are there, ours and others', by namespace. They are listed by name, so that a role need
    /// let us see no other.
    async fn list(&self) -> Result<BTreeMap<String, DynamicObject>, ReportsError> {
        let all: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource());
        let mut params = ListParams::default().fields(&format!("metadata.name={NAME}")).limit(100);
        let mut there = BTreeMap::new();
        loop {
            let page = all.list(&params).await.map_err(|error| match error {
                kube::Error::Api(status) if status.code == 404 => ReportsError::NoSuchResource,
                error => ReportsError::List(Box::new(error)),
            })?;
            let next = page.metadata.continue_.filter(|next| !next.is_empty());
            for report in page.items {
                there.insert(report.namespace().unwrap_or_default(), report);
            }
            let Some(next) = next else { return Ok(there) };
            params = params.continue_token(&next);
        }
    }

    fn reports(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &resource())
    }

    async fn write(&self, namespace: &str, document: &Document) -> kube::Result<()> {
        // Without force: whoever else came to own a field of it is told of, not overruled.
        let params = PatchParams::apply(MANAGER);
        let patch = Patch::Apply(document.object());
        self.reports(namespace).patch(NAME, &params, &patch).await.map(drop)
    }

    async fn delete(&self, namespace: &str, report: DynamicObject) -> kube::Result<()> {
        // The very one that was looked at, and not what somebody has put in its place.
        let preconditions = Preconditions { uid: report.metadata.uid, resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        match self.reports(namespace).delete(NAME, &params).await {
            Err(kube::Error::Api(gone)) if gone.code == 404 => Ok(()),
            result => result.map(drop),
        }
    }
}

impl Kept {
    /// What is wrong, in words; empty where nothing is.
    fn wrong(&self) -> String {
        let mut wrong: Vec<String> =
            self.failed.iter().map(|(namespace, why)| format!("{namespace}: {why}")).collect();
        let taken = self.taken.iter().map(|namespace| {
            format!("{namespace}: the Report called {NAME} is not podgate's and is left alone")
        });
        wrong.extend(taken);
        wrong.join("; ")
    }
}

/// Whether it was refused because the namespace is gone, or goes: what was found there is in the ledger.
fn is_of_a_gone_namespace(status: &Status) -> bool {
    let terminates = |details: &StatusDetails| {
        details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
    };
    status.code == 404 || status.details.as_ref().is_some_and(terminates)
}

fn is_ours(report: &DynamicObject) -> bool {
    report.labels().get(MANAGED_BY).is_some_and(|by| by == MANAGER)
}

fn resource() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("openreports.io", "v1alpha1", "Report"))
}
