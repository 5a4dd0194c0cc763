//! What a scrape tells. Label values are enums and the names of policies and rules: never a user, a
//! namespace or an object, so that no client can make series.

pub(super) mod exposition;
mod latency;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use self::latency::Latency;
use super::freshness::Freshness;
use super::store::PolicyStore;
use crate::admission::Operation;
use crate::engine::{Decision, Outcome};
use crate::ledger;
use crate::policy::{Life, PolicySet};

/// Which endpoint a review came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/validate`: rules that deny.
    Validate,
    /// `/observe`: rules that warn or audit.
    Observe,
    /// `/mutate`: fixes.
    Mutate,
    /// `/policies`: policies and exceptions themselves.
    Policies,
}

impl Endpoint {
    /// All endpoints.
    pub const ALL: [Self; 4] = [Self::Validate, Self::Observe, Self::Mutate, Self::Policies];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Observe => "observe",
            Self::Mutate => "mutate",
            Self::Policies => "policies",
        }
    }
}

/// Why a request was answered without a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The body is past the limit.
    TooLarge,
    /// The body ended before its time.
    BrokenBody,
    /// The body is not a review.
    InvalidReview,
    /// The body is not announced as JSON.
    MediaType,
    /// No such path.
    NotFound,
    /// Not POST.
    Method,
    /// As many requests as allowed are in flight.
    Busy,
    /// The sender's patience ran out.
    Timeout,
    /// As many connections as allowed are open.
    Connections,
    /// TLS was not agreed on.
    Handshake,
    /// Podgate's own fault.
    Internal,
}

