//! A new pod that breaks a policy is refused, and one that breaks none is not.

use e2e::objects::{host_pid, pod, privileged, repeated};
use e2e::{Gate, decision_id};
use serde_json::json;

use crate::{Outcome, SHARED_KERNEL, assert_denied, one_violation, server, two_violations};

#[test]
fn kubectl_create_shows_the_whole_denial() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let bad = privileged(host_pid(pod("web")));
    let stderr =
        server().kubectl().run_on(&["create", "--namespace", &namespace.name], &bad)?.refused()?;

    let text = two_violations("spec", decision_id(&stderr)?);
    assert_eq!(
        stderr,
        format!("Error from server (Forbidden): error when creating \"STDIN\": {text}\n")
    );
    Ok(())
}

#[test]
fn kubectl_apply_shows_the_whole_denial() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let file = server().kubectl().file(&privileged(host_pid(pod("web"))))?;
    let file = file.to_str().expect("a path in UTF-8");
    let arguments = ["apply", "--namespace", &namespace.name, "--filename", file];
    let stderr = server().kubectl().run(&arguments)?.refused()?;

    let text = two_violations("spec", decision_id(&stderr)?);
    assert_eq!(
        stderr,
        format!("Error from server (Forbidden): error when creating \"{file}\": {text}\n")
    );
    Ok(())
}

#[test]
fn denial_is_a_status_with_code_403_and_reason_forbidden() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let bad = privileged(host_pid(pod("web")));
    let refusal = server().client().create(&namespace.pods(), &bad)?.rejected()?;

    assert_denied(&refusal, |id| two_violations("spec", id));
    let read = server().client().get(&format!("{}/web", namespace.pods()))?.rejected()?;
    assert_eq!((read.code, read.reason.as_str()), (404, "NotFound"), "the pod was not stored");
    Ok(())
}

#[test]
fn server_side_dry_run_is_denied_like_the_real_request() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let bad = privileged(host_pid(pod("web")));
    let arguments = ["create", "--dry-run=server", "--namespace", &namespace.name];
    let stderr = server().kubectl().run_on(&arguments, &bad)?.refused()?;

    let id = decision_id(&stderr)?;
    let text = two_violations("spec", id);
    assert_eq!(
        stderr,
        format!("Error from server (Forbidden): error when creating \"STDIN\": {text}\n")
    );
    assert_eq!(gate.podgate().record(id)?["dryRun"], true);
    Ok(())
}

#[test]
fn compliant_pod_is_admitted_without_a_word() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let output = server()
        .kubectl()
        .run_on(&["create", "--namespace", &namespace.name], &pod("web"))?
        .succeeded()?;

    assert_eq!(output.stdout, "pod/web created\n");
    assert_eq!(output.stderr, "");
    Ok(())
}

#[test]
fn kubectl_run_shows_the_denial() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let image = "--image=registry.example.com/app:1";
    let arguments = ["run", "app", image, "--privileged", "--namespace", &namespace.name];
    let stderr = server().kubectl().run(&arguments)?.refused()?;

    let text = one_violation("containers[app]", "spec.containers[0]", decision_id(&stderr)?);
    assert_eq!(stderr, format!("Error from server (Forbidden): {text}\n"));
    Ok(())
}

#[test]
fn kubectl_apply_on_the_server_side_shows_the_denial() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let arguments = ["apply", "--server-side", "--namespace", &namespace.name];
    let bad = privileged(host_pid(pod("web")));
    let stderr = server().kubectl().run_on(&arguments, &bad)?.refused()?;

    let text = two_violations("spec", decision_id(&stderr)?);
    assert_eq!(stderr, format!("Error from server (Forbidden): {text}\n"));
    Ok(())
}

#[test]
fn pod_whose_name_the_server_makes_is_denied() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let mut bad = privileged(host_pid(pod("web")));
    bad["metadata"] = json!({"generateName": "web-"});
    let refusal = server().client().create(&namespace.pods(), &bad)?.rejected()?;

    assert_denied(&refusal, |id| two_violations("spec", id));
    let record = gate.podgate().record(decision_id(&refusal.message)?)?;
    assert_eq!(record["object"]["generateName"], "web-");
    Ok(())
}

#[test]
fn denial_of_very_many_fields_counts_those_it_does_not_show() -> Outcome {
    let gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;

    let bad = repeated(privileged(pod("web")), 40);
    let refusal = server().client().create(&namespace.pods(), &bad)?.rejected()?;

    assert_denied(&refusal, |id| {
        let shown: Vec<String> = (0..32)
            .map(|number| {
                format!(
                    "\n  privileged: containers[app{number}].securityContext.privileged is true, must be absent or false\
                     \n    fix: remove spec.containers[{number}].securityContext.privileged"
                )
            })
            .collect();
        let shown = shown.concat();
        format!(
            "admission webhook \"deny.podgate.dev\" denied the request: \
             40 violations of policy shared-kernel (decision {id}){shown}\
             \n  and 8 more\n  more: podgate explain privileged | podgate explain {id}"
        )
    });
    let record = gate.podgate().record(decision_id(&refusal.message)?)?;
    assert_eq!(
        record["violations"].as_array().map(Vec::len),
        Some(40),
        "the record holds them all"
    );
    Ok(())
}
