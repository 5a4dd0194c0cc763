//! What is absent and may be repaired is repaired on the way in, and what was written stays.

use std::time::Duration;

use anyhow::Result;
use e2e::objects::pod;
use e2e::{Gate, Namespace, wait_for};
use serde_json::{Value, json};

use crate::server;

const POLICY: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata:
  name: user-namespaces
spec:
  enforcement: Deny
  rules:
  - userNamespace: {}
    fix: All
";

/// A namespace in which the API server asks Podgate for repairs too: that configuration is seen on its own time.
fn repaired_namespace(gate: &Gate<'_>) -> Result<Namespace> {
    let namespace = gate.guarded()?;
    let path = format!("{}?dryRun=All", namespace.pods());
    wait_for("the API server to ask podgate for repairs", Duration::from_secs(20), || {
        let answer = server().client().create(&path, &pod("probe"))?;
        Ok((answer.code == 201 && answer.body["spec"]["hostUsers"] == false).then_some(()))
    })?;
    Ok(namespace)
}

#[test]
fn absent_field_is_repaired_and_the_pod_admitted() -> Result<()> {
    let gate = Gate::start(server(), &[POLICY])?;
    let namespace = repaired_namespace(&gate)?;

    let stored = server().client().create(&namespace.pods(), &pod("web"))?.accepted()?;

    assert_eq!(stored.body["spec"]["hostUsers"], false);
    assert_eq!(stored.warnings, Vec::<String>::new());
    let records: Vec<Value> = gate
        .podgate()
        .records()?
        .into_iter()
        .filter(|record| record["object"]["name"] == "web" && record["decision"] == "fixed")
        .collect();
    assert_eq!(records.len(), 1, "{records:#?}");
    Ok(())
}

#[test]
fn field_that_was_written_is_refused_and_not_overwritten() -> Result<()> {
    let gate = Gate::start(server(), &[POLICY])?;
    let namespace = repaired_namespace(&gate)?;

    let mut written = pod("web");
    written["spec"]["hostUsers"] = json!(true);
    let refusal = server().client().create(&namespace.pods(), &written)?.rejected()?;

    assert_eq!((refusal.code, refusal.reason.as_str()), (403, "Forbidden"), "{refusal:?}");
    let start = "admission webhook \"deny.podgate.dev\" denied the request: 1 violation of policy user-namespaces ";
    assert!(refusal.message.starts_with(start), "{refusal:?}");
    assert!(
        refusal.message.contains("\n  userNamespace: spec.hostUsers is true, must be "),
        "{refusal:?}"
    );
    Ok(())
}
