//! Every kind that holds a pod is judged when it is created, and the denial names the field in that kind.

use anyhow::{Context as _, Result};
use e2e::objects::{Workload, host_pid, pod, privileged, workloads};
use e2e::{Gate, Namespace, decision_id};

use crate::{SHARED_KERNEL, assert_denied, server, two_violations};

fn deny(gate: &Gate<'_>, namespace: &Namespace, workload: &Workload) -> Result<()> {
    let collection = namespace.path(workload.api, workload.resource);
    let refusal = server().client().create(&collection, &workload.object)?.rejected()?;

    assert_denied(&refusal, |id| two_violations(workload.spec, id));
    let record = gate.podgate().record(decision_id(&refusal.message)?)?;
    assert_eq!(record["object"]["kind"], workload.kind);
    assert_eq!(record["object"]["name"], workload.resource);
    Ok(())
}

#[test]
fn every_kind_of_workload_is_denied_at_its_own_path() -> Result<()> {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let bad = workloads(&privileged(host_pid(pod("web"))));
    assert_eq!(
        bad.len(),
        8,
        "Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob, RC, PodTemplate"
    );
    for workload in &bad {
        deny(&gate, &namespace, workload).with_context(|| workload.kind)?;
    }
    Ok(())
}

#[test]
fn every_kind_of_compliant_workload_is_admitted() -> Result<()> {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    for workload in workloads(&pod("web")) {
        let collection = namespace.path(workload.api, workload.resource);
        let answer = server()
            .client()
            .create(&collection, &workload.object)?
            .accepted()
            .context(workload.kind)?;
        assert_eq!(answer.warnings, Vec::<String>::new(), "{}", workload.kind);
    }
    Ok(())
}

#[test]
fn deployment_that_turns_bad_is_denied() -> Result<()> {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;
    let [good, bad] =
        [pod("web"), privileged(host_pid(pod("web")))].map(|pod| workloads(&pod).swap_remove(0));
    let kubectl = server().kubectl();
    let apply = ["apply", "--namespace", &namespace.name];
    let output = kubectl.run_on(&apply, &good.object)?.succeeded()?;
    assert_eq!(output.stdout, "deployment.apps/deployments created\n");

    let stderr = kubectl.run_on(&apply, &bad.object)?.refused()?;

    let id = decision_id(&stderr)?;
    let text = two_violations("spec.template.spec", id);
    assert!(
        stderr.starts_with("Error from server (Forbidden): error when applying patch:\n"),
        "{stderr}"
    );
    assert!(
        stderr.ends_with(&format!("for: \"STDIN\": error when patching \"STDIN\": {text}\n")),
        "{stderr}"
    );
    assert_eq!(gate.podgate().record(id)?["operation"], "UPDATE");
    Ok(())
}
