//! `podgate check --from-cluster`: a manifest judged where it is written, by what is in force where it will run.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use e2e::{Gate, run_podgate, wait_for};
use serde_json::{Value, json};

use crate::{BOUND, Outcome, namespace, only_writer_of_status, resource, server};

const FILE: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata:
  name: of-the-chart
spec:
  rules:
  - privileged: {}
";

/// What `podgate check --from-cluster` said of a manifest.
struct Said {
    code: Option<i32>,
    objects: Value,
    stderr: String,
}

fn check(kubeconfig: &Path, arguments: &[&str], manifest: &Value) -> Result<Said> {
    let arguments = [&["check", "--from-cluster", "-o", "json"], arguments, &["-"]].concat();
    let output = run_podgate(&arguments, kubeconfig, &manifest.to_string())?;
    Ok(Said {
        code: output.status.code(),
        objects: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        stderr: String::from_utf8(output.stderr)?,
    })
}

fn bad_pod(namespace: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": namespace},
        "spec": {"hostPID": true, "containers": [{"name": "app", "image": "a", "securityContext": {"privileged": true}}]}})
}

#[test]
fn a_manifest_is_judged_by_what_is_in_force_in_the_cluster() -> Outcome {
    let _only = only_writer_of_status();
    let (own, guarded) = (namespace()?, namespace()?);
    let arguments = ["--watch-policies", "--namespace", &own.name];
    let gate = Gate::in_cluster(server(), &[FILE], &arguments)?;
    let client = server().client();
    // As the chart keeps the files that it mounts.
    let files = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": gate.files()?,
        "metadata": {"name": "podgate-policies", "labels": {"app.kubernetes.io/name": "podgate"}}});
    let maps = format!("/api/v1/namespaces/{}/configmaps", own.name);
    let _ = client.create(&maps, &files)?.accepted()?;
    let spec = json!({"match": {"namespaceSelector": {"matchLabels": {"tier": "prod"}}}, "rules": [{"hostNamespaces": {}}]});
    let policies = "/apis/podgate.dev/v1/podpolicies";
    let _ = client.create(policies, &resource("PodPolicy", "prod-only", &spec))?.accepted()?;

    let kubeconfig = server().kubectl().kubeconfig();
    let here = ["--podgate-namespace", own.name.as_str()];
    let rules = |said: &Said| -> Vec<String> {
        let violations = said.objects[0]["violations"].as_array().cloned().unwrap_or_default();
        violations.iter().filter_map(|v| Some(v["rule"].as_str()?.to_owned())).collect()
    };
    // The label decides, and it is the cluster's.
    let said = wait_for("the same set here and there", BOUND, || {
        let in_force: Value = serde_json::from_str(&gate.podgate().admin("/readyz")?.1)?;
        let digest = in_force["policySet"]["digest"].as_str().context("a digest")?.to_owned();
        let said = check(kubeconfig, &here, &bad_pod(&guarded.name))?;
        let is_it = said.stderr.contains(&format!(
            "judged by policy set {digest} of the cluster: 3 policies, 0 exceptions"
        ));
        Ok((is_it && !said.stderr.contains("the cluster says")).then_some(said))
    })?;
    assert_eq!(
        (said.code, rules(&said)),
        (Some(1), vec!["privileged".to_owned()]),
        "{}",
        said.stderr
    );
    let path = format!("/api/v1/namespaces/{}", guarded.name);
    let _ = client.merge(&path, &json!({"metadata": {"labels": {"tier": "prod"}}}))?.accepted()?;
    let said = check(kubeconfig, &here, &bad_pod(&guarded.name))?;
    assert_eq!(
        rules(&said),
        ["privileged", "hostNamespaces"].map(str::to_owned),
        "{}",
        said.stderr
    );

    // Without the chart's files the set is another, and that is told.
    let said = check(kubeconfig, &["--podgate-namespace", &guarded.name], &bad_pod(&guarded.name))?;
    for told in [
        format!("warning: there is no podgate in namespace {}", guarded.name),
        "warning: the cluster says that sha256:".to_owned(),
        "1 policy, 0 exceptions".to_owned(),
    ] {
        assert!(said.stderr.contains(&told), "no {told:?} in {}", said.stderr);
    }
    let _ = client.delete(&format!("{policies}/prod-only"))?.accepted()?;
    Ok(())
}

/// The cluster's kubeconfig with something changed.
fn changed(change: impl FnOnce(&mut Value)) -> Result<PathBuf> {
    let text = std::fs::read_to_string(server().kubectl().kubeconfig())?;
    let documents = podgate::yaml::read(&text, podgate::yaml::Limits::default());
    let documents = documents.map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut config = serde_json::from_str(&documents.first().context("a document")?.to_json())?;
    change(&mut config);
    server().kubectl().file(&config)
}

#[test]
fn what_keeps_it_from_judging_is_told_with_what_to_do() -> Outcome {
    let manifest = bad_pod("default");
    let nobody = changed(|config| config["users"][0]["user"]["as"] = json!("nobody"))?;
    let nowhere = changed(|config| {
        config["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1");
    })?;
    let nothing = Path::new("/nonexistent/kubeconfig");
    for (kubeconfig, arguments, told) in [
        (
            &*nobody,
            &[][..],
            "this account may not list podpolicies: a ClusterRole with the verb list",
        ),
        (&*nowhere, &[], "cannot list podpolicies: "),
        (nothing, &["--kubeconfig", "/nonexistent/kubeconfig"], "no way to the cluster"),
        (&*nowhere, &["--context", "none"], "no way to the cluster"),
        (&*nowhere, &["--policies", "a.yaml"], "cannot be used with"),
    ] {
        let said = check(kubeconfig, arguments, &manifest)?;
        assert_eq!(said.code, Some(2), "{told}: {}", said.stderr);
        assert!(said.stderr.contains(told), "no {told:?} in {}", said.stderr);
    }
    Ok(())
}
