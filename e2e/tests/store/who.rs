//! Who is behind a pod that a controller made.

use e2e::ledger::Chain;
use jiff::SignedDuration;
use podgate::ledger::query::{Filter, Page};
use serde_json::json;

use crate::{on_both, start};

#[test]
fn the_person_who_changed_the_deployment_is_named_whichever_replica_saw_what_in_whatever_order() {
    on_both("who", async |store| {
        // One replica sees the changes of people, another those of controllers, a third the pods; the third's records come first.
        let mut people = Chain::begin("r-1", "b", start());
        let mut controllers = Chain::begin("r-2", "b", start());
        let mut pods = Chain::begin("r-3", "b", start());
        let second = SignedDuration::from_secs(1);
        let (mut people_lines, mut controller_lines, mut pod_lines) =
            (String::new(), String::new(), String::new());
        let pod =
            |owner: &str| json!({"owner": {"kind": "ReplicaSet", "name": owner, "uid": owner}});
        for (replica_set, template, user) in
            [("rs-1", "t1", "ann"), ("rs-2", "t2", "bob"), ("rs-3", "t1", "cid")]
        {
            people_lines += &people.change("Deployment", "deploy", None, template, user);
            for chain in [&mut people, &mut controllers, &mut pods] {
                chain.wait(second);
            }
            controller_lines += &controllers.change(
                "ReplicaSet",
                replica_set,
                Some("deploy"),
                template,
                "system:deployment",
            );
            for chain in [&mut people, &mut controllers, &mut pods] {
                chain.wait(second);
            }
            pod_lines += &pods.decision(&pod(replica_set));
        }
        // The first one's pods are refused still, long after.
        pod_lines += &pods.decision(&pod("rs-1"));
        pod_lines += &pods.decision(&pod("unknown"));
        pod_lines += &pods.decision(&json!({}));
        store.append(&pods.id, &pod_lines).await?;
        let nobody = store.decisions(&Filter::default(), &Page::first(10)).await?;
        assert!(nobody.items.iter().all(|item| item.actor.is_none()));
        store.append(&controllers.id, &controller_lines).await?;
        store.append(&people.id, &people_lines).await?;
        let decided = store.decisions(&Filter::default(), &Page::first(10)).await?;
        let mut by: Vec<&str> = decided
            .items
            .iter()
            .map(|item| item.actor.as_ref().map_or("", |actor| actor.changed_by.as_str()))
            .collect();
        by.reverse();
        assert_eq!(by, ["ann", "bob", "cid", "ann", "", ""]);
        let actor = decided.items.last().and_then(|item| item.actor.clone()).expect("an actor");
        assert_eq!(
            (actor.kind.as_str(), actor.name.as_str(), actor.changed_at),
            ("Deployment", "deploy", start())
        );
        let by_ann = Filter { changed_by: vec!["a*n".to_owned()], ..Filter::default() };
        let by_ann = store.decisions(&by_ann, &Page::first(10)).await?;
        assert_eq!(by_ann.items.len(), 2);
        // A page of one at a time finds the same.
        let mut page = Page::first(1);
        let filter = Filter { changed_by: vec!["ann".to_owned()], ..Filter::default() };
        let first = store.decisions(&filter, &page).await?;
        page.after = first.next;
        assert_eq!(store.decisions(&filter, &page).await?.items.len(), 1);
        Ok(())
    });
}

#[test]
fn a_pod_of_a_cron_job_leads_to_who_wrote_the_cron_job() {
    on_both("who_cron", async |store| {
        let mut chain = Chain::begin("r", "b", start());
        let mut lines = chain.change("CronJob", "cron", None, "t", "ann");
        lines += &chain.change("Job", "job", Some("cron"), "t-with-labels", "system:cronjob");
        lines += &chain.decision(&json!({"owner": {"kind": "Job", "name": "job", "uid": "job"}}));
        store.append(&chain.id, &lines).await?;
        let decided = store.decisions(&Filter::default(), &Page::first(1)).await?;
        let actor = decided.items[0].actor.clone().expect("an actor");
        assert_eq!((actor.kind.as_str(), actor.changed_by.as_str()), ("CronJob", "ann"));
        Ok(())
    });
}
