//! Exceptions, and how they are used.

use std::sync::Arc;

use axum::extract::{Extension, State};
use jiff::Timestamp;

use super::{LATELY, Shown, short, tables};
use crate::console::Console;
use crate::console::guard::Viewer;
use crate::console::views::{Cell, Table};

pub(in crate::console) async fn exceptions(
    State(console): State<Arc<Console>>,
    Extension(Viewer(user)): Extension<Viewer>,
) -> Shown {
    let now = (console.clock)();
    let since = now.checked_sub(LATELY).unwrap_or(Timestamp::MIN);
    let counted = console.store.exceptions(since).await?;
    let in_force = console.facts.in_force();
    let rows = in_force.iter().flat_map(|set| &set.exceptions).map(|exception| {
        let use_of = counted.iter().find(|used| used.exception == exception.name);
        let expires = Cell::text(short(exception.expires));
        vec![
            Cell::text(&exception.name),
            Cell::text(&exception.policy),
            Cell::text(&exception.rules),
            Cell::text(&exception.owner),
            Cell::text(&exception.reason),
            expires.class(if exception.expires <= now { "time bad" } else { "time" }),
            Cell::text(use_of.map_or(0, |used| used.count)).class("number"),
            Cell::text(use_of.map_or_else(|| "never".to_owned(), |used| short(used.last)))
                .class("time"),
        ]
    });
    let in_force_table = Table {
        title: "In force",
        empty: "There is none, or this process has no policies.",
        columns: vec![
            "Exception",
            "Policy",
            "Rules",
            "Owner",
            "Reason",
            "Expires (UTC)",
            "Uses",
            "Last use (UTC)",
        ],
        rows: rows.collect(),
    };
    let known =
        |name: &str| in_force.iter().flat_map(|set| &set.exceptions).any(|e| e.name == name);
    let gone = counted.iter().filter(|used| !known(&used.exception)).map(|used| {
        vec![
            Cell::text(&used.exception),
            Cell::text(used.count).class("number"),
            Cell::text(short(used.last)).class("time"),
        ]
    });
    let gone = Table {
        title: "Used, and no longer in force",
        empty: "None.",
        columns: vec!["Exception", "Uses", "Last use (UTC)"],
        rows: gone.collect(),
    };
    let lead = "Uses are those of the last 30 days.".to_owned();
    Ok(tables("/exceptions", user, "Exceptions", lead, vec![in_force_table, gone]))
}
