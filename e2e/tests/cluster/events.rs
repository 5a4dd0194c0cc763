//! What was refused, as `kubectl` shows it beside the object whose controller tried.

use e2e::ledger::Chain;
use e2e::wait_for;
use jiff::{SignedDuration, Timestamp};
use podgate::cluster::{Events, kubeconfig};
use podgate::ledger::announce::Announcing;
use podgate::ledger::store::Store;
use podgate::ledger::{Counters, Destination as _};
use serde_json::{Value, json};

use crate::{BOUND, Outcome, namespace, server};

#[test]
fn a_replica_set_that_is_refused_fifty_times_has_one_event_that_counts_them() -> Outcome {
    let (client, own) = (server().client(), namespace()?);
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "a"}]}});
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web-6c9f"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template}});
    let set = client.create(&own.path("/apis/apps/v1", "replicasets"), &set)?.accepted()?.body;
    let uid = set["metadata"]["uid"].as_str().unwrap_or_default();
    let mut chain =
        Chain::begin("podgate-webhook-0", "b", Timestamp::now() - SignedDuration::from_secs(60));
    let refused = |members: Value| {
        let mut decision = json!({"incident": uid, "object": {"namespace": own.name},
            "owner": {"kind": "ReplicaSet", "name": "web-6c9f", "uid": uid}});
        for (key, value) in members.as_object().cloned().unwrap_or_default() {
            decision[key] = value;
        }
        decision
    };
    let mut lines: Vec<String> = (0..50).map(|_| chain.decision(&refused(json!({})))).collect();
    // What nobody is told of by an Event: a dry run, a warning, and a pod that is nowhere.
    lines.push(chain.decision(&refused(json!({"incident": "1", "dryRun": true}))));
    lines.push(chain.decision(&refused(json!({"incident": "2", "decision": "warned"}))));
    lines.push(chain.decision(&refused(json!({"incident": "3", "owner": null}))));

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let counters = Counters::default();
    let dropped = counters.events_dropped.clone();
    runtime.block_on(async {
        let client = kubeconfig::connect(Some(server().kubectl().kubeconfig()), None).await?;
        let store = Store::open("sqlite::memory:").await?;
        let (store, told) = Announcing::new(store, dropped.clone());
        let events =
            tokio::spawn(Events::new(client, "podgate-controller".to_owned(), dropped).run(told));
        for batch in lines.chunks(10) {
            // What is sent again is told of once.
            for _ in 0..2 {
                store.append(&chain.id, &batch.concat()).await.map_err(anyhow::Error::msg)?;
            }
        }
        drop(store);
        events.await?;
        anyhow::Ok(())
    })?;

    let path = own.path("/apis/events.k8s.io/v1", "events");
    let event = wait_for("the Event", BOUND, || {
        let events = client.get(&path)?.accepted()?.body;
        let events = events["items"].as_array().cloned().unwrap_or_default();
        anyhow::ensure!(events.len() <= 1, "{events:#?}");
        Ok(events.into_iter().next())
    })?;
    assert_eq!(event["series"]["count"], 50, "{event:#}");
    assert_eq!(event["regarding"]["uid"], uid);
    assert_eq!((&event["type"], &event["reason"]), (&json!("Warning"), &json!("PodRefused")));
    let note = event["note"].as_str().unwrap_or_default();
    assert!(
        note.contains("privileged: spec.containers[0].securityContext.privileged is true"),
        "{note}"
    );
    assert_eq!(counters.events_dropped.get(), 0);
    let shown = server()
        .kubectl()
        .run(&["describe", "replicaset", "web-6c9f", "-n", &own.name])?
        .succeeded()?
        .stdout;
    assert!(shown.contains("PodRefused") && shown.contains("x50 over"), "{shown}");
    Ok(())
}
