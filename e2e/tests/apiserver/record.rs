//! The denial, the record and the API server's audit log tell of one decision under one id.

use e2e::objects::{host_pid, pod, privileged};
use e2e::{Gate, decision_id};

use crate::{Outcome, SHARED_KERNEL, server};

#[test]
fn denial_record_and_audit_log_name_one_decision() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let bad = privileged(host_pid(pod("web")));
    let refusal = server().client().create(&namespace.pods(), &bad)?.rejected()?;

    let id = decision_id(&refusal.message)?;
    let record = gate.podgate().record(id)?;
    assert_eq!(record["decision"], "denied");
    assert_eq!(record["operation"], "CREATE");
    assert_eq!(record["dryRun"], false);
    assert_eq!(record["user"]["name"], "admin");
    assert_eq!(record["object"]["kind"], "Pod");
    assert_eq!(record["object"]["namespace"], namespace.name);
    assert_eq!(record["object"]["name"], "web");
    assert_eq!(record["violations"][0]["policy"], "shared-kernel");
    assert_eq!(record["violations"][0]["rule"], "privileged");
    assert_eq!(record["violations"][0]["path"], "spec.containers[0].securityContext.privileged");
    assert_eq!(record["violations"][1]["rule"], "hostNamespaces");
    assert_eq!(record["violations"][1]["path"], "spec.hostPID");

    let event = server().audit_of_create("pods", &namespace.name, "web")?;
    let note =
        |key: &str| event.annotations.get(&format!("deny.podgate.dev/{key}")).map(String::as_str);
    assert_eq!(event.code, 403);
    assert_eq!(note("decision"), Some(format!("denied {id}").as_str()), "{event:?}");
    assert_eq!(note("rules"), Some("privileged,hostNamespaces"), "{event:?}");
    assert_eq!(note("policy-set"), record["policySet"]["digest"].as_str(), "{event:?}");
    Ok(())
}

#[test]
fn admission_is_recorded_and_audited_too() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let _ = server().client().create(&namespace.pods(), &pod("web"))?.accepted()?;

    let event = server().audit_of_create("pods", &namespace.name, "web")?;
    assert_eq!(event.code, 201);
    let note =
        event.annotations.get("deny.podgate.dev/decision").expect("every answer is annotated");
    let id = note.strip_prefix("allowed ").expect("the outcome, then the id");
    let record = gate.podgate().record(id)?;
    assert_eq!(record["decision"], "allowed");
    assert_eq!(record["violations"], serde_json::json!([]));
    Ok(())
}

#[test]
fn record_holds_no_environment_value() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let mut bad = privileged(pod("web"));
    bad["spec"]["containers"][0]["env"] =
        serde_json::json!([{"name": "PASSWORD", "value": "planted-secret-4711"}]);
    let refusal = server().client().create(&namespace.pods(), &bad)?.rejected()?;

    let id = decision_id(&refusal.message)?;
    assert!(!refusal.message.contains("planted-secret"), "{refusal:?}");
    assert_eq!(gate.podgate().record(id)?["decision"], "denied");
    assert!(
        !gate.podgate().output()?.contains("planted-secret"),
        "the logs hold what the pod's author put there"
    );
    Ok(())
}