impl Rejection {
    /// All reasons.
    pub const ALL: [Self; 11] = [
        Self::TooLarge,
        Self::BrokenBody,
        Self::InvalidReview,
        Self::MediaType,
        Self::NotFound,
        Self::Method,
        Self::Busy,
        Self::Timeout,
        Self::Connections,
        Self::Handshake,
        Self::Internal,
    ];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::BrokenBody => "broken_body",
            Self::InvalidReview => "invalid_review",
            Self::MediaType => "media_type",
            Self::NotFound => "not_found",
            Self::Method => "method",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Connections => "connections",
            Self::Handshake => "handshake",
            Self::Internal => "internal",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReviewLabels {
    endpoint: &'static str,
    operation: &'static str,
    decision: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ViolationLabels {
    policy: Arc<str>,
    rule: Cow<'static, str>,
    enforcement: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabels {
    policy: Arc<str>,
    rule: Cow<'static, str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DigestLabel {
    digest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabel {
    certificate: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchLabel {
    watch: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignalLabel {
    signal: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CaseLabel {
    case: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

/// The counters of one operation, by outcome.
type ByOutcome = [Counter; Outcome::ALL.len()];

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// By endpoint, operation and outcome: found by index, so that a request takes no lock.
    reviews: [[ByOutcome; Operation::ALL.len()]; Endpoint::ALL.len()],
    latency: Latency,
    violations: Family<ViolationLabels, Counter>,
    faults: Family<RuleLabels, Counter>,
    rejected: [Counter; Rejection::ALL.len()],
    panics: Counter,
    ledger: ledger::Counters,
    policy_set: Family<DigestLabel, Gauge>,
    policy_set_age: Gauge,
    policies: Family<StateLabel, Gauge>,
    exceptions: Family<StateLabel, Gauge>,
    reload_failures: Counter,
    certificate_failures: Counter,
    certificate_management_failures: Counter,
    certificate_not_after: Family<CertificateLabel, Gauge>,
    watch_stale: Family<WatchLabel, Gauge>,
    enforcement: Family<CaseLabel, Gauge>,
    otlp_dropped: Family<SignalLabel, Counter>,
}

/// A certificate whose end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateOf {
    /// The one that is served.
    Serving,
    /// The authority that podgate signs it with.
    Authority,
}

/// How many documents of a kind are in force, and how many are not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Policies in force.
    pub policies: usize,
    /// Policies that are not in force as they stand, because something is wrong with them.
    pub broken_policies: usize,
    /// Exceptions that are not in force as they stand, because something is wrong with them.
    pub broken_exceptions: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers every metric, so that a scrape shows zeros before the first request.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("podgate");
        let reviews = Family::<ReviewLabels, Counter>::default();
        let rejected = Family::<ReasonLabel, Counter>::default();
        let build = Family::<BuildLabels, Gauge>::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        let counters = |endpoint: Endpoint, operation: Operation| {
            Outcome::ALL.map(|outcome| {
                reviews.get_or_create_owned(&ReviewLabels {
                    endpoint: endpoint.as_str(),
                    operation: operation.as_str(),
                    decision: outcome.as_str(),
                })
            })
        };
        let mut metrics = Self {
            reviews: Endpoint::ALL
                .map(|endpoint| Operation::ALL.map(|operation| counters(endpoint, operation))),
            rejected: Rejection::ALL
                .map(|r| rejected.get_or_create_owned(&ReasonLabel { reason: r.as_str() })),
            registry: Registry::default(),
            latency: Latency::default(),
            violations: Family::default(),
            faults: Family::default(),
            panics: Counter::default(),
            ledger: ledger::Counters::default(),
            policy_set: Family::default(),
            policy_set_age: Gauge::default(),
            policies: Family::default(),
            exceptions: Family::default(),
            reload_failures: Counter::default(),
            certificate_failures: Counter::default(),
            certificate_management_failures: Counter::default(),
            certificate_not_after: Family::default(),
            watch_stale: Family::default(),
            enforcement: Family::default(),
            otlp_dropped: Family::default(),
        };
        registry.register("reviews", "Reviews answered", reviews);
        registry.register(
            "requests_rejected",
            "Requests and connections turned away without a review",
            rejected,
        );
        registry.register("build_info", "The version that runs", build);
        metrics.register_all(&mut registry);
        metrics.registry = registry;
        metrics
    }

    fn register_all(&self, r: &mut Registry) {
        r.register(
            "review_duration_seconds",
            "From the request's headers to its answer",
            self.latency.clone(),
        );
        r.register("rule_violations", "Violations found", self.violations.clone());
        r.register(
            "rule_faults",
            "Rules and conditions in CEL that could not be evaluated",
            self.faults.clone(),
        );
        r.register(
            "panics",
            "Panics while judging, each answered as a failure",
            self.panics.clone(),
        );
        self.ledger.register(r);
        r.register("policy_set_info", "The policy set in force", self.policy_set.clone());
        r.register(
            "policy_set_age_seconds",
            "Since the policy set in force was compiled",
            self.policy_set_age.clone(),
        );
        r.register("policies", "Policies by state", self.policies.clone());
        r.register(
            "exceptions",
            "Exceptions by state; expiring ones are in force and end within 14 days",
            self.exceptions.clone(),
        );
        r.register(
            "policy_reload_failures",
            "Changed policies that could not be compiled",
            self.reload_failures.clone(),
        );
        r.register(
            "certificate_reload_failures",
            "Changed certificates that could not be used",
            self.certificate_failures.clone(),
        );
        r.register(
            "certificate_not_after_seconds",
            "When the certificate expires, in seconds since 1970",
            self.certificate_not_after.clone(),
        );
        r.register(
            "certificate_management_failures",
            "Failures to keep podgate's own certificates, each told once",
            self.certificate_management_failures.clone(),
        );
        r.register(
            "watch_stale_seconds",
            "Since when a watch of the cluster is down, 0 where it is up",
            self.watch_stale.clone(),
        );
        r.register(
            "enforcement_proved",
            "Whether the API server refused the case in podgate's name when last asked, 1 or 0",
            self.enforcement.clone(),
        );
        r.register(
            "otlp_dropped",
            "Logs and spans that no collector took, by signal",
            self.otlp_dropped.clone(),
        );
    }

    /// Counts a review that was answered.
    pub fn reviewed(
        &self,
        endpoint: Endpoint,
        operation: Operation,
        decision: &Decision,
        took: Duration,
    ) {
        self.counted(endpoint, operation, decision.outcome, took);
        // A rule's violations stand together, and each look-up of a series takes a lock.
        let of_one_rule =
            decision.violations.chunk_by(|a, b| a.rule == b.rule && a.policy == b.policy);
        for violations in of_one_rule {
            let labels = ViolationLabels {
                policy: Arc::clone(&violations[0].policy),
                rule: violations[0].rule.to_cow(),
                enforcement: violations[0].enforcement.as_str(),
            };
            self.violations.get_or_create(&labels).inc_by(violations.len() as u64);
        }
        for fault in &decision.faults {
            let labels =
                RuleLabels { policy: Arc::clone(&fault.policy), rule: fault.rule.to_cow() };
            self.faults.get_or_create(&labels).inc();
        }
    }

    /// Counts a review of which no decision came.
    pub fn counted(
        &self,
        endpoint: Endpoint,
        operation: Operation,
        outcome: Outcome,
        took: Duration,
    ) {
        self.reviews[endpoint as usize][operation as usize][outcome as usize].inc();
        self.latency.observe(took);
    }

    /// Counts a request or a connection that was turned away.
    pub fn rejected(&self, rejection: Rejection) {
        self.rejected[rejection as usize].inc();
    }

    /// How many were turned away for this reason.
    #[must_use]
    pub fn rejections(&self, rejection: Rejection) -> u64 {
        self.rejected[rejection as usize].get()
    }

    /// Counts a panic.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// What the ledger counts with.
    #[must_use]
    pub fn ledger(&self) -> &ledger::Counters {
        &self.ledger
    }

    /// Tells which set is in force; the one before is forgotten.
    pub fn policy_set(&self, digest: &str, counts: Counts) {
        self.policy_set.clear();
        self.policy_set.get_or_create(&DigestLabel { digest: digest.to_owned() }).set(1);
        set(&self.policies, "active", counts.policies);
        set(&self.policies, "broken", counts.broken_policies);
        set(&self.exceptions, "broken", counts.broken_exceptions);
    }

    /// Counts a reload of policies that failed.
    pub fn reload_failed(&self) {
        self.reload_failures.inc();
    }

    /// Counts a reload of the certificate that failed.
    pub fn certificate_failed(&self) {
        self.certificate_failures.inc();
    }

    /// How many reloads of the certificate failed.
    #[must_use]
    pub fn certificate_failures(&self) -> u64 {
        self.certificate_failures.get()
    }

    /// How many reloads of policies failed.
    #[must_use]
    pub fn reload_failures(&self) -> u64 {
        self.reload_failures.get()
    }

    /// How many panics there were.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.get()
    }

    /// Tells when a certificate expires.
    pub fn certificate(&self, of: CertificateOf, not_after: i64) {
        let certificate = match of {
            CertificateOf::Serving => "serving",
            CertificateOf::Authority => "ca",
        };
        self.certificate_not_after.get_or_create(&CertificateLabel { certificate }).set(not_after);
    }

    /// Counts a failure to keep podgate's own certificates.
    pub fn certificate_management_failed(&self) {
        self.certificate_management_failures.inc();
    }

    /// What counts the logs or spans that could not be sent.
    #[must_use]
    pub fn otlp_dropped(&self, signal: &'static str) -> Counter {
        self.otlp_dropped.get_or_create_owned(&SignalLabel { signal })
    }

    /// Tells whether the API server refuses, in podgate's name, what it must.
    pub fn enforcement(&self, proved: bool) {
        self.enforcement.get_or_create(&CaseLabel { case: "privileged" }).set(proved.into());
    }

    /// Tells what states the exceptions are in. They end by themselves, whether or not anything is reloaded.
    fn exceptions(&self, set: &PolicySet, now: Timestamp) {
        for life in Life::ALL {
            let count = set.exceptions().iter().filter(|e| e.life(now) == life).count();
            self::set(&self.exceptions, life.as_str(), count);
        }
    }

    /// The text of a scrape.
    #[must_use]
    pub fn render(
        &self,
        store: Option<&PolicyStore>,
        freshness: &Freshness,
        now: Timestamp,
    ) -> String {
        let gauge = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        if let Some(store) = store {
            self.exceptions(&store.load().set, now);
        }
        let age = store.map_or(0, |store| store.load().since.elapsed().as_secs());
        self.policy_set_age.set(gauge(age));
        for (watch, stale) in freshness.watches() {
            self.watch_stale.get_or_create(&WatchLabel { watch }).set(gauge(stale));
        }
        let mut text = String::new();
        // Writing to a string cannot fail; a metric that cannot be encoded ends the text early.
        if let Err(error) = text::encode(&mut text, &self.registry) {
            tracing::error!(%error, "cannot encode metrics");
        }
        text
    }
}

fn set(family: &Family<StateLabel, Gauge>, state: &'static str, count: usize) {
    family.get_or_create(&StateLabel { state }).set(i64::try_from(count).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{self, Options, Source};

    #[test]
    fn arrays_are_in_the_order_that_indexes_them() {
        assert!(Endpoint::ALL.iter().enumerate().all(|(i, e)| *e as usize == i));
        assert!(Operation::ALL.iter().enumerate().all(|(i, o)| *o as usize == i));
        assert!(Rejection::ALL.iter().enumerate().all(|(i, r)| *r as usize == i));
        assert!(Outcome::ALL.iter().enumerate().all(|(i, o)| *o as usize == i));
    }

    #[test]
    fn an_exception_ends_without_a_reload() {
        const DOCUMENTS: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: gate}
spec: {rules: [{privileged: {}}]}
---
apiVersion: podgate.dev/v1
kind: PodPolicyException
metadata: {name: ends}
spec: {policy: gate, rules: [privileged], match: {namespaces: {include: [a]}}, reason: r, owner: o, expires: 2026-12-31T00:00:00Z}
";
        let source = Source { name: "gate.yaml".to_owned(), text: DOCUMENTS.to_owned() };
        let options = Options::at(Timestamp::UNIX_EPOCH);
        let (set, _) = policy::compile(&[source], &options).unwrap();
        let (metrics, store) = (Metrics::new(), PolicyStore::new(set));
        for (now, state) in [
            ("2026-12-16T23:59:59Z", "active"),
            ("2026-12-17T00:00:00Z", "expiring"),
            ("2026-12-30T23:59:59Z", "expiring"),
            ("2026-12-31T00:00:00Z", "expired"),
        ] {
            let text = metrics.render(Some(&store), &Freshness::default(), now.parse().unwrap());
            for known in ["active", "expiring", "expired"] {
                let count = u8::from(known == state);
                let line = format!("podgate_exceptions{{state=\"{known}\"}} {count}\n");
                assert!(text.contains(&line), "{now}: {line}{text}");
            }
        }
    }

    #[test]
    fn a_new_digest_replaces_the_old_one() {
        let metrics = Metrics::new();
        metrics.policy_set("old", Counts::default());
        metrics.policy_set("new", Counts { policies: 2, ..Counts::default() });
        let mut text = String::new();
        text::encode(&mut text, &metrics.registry).unwrap();
        assert!(text.contains("podgate_policy_set_info{digest=\"new\"} 1"), "{text}");
        assert!(!text.contains("digest=\"old\""), "{text}");
        assert!(text.contains("podgate_policies{state=\"active\"} 2"), "{text}");
        assert!(text.contains("podgate_requests_rejected_total{reason=\"busy\"} 0"), "{text}");
    }
}
