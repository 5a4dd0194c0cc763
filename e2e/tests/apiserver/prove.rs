//! `podgate prove`, which `helm test` runs: it says so where a pod that must be refused is not.

use std::process::Output;

use e2e::{Gate, run_podgate};

use crate::{Outcome, SHARED_KERNEL, server};

fn prove(namespace: &str) -> anyhow::Result<Output> {
    run_podgate(&["prove", "--namespace", namespace], server().kubectl().kubeconfig(), "")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("podgate prints text")
}

#[test]
fn a_refusal_is_proved_and_nothing_is_made() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let output = prove(&namespace.name)?;

    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(said.starts_with("proved: "), "{said}");
    assert!(said.contains("admission webhook \"deny.podgate.dev\" denied the request: "), "{said}");
    assert!(said.contains("policy shared-kernel"), "{said}");
    Ok(())
}

#[test]
fn a_pod_that_would_be_let_in_is_told_and_not_made() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.unguarded()?;

    let output = prove(&namespace.name)?;

    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("not proved: "), "{}", text(&output.stdout));
    let pods = server().client().get(&namespace.pods())?;
    assert_eq!(pods.body["items"].as_array().map(Vec::len), Some(0), "a dry run makes nothing");
    Ok(())
}

#[test]
fn a_podgate_that_is_down_is_no_proof_though_the_pod_is_refused() -> Outcome {
    let mut gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;
    gate.podgate_mut().stop()?;

    let output = prove(&namespace.name)?;

    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("the API server cannot reach podgate: "));
    gate.podgate_mut().resume()?;
    Ok(())
}
