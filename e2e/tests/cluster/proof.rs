//! Enforcement that is proved again and again, and told as a metric.

use e2e::{Gate, wait_for};

use crate::{BOUND, Outcome, namespace, server};

const POLICY: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: gate}
spec: {enforcement: Deny, rules: [{privileged: {}}]}
";

/// Waits until the metric has this value.
fn until(gate: &Gate<'_>, value: u64) -> anyhow::Result<()> {
    let series = "podgate_enforcement_proved{case=\"privileged\"}";
    wait_for(&format!("{series} to be {value}"), BOUND, || {
        Ok((gate.podgate().metric(series).ok() == Some(value)).then_some(()))
    })
}

#[test]
fn a_metric_tells_whether_what_must_be_refused_is() -> Outcome {
    let asked = namespace()?;
    let arguments = ["--prove-in", &asked.name, "--prove-every=1s", "--namespace", &asked.name];
    let mut gate = Gate::in_cluster(server(), &[POLICY], &arguments)?;
    // Nobody asks podgate about that namespace yet.
    until(&gate, 0)?;
    gate.guard(&asked)?;
    until(&gate, 1)?;
    let made = server().client().get(&asked.pods())?;
    assert_eq!(made.body["items"].as_array().map(Vec::len), Some(0), "a dry run makes nothing");
    let said = gate.podgate_mut().log_end();
    assert!(
        said.contains("enforcement is not proved") && said.contains("enforcement is proved"),
        "{said}"
    );
    Ok(())
}
