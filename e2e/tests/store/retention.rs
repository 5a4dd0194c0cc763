//! What is removed leaves what is left provable.

use std::sync::Arc;
use std::time::Duration;

use e2e::ledger::Chain;
use jiff::SignedDuration;
use podgate::ledger::query::{Filter, Page};
use podgate::ledger::store::{Retention, Store};
use podgate::ledger::verify::{Place, Stub, Verifier};
use serde_json::json;

use crate::{on_both, start};

async fn is_sound(store: &Store) -> anyhow::Result<bool> {
    let mut verifier = Verifier::new(None);
    let source: Arc<str> = Arc::from("store");
    for chain in store.chains().await? {
        verifier.removed(Stub { chain: chain.chain.clone(), head: chain.removed });
        for (line, text) in store.lines(&chain.chain, 0, 10_000).await? {
            verifier.read(&text, &Place { source: Arc::clone(&source), line });
        }
    }
    Ok(verifier.finish().is_sound())
}

#[test]
fn what_is_old_goes_and_what_is_left_is_sound_and_known() {
    on_both("retention_age", async |store| {
        let mut chain = Chain::begin("r", "b", start());
        let mut lines = chain.change("Deployment", "deploy", None, "t", "ann");
        for _ in 0..100 {
            lines += &chain.decision(
                &json!({"owner": {"kind": "Deployment", "name": "deploy", "uid": "deploy"}}),
            );
            chain.wait(SignedDuration::from_hours(1));
        }
        store.append(&chain.id, &lines).await?;
        let keep = Retention { age: Some(Duration::from_hours(24)), bytes: None };
        let removed = store.retain(&keep, chain.now()).await?;
        assert_eq!(removed.records, 78);
        assert!(is_sound(&store).await?);
        let left = store.decisions(&Filter::default(), &Page::first(1000)).await?.items;
        assert_eq!(left.len(), 23);
        assert!(
            left.iter()
                .all(|item| item.actor.as_ref().is_some_and(|actor| actor.changed_by == "ann"))
        );
        // The count of what happened stays exact, and what is gone is not taken in again.
        assert_eq!(store.incidents(&Filter::default(), 1).await?[0].repeat.count, 100);
        assert_eq!(store.append(&chain.id, &lines).await?.new, []);
        assert_eq!(store.retain(&keep, chain.now()).await?.records, 0);
        let more = chain.decision(&json!({}));
        store.append(&chain.id, &more).await?;
        assert_eq!(store.chains().await?[0].spans, [(79, 102)]);
        assert!(is_sound(&store).await?);
        Ok(())
    });
}

#[test]
fn past_its_size_the_oldest_go() {
    on_both("retention_size", async |store| {
        let mut chain = Chain::begin("r", "b", start());
        let text = "x".repeat(1000);
        for _ in 0..4 {
            let lines: String = (0..3000).map(|_| chain.decision(&json!({"note": text}))).collect();
            store.append(&chain.id, &lines).await?;
        }
        let before = store.bytes().await?;
        assert_eq!(
            store.retain(&Retention { age: None, bytes: Some(before) }, chain.now()).await?.records,
            0
        );
        let keep = Retention { age: None, bytes: Some(before * 2 / 3) };
        let removed = store.retain(&keep, chain.now()).await?;
        assert!(removed.records >= 5000, "{removed:?}");
        assert!(is_sound(&store).await?);
        Ok(())
    });
}
