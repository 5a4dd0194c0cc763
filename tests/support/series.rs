//! Every metric with a series, so that a scrape shows it.

use std::time::Duration;

use podgate::admission::Operation;
use podgate::engine::{self, Scope};
use podgate::manifest;
use podgate::policy::{self, Options, Source};
use podgate::server::metrics::{CertificateOf, Counts, Endpoint};
use podgate::server::{Freshness, Metrics, PolicyStore};

/// A scrape in which no family is left out: one without a series is not announced.
pub(crate) fn scrape() -> String {
    let options = Options::at("2026-11-25T00:00:00Z".parse().unwrap());
    let mut sources = policy::embedded();
    // One that cannot be evaluated.
    let text = "{apiVersion: podgate.dev/v1, kind: PodPolicy, metadata: {name: own}, \
        spec: {rules: [{cel: {name: own, expression: object.metadata.labels.nope == 1}}]}}";
    sources.push(Source { name: "own.yaml".to_owned(), text: text.to_owned() });
    let (set, _) = policy::compile(&sources, &options).unwrap();
    let metrics = Metrics::new();
    metrics.policy_set(set.digest(), Counts::default());
    metrics.certificate(CertificateOf::Serving, 0);
    metrics.enforcement(true);
    let _dropped = metrics.otlp_dropped("logs");
    let bad =
        "{apiVersion: v1, kind: Pod, metadata: {name: bad}, spec: {hostPID: true, containers: []}}";
    let documents = manifest::read(bad).unwrap();
    let pod = documents[0].attributes("default");
    let decision = engine::decide(&set, &pod, Scope::All, "test", options.now);
    metrics.reviewed(Endpoint::Validate, Operation::Create, &decision, Duration::ZERO);
    let freshness = Freshness::default();
    let _watch = freshness.watch("policies");
    metrics.render(Some(&PolicyStore::new(set)), &freshness, options.now)
}
