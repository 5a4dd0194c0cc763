//! What is absent is filled in on the way in, told to the sender, and judged as it then is.

use std::time::Duration;

use e2e::objects::{pod, workloads};
use e2e::{Gate, Namespace, decision_id, wait_for};
use serde_json::{Value, json};

use crate::{Outcome, server};

const RESTRICTED: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata:
  name: restricted
spec:
  fix: Safe
  standard: {level: Restricted, version: v1.37}
";

/// A pod whose author said nothing but which user it runs as, if that.
fn bare(name: &str, user: Option<u32>) -> Value {
    let mut pod = pod(name);
    pod["spec"]["securityContext"] = json!(null);
    pod["spec"]["containers"][0]["securityContext"] = json!({"runAsUser": user});
    pod
}

/// A gate that repairs, and a namespace in which it does so already.
fn repairing(policy: &str) -> anyhow::Result<(Gate<'static>, Namespace)> {
    let gate = Gate::start(server(), &[policy])?;
    let namespace = gate.guarded()?;
    let dry_run = format!("{}?dryRun=All", namespace.pods());
    wait_for("the API server to ask for repairs", Duration::from_secs(20), || {
        let answer = server().client().create(&dry_run, &bare("canary", Some(1000)))?;
        Ok((answer.code == 201).then_some(()))
    })?;
    Ok((gate, namespace))
}

#[test]
fn pod_that_says_nothing_is_filled_in_and_its_sender_is_told() -> Outcome {
    let (gate, namespace) = repairing(RESTRICTED)?;

    let output = server()
        .kubectl()
        .run_on(&["create", "--namespace", &namespace.name], &bare("web", Some(1000)))?
        .succeeded()?;

    assert_eq!(output.stdout, "pod/web created\n");
    let container = "spec.containers[0].securityContext";
    let expected = [
        format!("{container}.allowPrivilegeEscalation to false (rule allowPrivilegeEscalation, safe)"),
        format!("{container}.capabilities.drop to [\"ALL\"] (rule capabilities_restricted, safe)"),
        "spec.securityContext.runAsNonRoot to true (rule runAsNonRoot, safe)".to_owned(),
        "spec.securityContext.seccompProfile to {\"type\":\"RuntimeDefault\"} (rule seccompProfile_restricted, safe)"
            .to_owned(),
    ];
    let mut lines: Vec<&str> = output.stderr.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        expected.map(|fill| format!("Warning: podgate: policy restricted: set {fill}"))
    );

    let stored = server().client().get(&format!("{}/web", namespace.pods()))?.accepted()?.body;
    assert_eq!(
        stored["spec"]["securityContext"],
        json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})
    );
    assert_eq!(
        stored["spec"]["containers"][0]["securityContext"],
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "runAsUser": 1000})
    );
    let event = server().audit_of_create("pods", &namespace.name, "web")?;
    let note = event.annotations.get("fix.podgate.dev/decision").expect("an annotation");
    let id = note.strip_prefix("fixed ").expect("the outcome, then the id");
    let record = gate.podgate().record(id)?;
    assert_eq!(record["fixes"].as_array().map(Vec::len), Some(4), "{record}");
    Ok(())
}

#[test]
fn pod_that_is_right_already_is_let_alone() -> Outcome {
    let (gate, namespace) = repairing(RESTRICTED)?;
    let series =
        "podgate_reviews_total{endpoint=\"mutate\",operation=\"CREATE\",decision=\"fixed\"}";
    let before = gate.podgate().metric(series)?;

    let answer = server().client().create(&namespace.pods(), &pod("web"))?.accepted()?;

    assert_eq!(answer.warnings, Vec::<String>::new());
    assert_eq!(gate.podgate().metric(series)?, before);
    Ok(())
}

#[test]
fn what_could_stop_the_program_is_not_filled_in_but_said() -> Outcome {
    let (_gate, namespace) = repairing(RESTRICTED)?;

    let refusal = server().client().create(&namespace.pods(), &bare("web", None))?.rejected()?;

    let id = decision_id(&refusal.message)?;
    assert_eq!(
        refusal.message,
        format!(
            "\
admission webhook \"deny.podgate.dev\" denied the request: 2 violations of policy restricted (decision {id})
  capabilities_restricted: containers[app].securityContext.capabilities.drop is absent, must be a list that contains \"ALL\"
    fix: set spec.containers[0].securityContext.capabilities.drop to [\"ALL\"]
  runAsNonRoot: containers[app].securityContext.runAsNonRoot is absent, must be true, here or in the pod's securityContext
    fix: set spec.securityContext.runAsNonRoot to true
  more: podgate explain capabilities_restricted | podgate explain {id}"
        )
    );
    Ok(())
}

#[test]
fn workload_is_stored_as_it_was_written_or_filled_in_as_the_policy_says() -> Outcome {
    let templates = RESTRICTED.replace("fix: Safe", "fix: Safe\n  fixIn: Templates");
    for (policy, filled) in [(RESTRICTED, false), (&*templates, true)] {
        let (_gate, namespace) = repairing(policy)?;
        for workload in workloads(&bare("web", Some(1000))) {
            let collection = namespace.path(workload.api, workload.resource);
            let answer = server().client().create(&collection, &workload.object)?.accepted()?;
            assert_eq!(answer.warnings.len(), if filled { 4 } else { 0 }, "{}", workload.kind);
            let pointer = format!("/{}/securityContext", workload.spec.replace('.', "/"));
            let context = answer.body.pointer(&pointer).cloned().unwrap_or_default();
            assert_eq!(context["runAsNonRoot"] == true, filled, "{}: {context}", workload.kind);
        }
    }
    Ok(())
}
