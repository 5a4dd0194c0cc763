//! What was refused, for whom, and that nothing is missing, asked where the chart keeps it.

use anyhow::{Context as _, Result};
use e2e::objects::{privileged, probe};
use e2e::{Cluster, Outcome, Output, wait_for};
use serde_json::{Value, json};

use crate::Test;
use crate::installed::{ROLLOUT, drained, podgate, pods, restart, settled};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("storm_is_told_once_with_who_is_behind_it", storm_is_told_once_with_who_is_behind_it)];

/// What the whole cluster feels.
pub(crate) const ALONE: &[(&str, Test)] =
    &[("replaced_replicas_leave_whole_chains", replaced_replicas_leave_whole_chains)];

/// What `podgate ledger` says inside the controller, as JSON.
fn ledger(cluster: &Cluster, arguments: &[&str]) -> Result<Value> {
    let said = in_controller(cluster, arguments)?.succeeded()?.stdout;
    serde_json::from_str(&said).with_context(|| said)
}

/// Runs `podgate ledger` inside the controller.
fn in_controller(cluster: &Cluster, arguments: &[&str]) -> Result<Output> {
    // What stands behind `--` is the command's, so the namespace comes first.
    let namespace = ["--namespace", e2e::release::RELEASE];
    let command = ["exec", "deployment/podgate-controller", "--", "/podgate", "ledger"];
    cluster.kubectl().run(&[&namespace[..], &command, arguments].concat())
}

const STORE: &str = "sqlite:/var/lib/podgate/ledger.db";

fn storm_is_told_once_with_who_is_behind_it(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let namespace = cluster.namespace("storm", &json!({}))?;
    let mut pod = probe("web", &[]);
    pod["metadata"] = json!({"labels": {"app": "web"}});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": pod["metadata"], "spec": pod["spec"]}},
    });
    let path = namespace.path("/apis/apps/v1", "deployments");
    let _ = cluster.client().create(&path, &deployment)?.accepted()?;
    let label = format!("{}?labelSelector=app%3Dweb", namespace.pods());
    wait_for("the first pod", ROLLOUT, || {
        let pods = cluster.client().get(&label)?.accepted()?.body;
        Ok(pods["items"].as_array().is_some_and(|pods| !pods.is_empty()).then_some(()))
    })?;
    // From now on its pods are refused, and it tries again and again under new names.
    let policy = json!({
        "apiVersion": "podgate.dev/v1", "kind": "PodPolicy", "metadata": {"name": namespace.name},
        "spec": {"enforcement": "Deny", "match": {"namespaces": {"include": [namespace.name]}},
            "rules": [{"resources": {"limits": ["memory"]}}]},
    });
    let _ = cluster.kubectl().run_on(&["create"], &policy)?.succeeded()?;
    let bad = probe("bad", &[]);
    let _refused = settled(cluster, &format!("{}?dryRun=All", namespace.pods()), &bad, |answer| {
        answer.code == 403
    })?;
    let _ = cluster
        .kubectl()
        .run(&["delete", "pods", "-l", "app=web", "-n", &namespace.name, "--wait=false"])?
        .succeeded()?;
    let query = [
        "query",
        "--ledger",
        STORE,
        "--namespace",
        &namespace.name,
        "--decision=denied",
        "--dry-run=false",
        "-o",
        "json",
    ];
    let decision = wait_for("the storm to be told", ROLLOUT, || {
        let decisions = ledger(cluster, &query)?;
        let last = decisions[0].clone();
        Ok((last["repeat"]["count"].as_u64() >= Some(3)).then_some(last))
    })?;
    let _ = cluster.kubectl().run(&["delete", "podpolicy", &namespace.name]);
    assert_eq!(decision["owner"]["kind"], "ReplicaSet", "{decision:#}");
    assert!(
        decision["user"]["name"]
            .as_str()
            .is_some_and(|user| user.contains("replicaset-controller")),
        "{decision:#}"
    );
    assert_eq!(decision["actor"]["kind"], "Deployment", "{decision:#}");
    assert_eq!(decision["actor"]["name"], "web");
    let me = cluster.kubectl().run(&["auth", "whoami", "-o", "json"])?.succeeded()?.stdout;
    let me: Value = serde_json::from_str(&me).context("JSON")?;
    assert_eq!(
        decision["actor"]["changedBy"], me["status"]["userInfo"]["username"],
        "{decision:#}"
    );
    Ok(())
}

fn replaced_replicas_leave_whole_chains(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    // The store goes with the controller's pod, and an earlier test may have replaced that one while these ran: only
    // replicas that start now have all of their chain in it.
    restart(cluster, "podgate-webhook")?;
    drained(cluster)?;
    let before = pods(cluster, "webhook")?;
    let before: Vec<&str> =
        before.iter().filter_map(|pod| pod["metadata"]["name"].as_str()).collect();
    assert!(before.len() >= 2, "{before:?}");
    let namespace = cluster.namespace("chains", &json!({}))?;
    for _ in 0..20 {
        let _ = cluster
            .client()
            .create(&namespace.pods(), &privileged(e2e::objects::pod("bad")))?
            .rejected()?;
    }
    restart(cluster, "podgate-webhook")?;
    drained(cluster)?;

    let mut seen = Vec::new();
    let awaited = wait_for("the last records of those that are gone", ROLLOUT, || {
        seen = chains(cluster)?;
        let is_closed = |replica: &&str| {
            seen.iter().any(|chain| chain["replica"] == **replica && chain["ended"] == true)
        };
        Ok(before.iter().all(|replica| is_closed(replica)).then_some(()))
    });
    awaited.with_context(|| format!("{before:?} in {seen:#?}"))?;
    for chain in seen.iter().filter(|chain| before.iter().any(|name| chain["replica"] == **name)) {
        assert_eq!(chain["problems"], json!([]), "{chain:#}");
        assert_eq!(chain["gaps"], json!([]), "{chain:#}");
    }
    // The controller has made a key, and the replicas that came later have it from the start.
    assert!(seen.iter().any(|chain| chain["key"].is_string()), "{seen:#?}");
    Ok(())
}

/// What `podgate ledger verify` tells of each chain in the store, whether all is well or not; none until a first record came.
fn chains(cluster: &Cluster) -> Result<Vec<Value>> {
    let said = in_controller(cluster, &["verify", STORE, "-o", "json"])?;
    if !matches!(said.code, 0 | 1) || said.stdout.is_empty() {
        return Ok(Vec::new());
    }
    let report: Value = serde_json::from_str(&said.stdout).with_context(|| said.stdout.clone())?;
    Ok(report["chains"].as_array().cloned().unwrap_or_default())
}
