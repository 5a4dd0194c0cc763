//! What one client may take: bytes, requests in flight, and time.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::Instant;

use super::duration;
use super::metrics::Rejection;

/// The largest body that is read. The API server accepts objects of 3 MiB, and an UPDATE review carries
/// two of them, so 8 MiB can always be sent and nothing past it comes from an API server.
pub const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Requests that are answered at a time, where the settings name no number.
pub const MAX_IN_FLIGHT: usize = 512;

/// Connections that are open at a time on the TLS port.
pub const MAX_CONNECTIONS: usize = 1024;

/// How long a request may take whose sender names no timeout: the API server's own default.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// What is kept of the sender's timeout for the answer's way back, at least.
const LEAST_MARGIN: Duration = Duration::from_millis(50);

/// How long a client may take over its headers, and over its first request.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take over the TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What is reserved for a body before its first byte has come, whatever Content-Length claims.
const FIRST_CAPACITY: usize = 256 * 1024;

/// When the answer must have left.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    started: Instant,
    budget: Duration,
}

impl Deadline {
    /// The deadline of a request that came now with this query string.
    ///
    /// The margin is a tenth of the sender's timeout, at least 50 ms; of a timeout under 100 ms, half.
    #[must_use]
    pub fn of(query: Option<&str>) -> Self {
        let timeout = query.and_then(timeout_parameter).unwrap_or(DEFAULT_TIMEOUT);
        let margin = (timeout / 10).max(LEAST_MARGIN).min(timeout / 2);
        Self { started: Instant::now(), budget: timeout.saturating_sub(margin) }
    }

    /// Whether it is too late to answer.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.started.elapsed() > self.budget
    }

    /// When the request came.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// How long the request may take in all.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.budget
    }
}

/// The value of `timeout`; a malformed one is as none, since the caller is waiting in any case.
fn timeout_parameter(query: &str) -> Option<Duration> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("timeout="))?;
    duration::parse_go(value).filter(|timeout| !timeout.is_zero())
}

/// Reads a body whole.
///
/// A body that comes in one frame is not copied.
pub async fn read_body(
    headers: &HeaderMap,
    body: Body,
    deadline: &Deadline,
) -> Result<Bytes, Rejection> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > BODY_LIMIT) {
        return Err(Rejection::TooLarge);
    }
    let at = deadline.started() + deadline.budget();
    tokio::time::timeout_at(at, collect(body, announced)).await.unwrap_or(Err(Rejection::Timeout))
}

async fn collect(mut body: Body, announced: Option<usize>) -> Result<Bytes, Rejection> {
    let Some(first) = next_data(&mut body).await? else { return Ok(Bytes::new()) };
    if first.len() > BODY_LIMIT {
        return Err(Rejection::TooLarge);
    }
    if announced == Some(first.len()) {
        return Ok(first);
    }
    let capacity = announced.unwrap_or(0).min(FIRST_CAPACITY).max(first.len());
    let mut whole = BytesMut::with_capacity(capacity);
    whole.extend_from_slice(&first);
    while let Some(data) = next_data(&mut body).await? {
        if whole.len() + data.len() > BODY_LIMIT {
            return Err(Rejection::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// The next piece of the body that is not empty; trailers are passed over.
async fn next_data(body: &mut Body) -> Result<Option<Bytes>, Rejection> {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Rejection::BrokenBody) };
        match frame.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            _ => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget_millis(query: Option<&str>) -> u128 {
        Deadline::of(query).budget().as_millis()
    }

    #[test]
    fn budget_is_the_timeout_minus_a_margin() {
        assert_eq!(budget_millis(Some("timeout=10s")), 9000);
        assert_eq!(budget_millis(Some("a=b&timeout=1m0s")), 54_000);
        assert_eq!(budget_millis(Some("timeout=200ms")), 150);
        assert_eq!(budget_millis(Some("timeout=20ms")), 10);
    }

    #[test]
    fn without_a_readable_timeout_the_default_holds() {
        for query in [
            None,
            Some(""),
            Some("timeout="),
            Some("timeout=ten"),
            Some("timeout=0"),
            Some("xtimeout=1s"),
        ] {
            assert_eq!(budget_millis(query), 9000, "{query:?}");
        }
    }
}
