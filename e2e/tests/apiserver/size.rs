//! Objects as large as the API server stores are judged like small ones.

use e2e::objects::{host_pid, pod, privileged, workloads};
use e2e::{Gate, decision_id};
use serde_json::{Value, json};

use crate::{Outcome, SHARED_KERNEL, assert_denied, server, two_violations};

/// The Deployment of `pod` with 1.2 million bytes of environment: a little less than the store takes.
fn large_deployment(mut pod: Value) -> Value {
    let value = "x".repeat(10_000);
    let env: Vec<Value> =
        (0..120).map(|n| json!({"name": format!("V{n}"), "value": value})).collect();
    pod["spec"]["containers"][0]["env"] = json!(env);
    workloads(&pod).swap_remove(0).object
}

#[test]
fn update_of_a_large_object_is_judged() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;
    let client = server().client();
    let deployments = namespace.path("/apis/apps/v1", "deployments");
    let _ = client.create(&deployments, &large_deployment(pod("web")))?.accepted()?;

    // The review of an update carries the object twice.
    let bad = large_deployment(privileged(host_pid(pod("web"))));
    assert!(2 * bad.to_string().len() > 2 * 1024 * 1024, "more than most servers take by default");
    let refusal = client.merge(&format!("{deployments}/deployments"), &bad)?.rejected()?;

    assert_denied(&refusal, |id| two_violations("spec.template.spec", id));
    assert_eq!(gate.podgate().record(decision_id(&refusal.message)?)?["operation"], "UPDATE");
    Ok(())
}
