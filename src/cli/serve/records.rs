//! The way of records through the process: written, sent, stored, removed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::cluster::Audience;
use super::ledger::{Plan, Stored};
use crate::console::{self, Console};
use crate::ledger::announce::Announcing;
use crate::ledger::ship::Shipper;
use crate::ledger::store::{Retention, Store};
use crate::ledger::{Counters, Destination, Instance, Ledger, writer};
use crate::server::{self, Collector, Metrics, Unrecorded, Web, clock};

/// How long the last records may take to be sent when the process ends. They stay in the spool.
const LAST_RECORDS: Duration = Duration::from_secs(5);
/// How often what is too old is looked for.
const RETAIN_EVERY: Duration = Duration::from_mins(10);

/// What becomes of records. Its tasks end with it.
pub(super) struct Records {
    pub(super) unrecorded: Unrecorded,
    writer: Option<writer::Options>,
    destination: Option<Arc<dyn Destination>>,
    counters: Counters,
    ledger: Option<Arc<Ledger>>,
    console: Option<(Web, Store)>,
    /// What is stored, for those whom the cluster is to tell of it.
    pub(super) audience: Audience,
    shipping: JoinSet<()>,
    tasks: JoinSet<()>,
}

impl Records {
    /// Opens the store, if there is to be one, and begins to take records in, if it is to.
    pub(super) async fn open(plan: Plan, metrics: &Arc<Metrics>) -> anyhow::Result<Self> {
        let Plan { writer, unrecorded, store, send } = plan;
        let mut this = Self {
            unrecorded,
            writer: Some(writer),
            destination: send.map(|send| Arc::new(send) as Arc<dyn Destination>),
            counters: metrics.ledger().clone(),
            ledger: None,
            console: None,
            audience: Audience::default(),
            shipping: JoinSet::new(),
            tasks: JoinSet::new(),
        };
        if let Some(Stored { url, events, reports, keep, listen, console }) = store {
            let store = Store::open(&url).await.context("cannot open the ledger")?;
            let destination: Arc<dyn Destination> = if events {
                let dropped = this.counters.events_dropped.clone();
                let (announcing, told) = Announcing::new(store.clone(), dropped);
                this.audience.events = Some(told);
                Arc::new(announcing)
            } else {
                Arc::new(store.clone())
            };
            this.destination = Some(Arc::clone(&destination));
            this.audience.reports = reports.map(|every| (store.clone(), every));
            if let Some(listen) = listen {
                let collector = Collector::bind(listen, destination, Arc::clone(metrics))?;
                this.spawn(async move {
                    if let Err(error) = collector.run().await {
                        tracing::error!(%error, "records are no longer taken in");
                    }
                });
            }
            if let Some(console) = console {
                this.console = Some((Web::bind(console)?, store.clone()));
            }
            if keep != Retention::default() {
                this.spawn(retain(store, keep));
            }
        }
        Ok(this)
    }

    /// Begins the chain of this process, and sends its records to where they belong.
    /// `listener` is told of each, too.
    pub(super) fn begin(
        &mut self,
        instance: Instance,
        listener: Option<Arc<dyn writer::Listener>>,
    ) -> anyhow::Result<Arc<Ledger>> {
        let options = self.writer.take().unwrap_or_else(|| writer::Options::new(clock::now));
        let options = writer::Options { listener, ..options };
        let dir = options.spool.as_ref().map(|spool| spool.dir.clone());
        let boot = instance.boot.clone();
        let counters = self.counters.clone();
        let ledger = Ledger::start(instance, options, counters, std::io::stdout());
        let ledger = Arc::new(ledger.context("cannot start the ledger")?);
        if let (Some(dir), Some(destination)) = (dir, self.destination.clone()) {
            let counters = self.counters.clone();
            let shipper = Shipper::new(dir, boot, destination, ledger.spooled(), counters);
            self.shipping.spawn(shipper.run());
        }
        self.ledger = Some(Arc::clone(&ledger));
        Ok(ledger)
    }

    /// Begins to show what is stored, if it is to be shown.
    pub(super) fn show(
        &mut self,
        facts: Arc<dyn console::Facts>,
        viewers: Option<Arc<dyn console::Viewers>>,
        metrics: &Arc<Metrics>,
    ) {
        let Some((web, store)) = self.console.take() else { return };
        let console = Console::new(store, facts, viewers, clock::now);
        let (routes, metrics) = (console::router(Arc::new(console)), Arc::clone(metrics));
        self.spawn(async move {
            if let Err(error) = web.run(routes, metrics).await {
                tracing::error!(%error, "the console has ended");
            }
        });
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(server::background(task));
    }

    /// Closes the chain, and waits a while for its last records to be sent.
    pub(super) async fn finish(mut self) {
        if let Some(ledger) = self.ledger.take() {
            let closed = tokio::task::spawn_blocking(move || ledger.close()).await;
            if closed.is_err() {
                tracing::error!("the ledger's chain was not closed");
            }
        }
        let sent = async { while self.shipping.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_RECORDS, sent).await.is_err() {
            tracing::warn!("the last records were not sent: they stay in the spool");
        }
    }
}

/// Removes what is too old or too much, for ever.
async fn retain(store: Store, keep: Retention) {
    let mut ticks = tokio::time::interval(RETAIN_EVERY);
    loop {
        ticks.tick().await;
        match store.retain(&keep, clock::now()).await {
            Ok(removed) if removed.records > 0 => {
                tracing::info!(
                    records = removed.records,
                    "records were removed: they need not be kept any longer"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "old records cannot be removed"),
        }
    }
}
