//! Policies and certificates change under a running Podgate, which goes on answering.

use std::time::Duration;

use anyhow::Result;
use e2e::objects::{host_pid, pod, privileged};
use e2e::{Gate, Rejection, decision_id, wait_for};

use crate::{Outcome, SHARED_KERNEL, assert_denied, one_violation, server, two_violations};

const BOUND: Duration = Duration::from_secs(20);

#[test]
fn changed_policy_is_in_force_without_a_restart() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;
    let create = || server().client().create(&namespace.pods(), &privileged(host_pid(pod("web"))));
    let before = create()?.rejected()?;
    assert_denied(&before, |id| two_violations("spec", id));

    gate.podgate().replace_policy(0, &SHARED_KERNEL.replace("  - hostNamespaces: {}\n", ""))?;

    let after = wait_for("the new policy to be in force", BOUND, || {
        let refusal = create()?.rejected()?;
        Ok((!refusal.message.contains("hostNamespaces")).then_some(refusal))
    })?;
    assert_denied(&after, |id| one_violation("containers[app]", "spec.containers[0]", id));
    let digest = |refusal: &Rejection| -> Result<String> {
        let record = gate.podgate().record(decision_id(&refusal.message)?)?;
        Ok(record["policySet"]["digest"].as_str().expect("a digest").to_owned())
    };
    assert_ne!(digest(&before)?, digest(&after)?, "each decision names the set that made it");
    Ok(())
}

#[test]
fn broken_policy_leaves_the_last_good_set_in_force() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    gate.podgate().replace_policy(0, &SHARED_KERNEL.replace("privileged", "privilegd"))?;

    wait_for("podgate to find the policy broken", BOUND, || {
        Ok((gate.podgate().metric("podgate_policy_reload_failures_total")? == 1).then_some(()))
    })?;
    let output = gate.podgate().output()?;
    assert!(output.contains("policy-0.yaml"), "it names the file");
    assert!(output.contains("privilegd"), "it names the word");
    let refusal = server().client().create(&namespace.pods(), &privileged(host_pid(pod("web"))))?;
    assert_denied(&refusal.rejected()?, |id| two_violations("spec", id));
    Ok(())
}

#[test]
fn changed_certificate_is_served_without_a_restart() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    gate.change_authority()?;

    // Until both sides know of the new authority the API server may not be able to ask, and then nothing gets in.
    let refusal = wait_for("the API server to trust the new certificate", BOUND, || {
        let bad = privileged(host_pid(pod("web")));
        let refusal = server().client().create(&namespace.pods(), &bad)?.rejected()?;
        Ok((refusal.code == 403).then_some(refusal))
    })?;
    assert_denied(&refusal, |id| two_violations("spec", id));
    Ok(())
}
