//! An exception lets one workload break one rule, and the record says that it did.

use e2e::objects::{host_pid, pod, privileged};
use e2e::{Gate, decision_id};
use serde_json::json;

use crate::{Outcome, SHARED_KERNEL, one_violation, server};

fn exception(namespace: &str) -> String {
    format!(
        "\
apiVersion: podgate.dev/v1
kind: PodPolicyException
metadata:
  name: node-exporter-host-pid
spec:
  policy: shared-kernel
  rules: [hostNamespaces]
  match: {{namespaces: {{include: [{namespace}]}}}}
  reason: reads host process metrics
  owner: observability@example.com
  expires: 2099-06-30T00:00:00Z
"
    )
}

#[test]
fn excepted_rule_may_be_broken_and_no_other() -> Outcome {
    // The gate makes namespaces of its own, whose names nobody knows before it is there.
    let gate = Gate::start(server(), &[SHARED_KERNEL, &exception("ns-*")])?;
    let namespace = gate.guarded()?;
    let client = server().client();

    let _ = client.create(&namespace.pods(), &host_pid(pod("exporter")))?.accepted()?;
    let event = server().audit_of_create("pods", &namespace.name, "exporter")?;
    let note = &event.annotations["deny.podgate.dev/decision"];
    let id = note.strip_prefix("excepted ").expect("the outcome, then the id");
    let record = gate.podgate().record(id)?;
    assert_eq!(record["decision"], "excepted");
    assert_eq!(record["exceptions"], json!(["node-exporter-host-pid"]));

    let refusal =
        client.create(&namespace.pods(), &privileged(host_pid(pod("bad"))))?.rejected()?;
    let id = decision_id(&refusal.message)?;
    assert_eq!((refusal.code, refusal.reason.as_str()), (403, "Forbidden"));
    let text = one_violation("containers[app]", "spec.containers[0]", id);
    assert_eq!(refusal.message, text);
    Ok(())
}
