//! The style sheet.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

const STYLE: &str = include_str!("../style.css");

pub(in crate::console) async fn style(headers: HeaderMap) -> Response {
    let tag = concat!("\"", env!("CARGO_PKG_VERSION"), "\"");
    let caching = [(header::CACHE_CONTROL, "max-age=3600"), (header::ETAG, tag)];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}
