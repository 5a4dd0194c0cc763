//! A pod that was there before the policy stays as it is, until somebody changes what it runs.

use anyhow::Result;
use e2e::objects::{pod, privileged};
use e2e::{Gate, Namespace, decision_id};
use serde_json::json;

use crate::{Outcome, SHARED_KERNEL, assert_denied, one_violation, server};

/// A namespace that is guarded from now on, with a bad pod in it.
fn namespace_with_an_old_bad_pod(gate: &Gate<'_>) -> Result<Namespace> {
    let namespace = gate.unguarded()?;
    let mut bad = privileged(pod("old"));
    bad["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "100m"}});
    let _ = server().client().create(&namespace.pods(), &bad)?.accepted()?;
    gate.guard(&namespace)?;
    Ok(namespace)
}

#[test]
fn label_of_an_old_bad_pod_may_change() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = namespace_with_an_old_bad_pod(&gate)?;

    let arguments = ["label", "--namespace", &namespace.name, "pod/old", "team=payments"];
    let output = server().kubectl().run(&arguments)?.succeeded()?;

    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("pod/old labeled\n", ""));
    Ok(())
}

#[test]
fn image_of_an_old_bad_pod_may_not_change() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = namespace_with_an_old_bad_pod(&gate)?;

    let old = format!("{}/old", namespace.pods());
    let stored = server().client().get(&old)?.accepted()?;
    let mut containers = stored.body["spec"]["containers"].clone();
    containers[0]["image"] = json!("registry.example.com/app:2");
    let refusal =
        server().client().merge(&old, &json!({"spec": {"containers": containers}}))?.rejected()?;

    assert_denied(&refusal, |id| one_violation("containers[app]", "spec.containers[0]", id));
    Ok(())
}

#[test]
fn kubectl_set_image_shows_the_denial() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = namespace_with_an_old_bad_pod(&gate)?;

    let change = "app=registry.example.com/app:2";
    let arguments = ["set", "image", "--namespace", &namespace.name, "pod/old", change];
    let stderr = server().kubectl().run(&arguments)?.refused()?;

    let text = one_violation("containers[app]", "spec.containers[0]", decision_id(&stderr)?);
    assert_eq!(stderr, format!("error: failed to patch image update to pod template: {text}\n"));
    Ok(())
}

#[test]
fn old_bad_pod_may_be_resized() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = namespace_with_an_old_bad_pod(&gate)?;

    let change =
        r#"{"spec":{"containers":[{"name":"app","resources":{"requests":{"cpu":"200m"}}}]}}"#;
    let arguments = [
        "patch",
        "pod",
        "old",
        "--namespace",
        &namespace.name,
        "--subresource=resize",
        "--patch",
        change,
    ];
    let output = server().kubectl().run(&arguments)?.succeeded()?;

    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("pod/old patched\n", ""));
    Ok(())
}

#[test]
fn old_bad_pod_may_be_bound_to_a_node() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = namespace_with_an_old_bad_pod(&gate)?;

    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "old"},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "node-1"},
    });
    let bound = server().client().create(&format!("{}/old/binding", namespace.pods()), &binding)?;

    assert_eq!(bound.accepted()?.code, 201);
    Ok(())
}
