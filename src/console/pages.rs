//! The pages.

pub(super) mod api;
pub(super) mod decision;
pub(super) mod decisions;
pub(super) mod exceptions;
pub(super) mod health;
pub(super) mod incidents;
pub(super) mod policies;
pub(super) mod style;

use axum::extract::{Extension, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};

use super::Console;
use super::guard::Viewer;
use super::views::{Frame, Message, Table, TablePage, page};
use crate::ledger::query::{Filter, Page};
use crate::ledger::store::{Decided, StoreError};

/// Decisions on a page.
const ROWS: usize = 50;
/// What the pages of use look back on.
const LATELY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A store that fails is told, and its words are for the log.
pub(super) struct Failed(StoreError);

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> Response {
        tracing::error!(error = %self.0, "the store cannot be read");
        let message = Message {
            frame: Frame::closed(),
            heading: "The store cannot be read".to_owned(),
            text: "The log of podgate says why.".to_owned(),
        };
        (StatusCode::SERVICE_UNAVAILABLE, page(&message)).into_response()
    }
}

type Shown = Result<Response, Failed>;
type Pairs = Query<Vec<(String, String)>>;

/// `2026-11-26 10:00:00`.
fn short(time: Timestamp) -> String {
    format!("{time:.0}").replace('T', " ").replace('Z', "")
}

async fn by_id(console: &Console, id: &str) -> Result<Vec<Decided>, StoreError> {
    let filter = Filter { decision_ids: vec![id.to_owned()], ..Filter::default() };
    Ok(console.store.decisions(&filter, &Page::first(10)).await?.items)
}

/// A page that is nothing but tables.
fn tables(
    href: &str,
    user: Option<String>,
    heading: &'static str,
    lead: String,
    tables: Vec<Table>,
) -> Response {
    page(&TablePage { frame: Frame::of(href, user), heading, lead, form: None, tables })
        .into_response()
}

pub(super) async fn not_found(Extension(Viewer(user)): Extension<Viewer>) -> Response {
    let message = Message {
        frame: Frame::of("", user),
        heading: "Not found".to_owned(),
        text: "There is no such page.".to_owned(),
    };
    (StatusCode::NOT_FOUND, page(&message)).into_response()
}
