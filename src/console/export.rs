//! The list, to be kept.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::try_unfold;

use super::Console;
use super::params::{DECISIONS_SINCE, Params};
use crate::ledger::export::{Exporter, Format};
use crate::ledger::query::{Filter, Page};
use crate::ledger::store::Store;

/// Decisions that are in memory at a time.
const PIECE: usize = 500;

/// Every decision of the filter, piece by piece.
pub(super) async fn export(
    State(console): State<Arc<Console>>,
    Path(format): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let (format, media_type) = match format.as_str() {
        "jsonl" => (Format::Jsonl, "application/x-ndjson"),
        "csv" => (Format::Csv, "text/csv; charset=utf-8"),
        "ocsf" => (Format::Ocsf, "application/x-ndjson"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let (filter, problem) = Params::new(pairs, DECISIONS_SINCE).filter((console.clock)());
    if let Some(problem) = problem {
        return (StatusCode::BAD_REQUEST, problem).into_response();
    }
    let name = match format {
        Format::Jsonl => "decisions.jsonl",
        Format::Csv => "decisions.csv",
        Format::Ocsf => "decisions.ocsf.jsonl",
    };
    let begin = Some((console.store.clone(), filter, Page::first(PIECE)));
    let pieces = try_unfold(begin, move |state| async move {
        let Some((store, filter, page)) = state else { return Ok(None) };
        piece(store, filter, page, format).await.map(Some)
    });
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}

type Next = Option<(Store, Filter, Page)>;

async fn piece(
    store: Store,
    filter: Filter,
    page: Page,
    format: Format,
) -> std::io::Result<(Bytes, Next)> {
    let listed = store.decisions(&filter, &page).await.map_err(std::io::Error::other)?;
    let mut exporter = match page.after {
        None => Exporter::new(format, Vec::new())?,
        Some(_) => Exporter::resume(format, Vec::new()),
    };
    for decided in &listed.items {
        exporter.write(decided)?;
    }
    let next = listed.next.map(|next| (store, filter, Page { after: Some(next), ..page }));
    Ok((exporter.finish()?.into(), next))
}
