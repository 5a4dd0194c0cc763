//! `kubectl debug` adds an ephemeral container, which is judged like any other.

use anyhow::Result;
use e2e::objects::{pod, privileged};
use e2e::{Gate, Namespace, Output, decision_id};

use crate::{Outcome, SHARED_KERNEL, one_violation, server};

/// Runs `kubectl debug` on the pod `web`.
fn debug(namespace: &Namespace, profile: &str) -> Result<Output> {
    server().kubectl().run(&[
        "debug",
        "--namespace",
        &namespace.name,
        "pod/web",
        "--image=registry.example.com/tools:1",
        "--container=tools",
        profile,
    ])
}

#[test]
fn privileged_debug_container_is_denied() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;
    let _ = server().client().create(&namespace.pods(), &pod("web"))?.accepted()?;

    let stderr = debug(&namespace, "--profile=sysadmin")?.refused()?;

    let id = decision_id(&stderr)?;
    let text = one_violation("ephemeralContainers[tools]", "spec.ephemeralContainers[0]", id);
    assert_eq!(stderr, format!("Error from server (Forbidden): {text}\n"));
    assert_eq!(gate.podgate().record(id)?["subresource"], "ephemeralcontainers");
    Ok(())
}

#[test]
fn restricted_debug_container_is_admitted() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;
    let _ = server().client().create(&namespace.pods(), &pod("web"))?.accepted()?;

    let _ = debug(&namespace, "--profile=restricted")?.succeeded()?;

    let stored = server().client().get(&format!("{}/web", namespace.pods()))?.accepted()?;
    assert_eq!(stored.body["spec"]["ephemeralContainers"][0]["name"], "tools");
    Ok(())
}

#[test]
fn harmless_debug_container_in_an_old_bad_pod_is_denied() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.unguarded()?;
    let _ = server().client().create(&namespace.pods(), &privileged(pod("web")))?.accepted()?;
    gate.guard(&namespace)?;

    // As Pod Security Admission has it: whoever changes what a pod runs gets the whole pod judged.
    let stderr = debug(&namespace, "--profile=restricted")?.refused()?;

    let text = one_violation("containers[app]", "spec.containers[0]", decision_id(&stderr)?);
    assert_eq!(stderr, format!("Error from server (Forbidden): {text}\n"));
    Ok(())
}
