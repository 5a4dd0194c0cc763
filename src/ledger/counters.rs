//! What the ledger tells of itself to a scrape.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What the ledger tells of itself. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Records in the chain.
    pub records: Counter,
    /// Records that are nowhere but, at best, on standard output.
    pub lost: Counter,
    /// Bytes in the spool.
    pub spool_bytes: Gauge,
    /// 1 while the spool cannot be written.
    pub spool_failing: Gauge,
    /// Records in the spool that are not where they belong yet.
    pub unsent: Gauge,
    /// Failures to send records on.
    pub send_failures: Counter,
    /// Denials that no Event tells of, because there were too many at a time.
    pub events_dropped: Counter,
    /// Failures to write or delete a Report.
    pub report_failures: Counter,
}

impl Counters {
    /// Registers all of them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("ledger_records", "Records in the ledger's chain", self.records.clone());
        registry.register(
            "ledger_lost",
            "Records that reached neither spool nor store",
            self.lost.clone(),
        );
        registry.register("ledger_spool_bytes", "Bytes in the spool", self.spool_bytes.clone());
        registry.register(
            "ledger_spool_failing",
            "1 while the spool cannot be written, else 0",
            self.spool_failing.clone(),
        );
        registry.register(
            "ledger_unsent_records",
            "Records in the spool that the store has not acknowledged",
            self.unsent.clone(),
        );
        registry.register(
            "events_dropped",
            "Denials that no Kubernetes Event tells of: too many at a time",
            self.events_dropped.clone(),
        );
        registry.register(
            "report_failures",
            "Failures to write or delete a Report (OpenReports), each tried again",
            self.report_failures.clone(),
        );
        registry.register(
            "ledger_send_failures",
            "Failures to send records to the store, each tried again",
            self.send_failures.clone(),
        );
    }
}
