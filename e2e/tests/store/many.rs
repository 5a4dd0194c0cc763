//! So many records that what few are like is led to, and what many are like is walked to: the answers are the same.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use e2e::ledger::Chain;
use jiff::{SignedDuration, Timestamp};
use podgate::ledger::query::{Filter, Page};
use podgate::ledger::store::{Decided, Retention, Store};
use serde_json::json;

use crate::{on_both, start};

/// More than are gathered and sorted.
const MANY: usize = 6_000;
const OUTCOMES: [&str; 3] = ["denied", "denied", "warned"];

/// Records ten seconds apart. Nearly all are of `many`; each five-hundredth is of `few-…` and breaks a rule that no other
/// breaks.
async fn fill(store: &Store) -> Result<Chain> {
    let mut chain = Chain::begin("r", "b", start());
    let mut lines = String::new();
    for number in 0..MANY {
        let rare = number % 500 == 7;
        let (outcome, namespace) =
            (OUTCOMES[number % OUTCOMES.len()], format!("team-{}", number % 4));
        lines += &chain.decision(&json!({
            "decision": outcome,
            "incident": format!("{outcome} {namespace}"),
            "user": {"name": if rare { format!("few-{number}") } else { "many".to_owned() }},
            "object": {"namespace": namespace, "name": format!("pod-{number}")},
            "violations": [{"policy": "gate", "rule": if rare { "sysctls" } else { "privileged" }}],
        }));
        chain.wait(SignedDuration::from_secs(10));
        if lines.len() > 200_000 {
            store.append(&chain.id, &lines).await?;
            lines.clear();
        }
    }
    store.append(&chain.id, &lines).await?;
    Ok(chain)
}

/// Everything that is like `filter`, page by page.
async fn found(store: &Store, filter: &Filter) -> Result<Vec<Decided>> {
    let (mut page, mut found) = (Page::first(700), Vec::new());
    loop {
        let listed = store.decisions(filter, &page).await?;
        found.extend(listed.items);
        match listed.next {
            Some(next) => page.after = Some(next),
            None => return Ok(found),
        }
    }
}

fn all(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn at(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

#[test]
fn what_is_rare_and_what_is_common_is_found_alike() {
    on_both("many_found", async |store| {
        fill(&store).await?;
        let any = Filter::default();
        let users = |users: &[&str]| Filter { users: all(users), ..Filter::default() };
        let rules = |rules: &[&str]| Filter { rules: all(rules), ..Filter::default() };
        let team = all(&["team-3"]);
        for (filter, count) in [
            (any.clone(), 6000),
            (users(&["many"]), 5988),
            (users(&["m*", "few-7"]), 5989),
            (users(&["few-*"]), 12),
            (users(&["few-7", "few-507"]), 2),
            (users(&["nobody"]), 0),
            (users(&["nobody*"]), 0),
            (rules(&["privileged"]), 5988),
            (rules(&["sysctls"]), 12),
            (rules(&["none"]), 0),
            // The rare part leads, whichever it is, and the others still hold.
            (Filter { namespaces: team.clone(), ..rules(&["sysctls"]) }, 12),
            (Filter { namespaces: all(&["team-0"]), ..rules(&["sysctls"]) }, 0),
            (
                Filter {
                    namespaces: all(&["team-*"]),
                    decisions: all(&["warned"]),
                    ..users(&["few*"])
                },
                4,
            ),
            (Filter { since: Some(at(10_000)), ..users(&["few*"]) }, 10),
            (Filter { since: Some(at(10_000)), until: Some(at(30_000)), ..users(&["few*"]) }, 4),
            (Filter { names: all(&["pod-507"]), ..any.clone() }, 1),
            (Filter { names: all(&["pod-50?"]), ..any.clone() }, 10),
            (Filter { kinds: all(&["CronJob"]), ..any.clone() }, 0),
            (Filter { replicas: all(&["r"]), ..any.clone() }, 6000),
            (Filter { decisions: all(&["denied", "warned"]), ..any.clone() }, 6000),
        ] {
            let found = found(&store, &filter).await?;
            assert_eq!(found.len(), count, "{filter:?}");
            assert!(found.is_sorted_by(|a, b| a.entry.time >= b.entry.time), "{filter:?}");
            let incidents = store.incidents(&filter, 10).await?;
            assert_eq!(incidents.is_empty(), count == 0, "{filter:?}");
            // One by one or from what is kept, all are counted.
            let timeline = store.timeline(&filter, SignedDuration::from_hours(1)).await?;
            let counted: u64 = timeline.buckets.iter().map(|bucket| bucket.count).sum();
            assert_eq!(counted, u64::try_from(count)?, "{filter:?}");
            assert_eq!(timeline.counted_since, None);
        }
        Ok(())
    });
}

/// The counts by the records themselves.
fn by_hand(found: &[Decided], width: i64) -> BTreeMap<(i64, String), u64> {
    let mut counts = BTreeMap::new();
    for decided in found {
        let decision = decided.decision().map(|decision| decision.decision.clone());
        let start = decided.entry.time.as_second() / width * width;
        *counts.entry((start, decision.unwrap_or_default())).or_default() += 1;
    }
    counts
}

#[test]
fn counts_are_those_of_the_records_also_after_some_were_removed() {
    on_both("many_counted", async |store| {
        let chain = fill(&store).await?;
        for removed in [false, true] {
            if removed {
                let keep = Retention { age: Some(Duration::from_secs(30_001)), bytes: None };
                assert!(store.retain(&keep, chain.now()).await?.records > 2_000);
            }
            for (since, until) in [
                (None, None),
                (Some(at(0)), Some(at(60_000))),
                (Some(at(301)), Some(at(59_999))),
                (Some(at(40_001)), Some(at(40_299))),
                (Some(at(40_001)), Some(at(40_002))),
                (Some(at(45_000)), None),
                (Some(at(50_000)), Some(at(40_000))),
            ] {
                for decisions in [vec![], all(&["denied"])] {
                    let filter = Filter { since, until, decisions, ..Filter::default() };
                    let found = found(&store, &filter).await?;
                    for width in [300, 3600, 60] {
                        let width_of = SignedDuration::from_secs(width);
                        let timeline = store.timeline(&filter, width_of).await?;
                        let counts: BTreeMap<_, _> = timeline
                            .buckets
                            .into_iter()
                            .map(|bucket| {
                                ((bucket.start.as_second(), bucket.decision), bucket.count)
                            })
                            .collect();
                        assert_eq!(counts, by_hand(&found, width), "{filter:?}, {width} s");
                    }
                }
            }
            let kept = found(&store, &Filter::default()).await?.len() as u64;
            let of_rules: u64 = store.policies(start()).await?.iter().map(|used| used.count).sum();
            let of_sets: u64 =
                store.policy_sets(start()).await?.iter().map(|used| used.count).sum();
            assert_eq!((of_rules, of_sets), (kept, kept));
            let replicas = store.replicas(start()).await?;
            assert_eq!(replicas.len(), 1);
            assert_eq!(replicas[0].1, "sha256:set");
        }
        Ok(())
    });
}
