//! An object on its way out is let go, whatever the policy says of it: a refusal would keep it for ever.

use anyhow::Result;
use e2e::Gate;
use e2e::objects::{finalized, host_pid, pod, privileged, workloads};
use serde_json::{Value, json};

use crate::{Outcome, SHARED_KERNEL, server};

/// Creates `object` before the gate guards its namespace, deletes it, which its finalizer holds up, and removes that.
fn let_go(api: &str, resource: &str, object: Value) -> Result<()> {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.unguarded()?;
    let collection = namespace.path(api, resource);
    let object = finalized(object);
    let path = format!("{collection}/{}", object["metadata"]["name"].as_str().expect("a name"));
    let client = server().client();
    let _ = client.create(&collection, &object)?.accepted()?;
    gate.guard(&namespace)?;
    let _ = client.delete(&path)?.accepted()?;
    let leaving = client.get(&path)?.accepted()?;
    assert!(
        leaving.body["metadata"]["deletionTimestamp"].is_string(),
        "it waits for its finalizer: {leaving:?}"
    );

    let _ = client.merge(&path, &json!({"metadata": {"finalizers": null}}))?.accepted()?;

    let gone = client.get(&path)?.rejected()?;
    assert_eq!((gone.code, gone.reason.as_str()), (404, "NotFound"));
    Ok(())
}

#[test]
fn bad_pod_in_deletion_may_lose_its_finalizer() -> Outcome {
    let_go("/api/v1", "pods", privileged(host_pid(pod("old"))))?;
    Ok(())
}

#[test]
fn bad_deployment_in_deletion_may_lose_its_finalizer() -> Outcome {
    let deployment = workloads(&privileged(host_pid(pod("old")))).swap_remove(0);
    let_go(deployment.api, deployment.resource, deployment.object)?;
    Ok(())
}
