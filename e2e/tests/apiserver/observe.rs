//! A policy that warns or audits lets everything through, and says so where it should.

use e2e::Gate;
use e2e::objects::{pod, privileged};

use crate::{Outcome, SHARED_KERNEL, server};

#[test]
fn policy_that_warns_admits_with_a_warning() -> Outcome {
    let gate = Gate::start(server(), &[&SHARED_KERNEL.replace("Deny", "Warn")])?;
    let namespace = gate.guarded()?;

    let bad = privileged(pod("web"));
    let output = server()
        .kubectl()
        .run_on(&["create", "--namespace", &namespace.name], &bad)?
        .succeeded()?;

    assert_eq!(output.stdout, "pod/web created\n");
    assert_eq!(
        output.stderr,
        "Warning: podgate: policy shared-kernel: \
         privileged: containers[app].securityContext.privileged is true, must be absent or false; \
         fix: remove spec.containers[0].securityContext.privileged\n"
    );
    Ok(())
}

#[test]
fn policy_that_audits_admits_silently_and_annotates_the_audit_log() -> Outcome {
    let gate = Gate::start(server(), &[&SHARED_KERNEL.replace("Deny", "Audit")])?;
    let namespace = gate.guarded()?;

    let bad = privileged(pod("web"));
    let output = server()
        .kubectl()
        .run_on(&["create", "--namespace", &namespace.name], &bad)?
        .succeeded()?;

    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("pod/web created\n", ""));
    let event = server().audit_of_create("pods", &namespace.name, "web")?;
    assert_eq!(event.code, 201);
    assert_eq!(
        event.annotations.get("observe.podgate.dev/rules").map(String::as_str),
        Some("privileged"),
        "{event:?}"
    );
    Ok(())
}
