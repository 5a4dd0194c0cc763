//! A policy that warns or audits lets everything through, and says so where it should.

use e2e::Gate;
use e2e::objects::{pod, privileged, repeated};

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

#[test]
fn more_warnings_than_the_api_server_carries_are_counted_in_the_last() -> Outcome {
    let gate = Gate::start(server(), &[&SHARED_KERNEL.replace("Deny", "Warn")])?;
    let namespace = gate.guarded()?;

    let bad = repeated(privileged(pod("web")), 40);
    let answer = server().client().create(&namespace.pods(), &bad)?.accepted()?;

    let (last, shown) = answer.warnings.split_last().expect("warnings");
    assert!(!shown.is_empty(), "{last}");
    for (number, warning) in shown.iter().enumerate() {
        let expected = format!(
            "podgate: policy shared-kernel: \
             privileged: containers[app{number}].securityContext.privileged is true, must be absent or false; \
             fix: remove spec.containers[{number}].securityContext.privileged"
        );
        assert_eq!(*warning, expected);
    }
    assert_eq!(*last, format!("podgate: {} more warnings left out", 40 - shown.len()));
    Ok(())
}
