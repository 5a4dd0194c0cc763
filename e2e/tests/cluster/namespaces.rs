//! Policies that go by the labels of a namespace, which Podgate knows by a watch.

use e2e::objects::{pod, privileged};
use e2e::{Gate, wait_for};
use serde_json::json;

use crate::{BOUND, Outcome, assert_denied_by, server};

const PROD_ONLY: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata:
  name: prod-only
spec:
  match:
    namespaceSelector: {matchLabels: {tier: prod}}
  rules:
  - privileged: {}
";

#[test]
fn policy_follows_the_labels_of_a_namespace() -> Outcome {
    let gate = Gate::in_cluster(server(), &[PROD_ONLY], &["--watch-namespaces"])?;
    let namespace = gate.guarded()?;
    let client = server().client();
    let bad = privileged(pod("web"));
    let pods = format!("{}?dryRun=All", namespace.pods());
    let label = |tier: &str| {
        let path = format!("/api/v1/namespaces/{}", namespace.name);
        client.merge(&path, &json!({"metadata": {"labels": {"tier": tier}}}))?.accepted()
    };

    wait_for("the namespace without the label to be left alone", BOUND, || {
        Ok((client.create(&pods, &bad)?.code == 201).then_some(()))
    })?;
    let _ = label("prod")?;
    let refusal = wait_for("the label to be heard of", BOUND, || {
        let answer = client.create(&pods, &bad)?;
        if answer.code == 201 { Ok(None) } else { answer.rejected().map(Some) }
    })?;
    assert_denied_by(&refusal, "prod-only");
    let _ = label("test")?;
    wait_for("the other label to be heard of", BOUND, || {
        Ok((client.create(&pods, &bad)?.code == 201).then_some(()))
    })?;

    let (code, body) = gate.podgate().admin("/readyz")?;
    let report: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(code, 200);
    assert_eq!(report["watches"], json!([{"name": "namespaces", "staleSeconds": 0}]));
    Ok(())
}

#[test]
fn without_the_watch_every_namespace_is_in_scope() -> Outcome {
    let gate = Gate::start(server(), &[PROD_ONLY])?;
    let namespace = gate.guarded()?;
    let refusal = server().client().create(&namespace.pods(), &privileged(pod("web")))?;
    assert_denied_by(&refusal.rejected()?, "prod-only");
    Ok(())
}
