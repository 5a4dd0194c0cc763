//! A webhook and its controller, scraped while they work.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::fleet::Fleet;
use e2e::{Prometheus, promtool, wait_for};
use jiff::{SignedDuration, Timestamp};

use crate::{Folder, queries, rules};

const TYPICAL: &str = include_str!("../../reviews/typical.json");
const EPHEMERAL: &str = include_str!("../../reviews/ephemeral.json");
/// What a webhook outside a cluster has no series of, and why.
const ABSENT: [(&str, &str); 2] = [
    ("Enforcement proved", "only an API server can be asked"),
    ("Watches that are down", "nothing is watched"),
];

/// A policy that denies, one that warns, and an exception that ends soon.
fn policies() -> String {
    let soon = Timestamp::now() + SignedDuration::from_hours(13 * 24);
    format!(
        "apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {{name: gate}}
spec: {{enforcement: Deny, standard: {{level: Restricted, version: latest}}}}
---
apiVersion: podgate.dev/v1
kind: PodPolicyException
metadata: {{name: ends-soon}}
spec: {{policy: gate, rules: [hostNamespaces], match: {{namespaces: {{include: [elsewhere]}}}}, reason: a test, owner: tests, expires: {soon:.0}}}
"
    )
}

#[test]
fn prometheus_reads_it_and_answers_what_dashboard_and_alerts_ask() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Err(error) = runtime.block_on(scraped()) {
        panic!("{error:?}");
    }
}

async fn scraped() -> Result<()> {
    let folder = Folder::new("scrape")?;
    let file = folder.path().join("policies.yaml");
    fs::write(&file, policies())?;
    let mut fleet = Fleet::prepare("monitoring", None)?;
    fleet.start_controller()?;
    let policies = format!("--policies={}", file.display());
    let webhook = fleet.webhook("webhook-0", &[&policies])?;
    let pods = [("podgate-webhook-0", webhook.admin()), ("podgate-controller-0", fleet.admin())];
    let prometheus = Prometheus::start(folder.path(), &pods)?;

    // What was before the first scrape is no increase.
    let load = fleet.client(&webhook)?;
    for review in [TYPICAL, EPHEMERAL, "no review"] {
        fleet.post(&webhook, review).await?;
    }
    load.until_more(200).await?;
    let denied = load.stop().await?;
    fleet.holds(&denied).await?;
    // A rate is of two samples, and a series of a rule begins with its first violation.
    wait_for("the denials to be scraped twice", Duration::from_secs(30), || {
        let expression = "min(count_over_time(podgate_rule_violations_total[1m])) > 1 \
                          and sum(podgate_ledger_records_total) > 200 and sum(podgate_ledger_unsent_records) == 0";
        Ok((!prometheus.query(expression)?.is_empty()).then_some(()))
    })?;

    for (pod, port) in pods {
        let (code, metrics) = e2e::get(port, "/metrics")?;
        ensure!(code == 200, "{pod}: {code}");
        let said = promtool(&["check", "metrics"], &metrics)?;
        let words = [said.stdout, said.stderr].concat();
        let words = String::from_utf8(words)?;
        ensure!(said.status.success() && words.is_empty(), "of the metrics of {pod}: {words}");
    }

    for (panel, query) in queries()? {
        let series = prometheus.query(&query)?;
        let absent = ABSENT.iter().find(|(title, _)| *title == panel);
        ensure!(
            series.is_empty() == absent.is_some(),
            "{panel}: {query} gives {series:?}, expected none: {absent:?}"
        );
    }

    // All is well, but for the exception that ends and the one body that was no review.
    let mut firing = Vec::new();
    for alert in rules()?["groups"][0]["rules"].as_array().into_iter().flatten() {
        let expression = alert["expr"].as_str().unwrap_or_default();
        if !prometheus.query(expression)?.is_empty() {
            firing.push(alert["alert"].as_str().unwrap_or_default().to_owned());
        }
    }
    ensure!(firing == ["PodgateExceptionsExpire"], "these fire: {firing:?}");
    Ok(())
}
