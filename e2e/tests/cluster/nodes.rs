//! What nodes offer, heard by a watch, and what follows from it.

use e2e::objects::pod;
use e2e::{Gate, wait_for};
use serde_json::{Value, json};

use crate::{BOUND, Outcome, namespace, only_writer_of_status, resource, server};

/// Tells of the one node of the cluster what its kubelet would.
fn tell(offers: bool) -> anyhow::Result<()> {
    let handlers = json!([{"name": "", "features": {"userNamespaces": offers}}]);
    let status = json!({"status": {"runtimeHandlers": handlers}});
    let _ = server().client().merge("/api/v1/nodes/made-up/status", &status)?.accepted()?;
    Ok(())
}

#[test]
fn no_user_namespace_is_asked_for_where_no_node_offers_one() -> Outcome {
    let _only = only_writer_of_status();
    let client = server().client();
    let own = namespace()?;
    let arguments = ["--watch-nodes", "--watch-policies", "--namespace", &own.name];
    let file = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: file}
spec:
  rules:
  - privileged: {}
";
    let gate = Gate::in_cluster(server(), &[file], &arguments)?;
    let guarded = gate.guarded()?;
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "made-up"}});
    let _ = client.create("/api/v1/nodes", &node)?.accepted()?;
    let policy = resource(
        "PodPolicy",
        "asks-for-a-user-namespace",
        &json!({
            "fix": "Safe",
            "match": {"namespaces": {"include": [guarded.name]}},
            "rules": [{"userNamespace": {}}],
        }),
    );
    let policies = "/apis/podgate.dev/v1/podpolicies";
    let _ = client.create(policies, &policy)?.accepted()?;
    let pods = format!("{}?dryRun=All", guarded.pods());
    let told = |status: &str| {
        wait_for(&format!("the policy to be told CanBeMet={status}"), BOUND, || {
            let path = format!("{policies}/asks-for-a-user-namespace");
            let object = client.get(&path)?.accepted()?.body;
            let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let is_it = |c: &Value| c["type"] == "CanBeMet" && c["status"] == status;
            Ok(all.iter().any(is_it).then_some(()))
        })
    };

    // It has said nothing yet: what most clusters can do is taken for granted.
    told("Unknown")?;
    wait_for("the pod to be filled in", BOUND, || {
        let answer = client.create(&pods, &pod("web"))?;
        Ok((answer.code == 201 && answer.body["spec"]["hostUsers"] == json!(false)).then_some(()))
    })?;
    tell(false)?;
    told("False")?;
    let refusal = wait_for("the pod to be refused", BOUND, || {
        let answer = client.create(&pods, &pod("web"))?;
        if answer.code == 201 { Ok(None) } else { answer.rejected().map(Some) }
    })?;
    assert!(
        refusal.message.contains("\n  note: no node of this cluster offers user namespaces: "),
        "{refusal:?}"
    );
    tell(true)?;
    told("True")?;
    wait_for("the pod to be filled in again", BOUND, || {
        Ok((client.create(&pods, &pod("web"))?.code == 201).then_some(()))
    })?;
    let _ = client.delete("/api/v1/nodes/made-up")?.accepted()?;
    let _ = client.delete(&format!("{policies}/asks-for-a-user-namespace"))?.accepted()?;
    Ok(())
}
