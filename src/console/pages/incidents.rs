//! What happened again and again.

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::response::IntoResponse as _;

use super::decisions::row;
use super::{Pairs, Shown, short};
use crate::console::Console;
use crate::console::guard::Viewer;
use crate::console::params::{INCIDENTS_SINCE, Params, encode};
use crate::console::views::{Cell, Frame, Table, TablePage, page as show};

/// Incidents on the page.
const MOST: usize = 200;

pub(in crate::console) async fn incidents(
    State(console): State<Arc<Console>>,
    Extension(Viewer(user)): Extension<Viewer>,
    Query(pairs): Pairs,
) -> Shown {
    let params = Params::new(pairs, INCIDENTS_SINCE);
    let (filter, problem) = params.filter((console.clock)());
    let mut incidents = console.store.incidents(&filter, MOST).await?;
    incidents.sort_by_key(|incident| std::cmp::Reverse(incident.repeat.count));
    let rows = incidents.iter().filter_map(|incident| {
        let newest = row(incident.newest.as_ref()?)?;
        Some(vec![
            Cell::link(
                incident.repeat.count,
                format!("/?since=365d&incident={}", encode(&incident.key)),
            )
            .class("number"),
            Cell::text(&newest.outcome),
            Cell::text(format!("{} {} {}", newest.namespace, newest.kind, newest.name)),
            Cell::text(newest.rules.join(", ")),
            Cell::text(format!("{} {}", newest.who, newest.workload)),
            Cell::text(short(incident.repeat.first)).class("time"),
            Cell::text(short(incident.repeat.last)).class("time"),
            Cell::link(newest.id, newest.href),
        ])
    });
    let table = Table {
        title: "Most often first",
        empty: "Nothing that happened is like that.",
        columns: vec![
            "Times",
            "Outcome",
            "Object",
            "Rules",
            "Who",
            "First (UTC)",
            "Last (UTC)",
            "Newest",
        ],
        rows: rows.collect(),
    };
    let lead = format!(
        "What is the same again and again, whatever name was made up for it: the latest {MOST}."
    );
    let page = TablePage {
        frame: Frame::of("/incidents", user),
        heading: "Incidents",
        lead,
        form: Some(params.form("/incidents", problem)),
        tables: vec![table],
    };
    Ok(show(&page).into_response())
}
