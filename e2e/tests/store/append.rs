//! Each record once, whatever is sent, in whatever order, and nothing that is not what it says.

use anyhow::Result;
use e2e::ledger::Chain;
use podgate::ledger::query::{Filter, Page};
use podgate::ledger::store::{Store, StoreError};
use serde_json::json;

use crate::{on_both, start};

async fn count(store: &Store) -> Result<usize> {
    Ok(store.decisions(&Filter::default(), &Page::first(1000)).await?.items.len())
}

fn lines(chain: &mut Chain, count: usize) -> Vec<String> {
    (0..count).map(|_| chain.decision(&json!({}))).collect()
}

#[test]
fn records_come_back_as_they_were_written_and_each_is_there_once() {
    on_both("append_once", async |store| {
        let mut chain = Chain::begin("r", "b", start());
        let lines = lines(&mut chain, 500);
        for batch in lines.chunks(70) {
            // After every doubt it is sent again.
            for _ in 0..2 {
                store.append(&chain.id, &batch.concat()).await?;
            }
        }
        assert_eq!(store.append(&chain.id, &lines.concat()).await?.new, []);
        assert_eq!(count(&store).await?, 500);
        let stored = store.lines(&chain.id, 0, 1000).await?;
        let stored: String = stored.into_iter().map(|(_, line)| line + "\n").collect();
        assert_eq!(stored, lines.concat());
        let chains = store.chains().await?;
        assert_eq!(chains[0].spans, [(1, 500)]);
        let incidents = store.incidents(&Filter::default(), 10).await?;
        assert_eq!(incidents[0].repeat.count, 500);
        Ok(())
    });
}

#[test]
fn any_order_and_any_repetition_of_pieces_gives_the_same() {
    on_both("append_order", async |store| {
        let mut chain = Chain::begin("r", "b", start());
        let lines = lines(&mut chain, 60);
        // A fixed shuffle of pieces that overlap.
        let mut pieces: Vec<(usize, usize)> =
            (0..60).step_by(4).map(|at| (at, (at + 7).min(60))).collect();
        let mut state = 12345_usize;
        for at in (1..pieces.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            pieces.swap(at, (state >> 33) % (at + 1));
        }
        for (from, until) in pieces {
            store.append(&chain.id, &lines[from..until].concat()).await?;
        }
        assert_eq!(store.chains().await?[0].spans, [(1, 60)]);
        assert_eq!(store.incidents(&Filter::default(), 10).await?[0].repeat.count, 60);
        Ok(())
    });
}

#[test]
fn a_hole_is_shown_and_closed_by_what_was_missing() {
    on_both("append_hole", async |store| {
        let mut chain = Chain::begin("r", "b", start());
        let lines = lines(&mut chain, 30);
        store.append(&chain.id, &lines[..10].concat()).await?;
        store.append(&chain.id, &lines[20..].concat()).await?;
        assert_eq!(store.chains().await?[0].spans, [(1, 10), (21, 30)]);
        store.append(&chain.id, &lines[10..20].concat()).await?;
        assert_eq!(store.chains().await?[0].spans, [(1, 30)]);
        Ok(())
    });
}

#[test]
fn what_is_not_what_it_says_is_refused_and_nothing_of_its_batch_is_stored() {
    on_both("append_refused", async |store| {
        let mut chain = Chain::begin("r", "b", start());
        let first = lines(&mut chain, 3);
        // The same replica, but another history from the third record on.
        let mut fork = Chain::begin("r", "b", start());
        let mut forked = lines(&mut fork, 2);
        forked.push(fork.decision(&json!({"decision": "warned"})));
        forked.extend(lines(&mut fork, 1));
        let second = lines(&mut chain, 2);
        store.append(&chain.id, &first.concat()).await?;
        let altered = second.concat().replacen("denied", "warned", 1);
        let mut other = Chain::begin("r", "other", start());
        for (lines, why) in [
            (altered, "record 4 of r (boot b) was altered"),
            (second[1].clone() + &second[0], "record 4 of r (boot b) stands behind a later one"),
            (forked[2].clone(), "record 3 of r (boot b) is another than the one that is stored"),
            (forked[3].clone(), "record 4 of r (boot b) does not follow the one before it"),
            (second[0].clone() + &forked[3], "stands behind a later one"),
            (other.decision(&json!({})), "record 1 of r (boot b) is of another chain"),
            ("{}".to_owned(), "not a record"),
        ] {
            let refused = store.append(&chain.id, &lines).await;
            let told = refused.expect_err(why);
            assert!(
                matches!(told, StoreError::Refused { .. } | StoreError::NotAnEntry(_)),
                "{told}"
            );
            assert!(told.to_string().contains(why), "{why}: {told}");
        }
        assert_eq!(store.chains().await?[0].spans, [(1, 3)]);
        store.append(&chain.id, &second.concat()).await?;
        assert_eq!(count(&store).await?, 5);
        Ok(())
    });
}

#[test]
fn two_that_take_in_the_same_records_at_once_store_them_once() {
    on_both("append_twice", async |store| {
        let mut chain = Chain::begin("r", "b", start());
        let lines = lines(&mut chain, 400);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (store, id, lines) = (store.clone(), chain.id.clone(), lines.clone());
            tasks.spawn(async move {
                for batch in lines.chunks(25) {
                    store.append(&id, &batch.concat()).await?;
                }
                Ok::<_, StoreError>(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        assert_eq!(store.incidents(&Filter::default(), 10).await?[0].repeat.count, 400);
        assert_eq!(store.chains().await?[0].spans, [(1, 400)]);
        Ok(())
    });
}

#[test]
fn a_store_of_a_newer_podgate_is_left_alone() {
    let url = crate::POSTGRES.database("newer").expect("a database");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(Store::open(&url)).expect("a store");
    crate::POSTGRES.query("newer", "UPDATE podgate_ledger SET version = 99").expect("an update");
    let error = runtime.block_on(Store::open(&url)).expect_err("it is newer").to_string();
    assert!(error.contains("version 99") && error.contains("use a newer one"), "{error}");
}

#[test]
fn what_is_no_store_is_told_without_a_password() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for url in ["", "ledger.db", "mysql://u:s3cret@h/d", "sqlite:", "postgres"] {
        let error = runtime.block_on(Store::open(url)).expect_err(url).to_string();
        assert!(error.contains("sqlite:PATH or postgres://"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
