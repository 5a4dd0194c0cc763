//! Every kind that holds a pod is judged when it is created, and the denial names the field in that kind.

use anyhow::{Context as _, Result};
use e2e::objects::{Workload, host_pid, pod, privileged, workloads};
use e2e::{Gate, Namespace, decision_id};

use crate::{Outcome, SHARED_KERNEL, assert_denied, server, two_violations};

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
fn every_kind_of_workload_is_denied_at_its_own_path() -> Outcome {
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
fn every_kind_of_compliant_workload_is_admitted() -> Outcome {
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
fn deployment_that_turns_bad_is_denied() -> Outcome {
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

/// A namespace that is guarded from now on, with a bad Deployment in it.
fn namespace_with_an_old_bad_deployment(gate: &Gate<'_>) -> Result<Namespace> {
    let namespace = gate.unguarded()?;
    let old = workloads(&privileged(host_pid(pod("web")))).swap_remove(0);
    let deployments = namespace.path(old.api, old.resource);
    let _ = server().client().create(&deployments, &old.object)?.accepted()?;
    gate.guard(&namespace)?;
    Ok(namespace)
}

#[test]
fn old_bad_deployment_may_be_scaled_and_labelled() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = namespace_with_an_old_bad_deployment(&gate)?;
    let deployment = "deployment/deployments";
    let run = |arguments: &[&str]| {
        let namespaced = [arguments, &["--namespace", &namespace.name]].concat();
        server().kubectl().run(&namespaced)?.succeeded()
    };

    assert_eq!(
        run(&["label", deployment, "team=payments"])?.stdout,
        "deployment.apps/deployments labeled\n"
    );
    assert_eq!(
        run(&["scale", deployment, "--replicas=3"])?.stdout,
        "deployment.apps/deployments scaled\n"
    );
    let patched = run(&["patch", deployment, "--patch", r#"{"spec":{"replicas":2}}"#])?;
    assert_eq!(patched.stdout, "deployment.apps/deployments patched\n");
    Ok(())
}

#[test]
fn template_of_an_old_bad_deployment_may_not_change() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = namespace_with_an_old_bad_deployment(&gate)?;

    let change = "app=registry.example.com/app:2";
    let arguments =
        ["set", "image", "--namespace", &namespace.name, "deployment/deployments", change];
    let stderr = server().kubectl().run(&arguments)?.refused()?;

    let text = two_violations("spec.template.spec", decision_id(&stderr)?);
    assert_eq!(stderr, format!("error: failed to patch image update to pod template: {text}\n"));
    Ok(())
}
