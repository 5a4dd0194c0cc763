//! The server's one reading of the clock: what judges gets `now` handed on.

use jiff::Timestamp;

/// The time by the wall clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the clock is read here, once for the server")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
