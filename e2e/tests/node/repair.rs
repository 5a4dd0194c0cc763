//! What is filled in on the way in, seen in the pods that run.

use anyhow::{Context as _, Result};
use e2e::cluster::{ROOT_PROBE, is_ready};
use e2e::objects::probe;
use e2e::{Cluster, Outcome, wait_for};
use serde_json::{Value, json};

use crate::Test;
use crate::installed::{ROLLOUT, podgate, settled};
use crate::pods::first_outside;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("root_image_is_put_into_a_user_namespace", root_image_is_put_into_a_user_namespace),
    ("risky_repair_is_left_to_a_person", risky_repair_is_left_to_a_person),
];

/// A pod of an image that runs as root and says nothing about security.
fn root() -> Value {
    let mut pod = probe("root", &[]);
    let spec = pod["spec"].as_object_mut().expect("a pod has a spec");
    let _ = spec.remove("securityContext");
    spec["containers"][0] = json!({"name": "app", "image": ROOT_PROBE});
    pod
}

/// Lets the pods of `namespace` be root as far as the library's policy goes, and asks of them what `rules` say.
fn policy<'c>(cluster: &'c Cluster, namespace: &str, rules: &Value) -> Result<Policy<'c>> {
    let matched = json!({"namespaces": {"include": [namespace]}});
    let documents = [
        json!({
            "apiVersion": "podgate.dev/v1",
            "kind": "PodPolicyException",
            "metadata": {"name": namespace},
            "spec": {
                "policy": "shared-kernel",
                "rules": ["runAsNonRoot"],
                "match": matched,
                "reason": "the tests' own image runs as root",
                "owner": "e2e@podgate.dev",
                "expires": "2099-01-01T00:00:00Z",
            },
        }),
        json!({
            "apiVersion": "podgate.dev/v1",
            "kind": "PodPolicy",
            "metadata": {"name": namespace},
            "spec": {"enforcement": "Deny", "fix": "Safe", "match": matched, "rules": rules},
        }),
    ];
    let policy = Policy { cluster, name: namespace.to_owned() };
    for document in &documents {
        let _ = cluster.kubectl().run_on(&["create"], document)?.succeeded()?;
    }
    Ok(policy)
}

/// A policy and an exception of one name, which go when the test ends.
struct Policy<'c> {
    cluster: &'c Cluster,
    name: String,
}

impl Drop for Policy<'_> {
    fn drop(&mut self) {
        // What stays is about a namespace that is gone.
        for kind in ["podpolicy", "podpolicyexception"] {
            let _ = self.cluster.kubectl().run(&["delete", kind, &self.name]);
        }
    }
}

fn root_image_is_put_into_a_user_namespace(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let plain = cluster.namespace("plain", &json!({}))?;
    let repaired = cluster.namespace("repaired", &json!({}))?;
    // One rule that this pod does not break: a policy asks something.
    let _plain = policy(cluster, &plain.name, &json!([{"privileged": {}}]))?;
    let rules = json!([
        {"userNamespace": {}},
        {"runAsNonRoot": {"insideUserNamespace": "Allow"}},
        {"allowPrivilegeEscalation": {}},
    ]);
    let _repaired = policy(cluster, &repaired.name, &rules)?;
    let is_let_in = |answer: &e2e::Answer| answer.code == 201;
    let _let_in = settled(cluster, &format!("{}?dryRun=All", plain.pods()), &root(), is_let_in)?;
    let path = format!("{}?dryRun=All", repaired.pods());
    let answer = settled(cluster, &path, &root(), |a| {
        is_let_in(a) && a.body["spec"]["hostUsers"] == json!(false)
    })?;
    let warning = format!(
        "podgate: policy {}: set spec.hostUsers to false (rule userNamespace, safe)",
        repaired.name
    );
    assert!(answer.warnings.contains(&warning), "{:?}", answer.warnings);

    let template = json!({"metadata": {"labels": {"app": "root"}}, "spec": root()["spec"]});
    let mut deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "root"},
        "spec": {"selector": {"matchLabels": {"app": "root"}}, "template": template},
    });
    deployment["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
    let mut maps = Vec::new();
    for namespace in [&plain, &repaired] {
        let path = namespace.path("/apis/apps/v1", "deployments");
        let made = cluster.client().create(&path, &deployment)?.accepted()?.body;
        assert!(made["spec"]["template"]["spec"]["hostUsers"].is_null(), "{made:#}");
        let name = wait_for("the Deployment's pod to be ready", ROLLOUT, || {
            let pods = cluster.client().get(&namespace.pods())?.accepted()?.body;
            let pods = pods["items"].as_array().context("a list has items")?;
            let ready = pods.iter().find(|pod| is_ready(pod));
            Ok(ready.and_then(|pod| pod["metadata"]["name"].as_str().map(str::to_owned)))
        })?;
        let status = namespace.exec(&name, &["/probe", "cat", "/proc/self/status"])?;
        assert!(status.contains("\nUid:\t0\t0\t0\t0\n"), "root inside: {status}");
        maps.push(namespace.exec(&name, &["/probe", "cat", "/proc/self/uid_map"])?);
    }
    assert_eq!(first_outside(&maps[0]), 0, "{maps:?}");
    assert!(first_outside(&maps[1]) >= 65536, "{maps:?}");
    Ok(())
}

fn risky_repair_is_left_to_a_person(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let namespace = cluster.namespace("risky", &json!({}))?;
    let _policy = policy(cluster, &namespace.name, &json!([{"capabilities_restricted": {}}]))?;
    let path = format!("{}?dryRun=All", namespace.pods());
    let refusal = settled(cluster, &path, &root(), |answer| {
        let message = answer.body["message"].as_str().unwrap_or_default();
        answer.code == 403 && message.contains(&format!("1 violation of policy {}", namespace.name))
    })?;
    let message = refusal.rejected()?.message;
    let fix = "\n    fix: set spec.containers[0].securityContext.capabilities.drop to [\"ALL\"]";
    assert!(message.contains(fix), "{message}");
    Ok(())
}
