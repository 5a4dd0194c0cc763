//! The style sheet.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const STYLE: &str = include_str!("../style.css");

/// Tells one style sheet from another.
static TAG: LazyLock<String> = LazyLock::new(|| {
    let hash = digest(&SHA256, STYLE.as_bytes());
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash))
});

pub(in crate::console) async fn style(headers: HeaderMap) -> Response {
    let caching = [(header::CACHE_CONTROL, "max-age=3600"), (header::ETAG, TAG.as_str())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == TAG.as_str()) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}
