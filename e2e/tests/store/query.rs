//! Filters, pages, incidents and counts.

use anyhow::Result;
use e2e::ledger::Chain;
use jiff::SignedDuration;
use podgate::ledger::query::{Filter, Page};
use podgate::ledger::store::Store;
use serde_json::{Value, json};

use crate::{on_both, start};

async fn found(store: &Store, filter: &Filter) -> Result<usize> {
    Ok(store.decisions(filter, &Page::first(1000)).await?.items.len())
}

fn all(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// One decision of each, an hour apart.
fn varied() -> Vec<Value> {
    vec![
        json!({"decision": "denied", "object": {"namespace": "payments", "name": "a", "kind": "Pod"}, "user": {"name": "ann"}}),
        json!({"decision": "warned", "object": {"namespace": "payments", "name": "b", "kind": "Deployment"}, "user": {"name": "bob"}}),
        json!({"decision": "fixed", "object": {"namespace": "shop", "name": "pay-1", "kind": "Pod"}, "user": {"name": "ann"}}),
        json!({"decision": "excepted", "object": {"namespace": "Shop", "name": "pay_2", "kind": "Pod"}, "user": {"name": "ann"},
            "violations": [{"policy": "gate", "rule": "hostPorts", "exception": "ours"}]}),
        json!({"decision": "denied", "dryRun": true, "object": {"namespace": "shop", "name": "", "generateName": "gen-"},
            "violations": [{"policy": "gate", "rule": "hostPorts"}, {"policy": "gate", "rule": "hostPorts"}, {"policy": "gate", "rule": "sysctls"}]}),
        json!({"decision": "allowed", "violations": []}),
    ]
}

#[test]
fn each_filter_leaves_out_what_it_should() {
    on_both("query_filters", async |store| {
        let mut chain = Chain::begin("r-1", "b", start());
        for decision in varied() {
            let line = chain.decision(&decision);
            chain.wait(SignedDuration::from_hours(1));
            store.append(&chain.id, &line).await?;
        }
        let mut other = Chain::begin("r-2", "b", start());
        store.append(&other.id.clone(), &other.decision(&json!({"incident": "two"}))).await?;
        let any = Filter::default();
        let hours = |hours| Some(start() + SignedDuration::from_hours(hours));
        for (filter, count) in [
            (any.clone(), 7),
            (Filter { since: hours(3), ..any.clone() }, 3),
            (Filter { since: hours(1), until: hours(3), ..any.clone() }, 2),
            (Filter { decisions: all(&["denied"]), ..any.clone() }, 3),
            (Filter { decisions: all(&["denied", "fixed"]), ..any.clone() }, 4),
            (Filter { namespaces: all(&["payments"]), ..any.clone() }, 2),
            (Filter { namespaces: all(&["pay*"]), ..any.clone() }, 2),
            (Filter { namespaces: all(&["shop"]), ..any.clone() }, 4),
            (Filter { namespaces: all(&["s*p"]), ..any.clone() }, 4),
            (Filter { kinds: all(&["Deployment"]), ..any.clone() }, 1),
            (Filter { names: all(&["pay-?"]), ..any.clone() }, 1),
            (Filter { names: all(&["pay_2"]), ..any.clone() }, 1),
            (Filter { names: all(&["pay?2"]), ..any.clone() }, 1),
            (Filter { names: all(&["gen-"]), ..any.clone() }, 1),
            (Filter { users: all(&["ann"]), ..any.clone() }, 3),
            (Filter { users: all(&["a*", "b*"]), ..any.clone() }, 4),
            (Filter { policies: all(&["gate"]), ..any.clone() }, 2),
            (Filter { rules: all(&["sysctls"]), ..any.clone() }, 1),
            (Filter { policies: all(&["gate"]), rules: all(&["privileged"]), ..any.clone() }, 0),
            (Filter { replicas: all(&["r-2"]), ..any.clone() }, 1),
            (Filter { incidents: all(&["two"]), ..any.clone() }, 1),
            (Filter { dry_run: Some(true), ..any.clone() }, 1),
            (Filter { dry_run: Some(false), ..any.clone() }, 6),
            (Filter { changed_by: all(&["*"]), ..any.clone() }, 0),
        ] {
            assert_eq!(found(&store, &filter).await?, count, "{filter:?}");
        }
        let used = store.policies(start()).await?;
        let used: Vec<_> = used
            .iter()
            .map(|u| (u.policy.as_str(), u.rule.as_str(), u.decision.as_str(), u.count))
            .collect();
        assert!(used.contains(&("gate", "hostPorts", "denied", 1)), "{used:?}");
        assert!(used.contains(&("gate", "hostPorts", "excepted", 1)), "{used:?}");
        let exceptions = store.exceptions(start()).await?;
        assert_eq!((exceptions[0].exception.as_str(), exceptions[0].count), ("ours", 1));
        assert_eq!(store.policy_sets(start()).await?[0].count, 7);
        Ok(())
    });
}

#[test]
fn pages_hold_everything_once_newest_first_also_where_moments_are_the_same() {
    on_both("query_pages", async |store| {
        for replica in ["r-1", "r-2", "r-3"] {
            let mut chain = Chain::begin(replica, "b", start());
            let lines: String = (0..25).map(|_| chain.decision(&json!({}))).collect();
            store.append(&chain.id, &lines).await?;
        }
        for limit in [1, 7, 25, 74, 75, 76] {
            let (mut page, mut seen) = (Page::first(limit), Vec::new());
            loop {
                let listed = store.decisions(&Filter::default(), &page).await?;
                assert!(listed.items.len() <= limit);
                seen.extend(
                    listed
                        .items
                        .into_iter()
                        .map(|item| (item.entry.time, item.entry.chain, item.entry.head.seq)),
                );
                let Some(next) = listed.next else { break };
                page.after = Some(next.to_string().parse()?);
            }
            assert_eq!(seen.len(), 75, "{limit}");
            assert!(seen.windows(2).all(|pair| pair[0].0 >= pair[1].0), "{limit}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 75, "{limit}");
        }
        Ok(())
    });
}

#[test]
fn a_storm_is_one_incident_with_its_exact_count() {
    on_both("query_incidents", async |store| {
        for replica in ["r-1", "r-2"] {
            let mut chain = Chain::begin(replica, "b", start());
            let mut lines = String::new();
            for n in 0..150 {
                lines += &chain.decision(&json!({"incident": "storm", "object": {"generateName": format!("web-{}-", n % 3)}}));
            }
            lines += &chain.decision(&json!({"incident": replica, "decision": "warned"}));
            store.append(&chain.id, &lines).await?;
        }
        let incidents = store.incidents(&Filter::default(), 10).await?;
        assert_eq!(incidents.len(), 3);
        let storm = incidents.iter().find(|incident| incident.key == "storm").expect("the storm");
        assert_eq!(storm.repeat.count, 300);
        assert_eq!(storm.repeat.first, start());
        assert_eq!(storm.newest.as_ref().and_then(|newest| newest.repeat), Some(storm.repeat));
        let warned = Filter { decisions: all(&["warned"]), ..Filter::default() };
        assert_eq!(store.incidents(&warned, 10).await?.len(), 2);
        assert_eq!(store.incidents(&warned, 1).await?.len(), 1);
        Ok(())
    });
}

#[test]
fn what_an_exception_was_needed_for_is_counted_by_rule_and_namespace() {
    on_both("query_exceptions", async |store| {
        let mut chain = Chain::begin("r", "b", start());
        let leant = |namespace: &str, exception: &str, rule: &str| {
            json!({"decision": "excepted", "object": {"namespace": namespace},
                "violations": [{"policy": "gate", "rule": rule, "exception": exception}, {"policy": "gate", "rule": "sysctls"}]})
        };
        for (namespace, exception, rule) in [
            ("old", "ours", "hostPorts"),
            ("shop", "ours", "hostPorts"),
            ("shop", "ours", "hostPorts"),
            ("lab", "ours", "privileged"),
            ("lab", "theirs", "privileged"),
        ] {
            let line = chain.decision(&leant(namespace, exception, rule));
            chain.wait(SignedDuration::from_hours(1));
            store.append(&chain.id, &line).await?;
        }
        let uses = store.exception_uses(start() + SignedDuration::from_mins(30)).await?;
        let told: Vec<_> = uses
            .iter()
            .map(|one| (&*one.exception, &*one.rule, &*one.namespace, one.count))
            .collect();
        let expected = [
            ("ours", "hostPorts", "shop", 2),
            ("ours", "privileged", "lab", 1),
            ("theirs", "privileged", "lab", 1),
        ];
        assert_eq!(told, expected);
        let last = start() + SignedDuration::from_hours(2);
        assert_eq!(uses[0].last.as_second(), last.as_second());
        Ok(())
    });
}

#[test]
fn decisions_are_counted_by_stretches_of_time() {
    on_both("query_buckets", async |store| {
        let mut chain = Chain::begin("r", "b", start());
        for n in 0..12 {
            let outcome = if n % 3 == 0 { "warned" } else { "denied" };
            let line = chain.decision(&json!({"decision": outcome}));
            store.append(&chain.id, &line).await?;
            chain.wait(SignedDuration::from_mins(20));
        }
        let timeline = store.timeline(&Filter::default(), SignedDuration::from_hours(1)).await?;
        let buckets = timeline.buckets;
        assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 12);
        assert_eq!(buckets.len(), 8);
        assert!(buckets.iter().all(|bucket| bucket.start.as_second() % 3600 == 0));
        Ok(())
    });
}
