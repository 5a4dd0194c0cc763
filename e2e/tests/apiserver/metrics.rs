//! A scrape tells what the API server asked, and nothing of who asked.

use std::time::Duration;

use e2e::objects::{pod, privileged};
use e2e::{Gate, decision_id, wait_for};

use crate::{Outcome, SHARED_KERNEL, server};

const DENIED: &str =
    "podgate_reviews_total{endpoint=\"validate\",operation=\"CREATE\",decision=\"denied\"}";
const PRIVILEGED: &str = "podgate_rule_violations_total{policy=\"shared-kernel\",rule=\"privileged\",enforcement=\"Deny\"}";
const MUTATE: &str =
    "podgate_reviews_total{endpoint=\"mutate\",operation=\"CREATE\",decision=\"allowed\"}";

#[test]
fn denial_is_counted_once_and_names_the_policy_set() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;
    let podgate = gate.podgate();
    let (denied, violated) = (podgate.metric(DENIED)?, podgate.metric(PRIVILEGED)?);

    let refusal =
        server().client().create(&namespace.pods(), &privileged(pod("web")))?.rejected()?;

    assert_eq!(refusal.code, 403, "{refusal:?}");
    assert_eq!(podgate.metric(DENIED)?, denied + 1);
    assert_eq!(podgate.metric(PRIVILEGED)?, violated + 1);
    let record = podgate.record(decision_id(&refusal.message)?)?;
    let digest = record["policySet"]["digest"].as_str().expect("a digest");
    assert_eq!(podgate.metric(&format!("podgate_policy_set_info{{digest=\"{digest}\"}}"))?, 1);
    let (_, text) = podgate.admin("/metrics")?;
    assert!(!text.contains(&namespace.name), "a namespace is a label value");
    Ok(())
}

#[test]
fn every_entry_is_asked_and_answers_without_a_fault() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;
    let podgate = gate.podgate();

    let dry_run = format!("{}?dryRun=All", namespace.pods());
    wait_for("the API server to ask for repairs", Duration::from_secs(20), || {
        let _ = server().client().create(&dry_run, &pod("web"))?.accepted()?;
        Ok((podgate.metric(MUTATE)? > 0).then_some(()))
    })?;

    // The entries that may fail are ignored when they do, so the answers alone would not tell.
    for endpoint in ["validate", "observe", "mutate"] {
        let series = |decision| {
            format!(
                "podgate_reviews_total{{endpoint=\"{endpoint}\",operation=\"CREATE\",decision=\"{decision}\"}}"
            )
        };
        assert!(podgate.metric(&series("allowed"))? > 0, "{endpoint} was not asked");
        assert_eq!(podgate.metric(&series("failed"))?, 0, "{endpoint} failed");
    }
    let (_, text) = podgate.admin("/metrics")?;
    let rejected: Vec<&str> = text
        .lines()
        .filter(|line| {
            line.starts_with("podgate_requests_rejected_total{") && !line.ends_with(" 0")
        })
        .collect();
    assert_eq!(rejected, Vec::<&str>::new(), "the API server sent what podgate did not take");
    Ok(())
}
