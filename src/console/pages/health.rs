//! Whether all is well with certificates, policies and the ledger itself.

use std::sync::Arc;

use axum::extract::{Extension, State};
use jiff::Timestamp;

use super::{LATELY, Shown, short, tables};
use crate::console::Console;
use crate::console::guard::Viewer;
use crate::console::views::{Cell, Table};
use crate::ledger::store::{ChainState, Lost};

/// Gaps on the page.
const MOST_GAPS: usize = 100;

pub(in crate::console) async fn health(
    State(console): State<Arc<Console>>,
    Extension(Viewer(user)): Extension<Viewer>,
) -> Shown {
    let now = (console.clock)();
    let certificates = console.facts.certificates().into_iter().map(|(name, ends)| {
        let left = ends.duration_since(now).as_hours() / 24;
        let cell = Cell::text(short(ends));
        vec![
            Cell::text(name),
            cell.class(if left < 7 { "time bad" } else { "time" }),
            Cell::text(format!("{left} days")),
        ]
    });
    let certificates = Table {
        title: "Certificates",
        empty: "This process keeps none.",
        columns: vec!["Certificate", "Ends (UTC)", "Left"],
        rows: certificates.collect(),
    };
    let since = now.checked_sub(LATELY).unwrap_or(Timestamp::MIN);
    let sets = console.store.replicas(since).await?;
    let sets = sets.into_iter().map(|(replica, digest, last)| {
        vec![Cell::text(replica), Cell::text(digest), Cell::text(short(last)).class("time")]
    });
    let sets = Table {
        title: "Policy set by replica",
        empty: "Nothing was decided.",
        columns: vec!["Replica", "Digest of its last decision", "Last (UTC)"],
        rows: sets.collect(),
    };
    let chains = console.store.chains().await?;
    let gaps = console.store.gaps(since, MOST_GAPS).await?;
    let chains = Table {
        title: "Chains of records",
        empty: "No record has come.",
        columns: vec!["Replica", "Boot", "Records", "Missing", "Signed", "State", "Last (UTC)"],
        rows: chains.iter().map(chain).collect(),
    };
    let lost = Table {
        title: "Records that were lost",
        empty: "None was, as far as podgate knows.",
        columns: vec!["Replica", "Boot", "How many", "Why", "Since (UTC)", "Until (UTC)"],
        rows: gaps.iter().map(gap).collect(),
    };
    let lead = format!("At {} UTC. podgate ledger verify proves each record.", short(now));
    Ok(tables("/health", user, "Health", lead, vec![chains, lost, sets, certificates]))
}

fn chain(chain: &ChainState) -> Vec<Cell> {
    let first = chain.removed.seq + 1;
    let mut gaps = Vec::new();
    let mut next = first;
    for (from, until) in &chain.spans {
        if *from > next {
            gaps.push(format!("{next} to {}", from - 1));
        }
        next = until + 1;
    }
    let whole = gaps.is_empty();
    vec![
        Cell::text(&chain.chain.replica),
        Cell::text(&chain.chain.boot),
        Cell::text(format!("{first} to {}", chain.head.seq)).class("number"),
        Cell::text(if whole { "none".to_owned() } else { gaps.join(", ") }).class(if whole {
            "good"
        } else {
            "bad"
        }),
        Cell::text(
            chain.checkpoint.map_or_else(|| "never".to_owned(), |(seq, _)| format!("up to {seq}")),
        ),
        Cell::text(if chain.ended { "closed" } else { "open" }),
        Cell::text(short(chain.last)).class("time"),
    ]
}

/// What podgate itself tells as lost, and what is in no chain for that.
fn gap(lost: &Lost) -> Vec<Cell> {
    vec![
        Cell::text(&lost.chain.replica),
        Cell::text(&lost.chain.boot),
        Cell::text(lost.count).class("number bad"),
        Cell::text(&lost.reason),
        Cell::text(short(lost.since)).class("time"),
        Cell::text(short(lost.until)).class("time"),
    ]
}
