//! How a test ends, and what it tells.

use std::fmt::Display;
use std::io::{self, Write as _};

/// What a test returns. An error in it panics where the test meets it: the harness then shows the line, and what is dropped
/// on the way out shows its logs.
pub type Outcome = Result<(), Failure>;

/// The error that never is.
#[derive(Debug)]
pub enum Failure {}

impl From<anyhow::Error> for Failure {
    #[track_caller]
    #[expect(clippy::panic, reason = "this is how a test fails")]
    fn from(error: anyhow::Error) -> Self {
        panic!("{error:?}")
    }
}

/// Writes a line to standard output, whatever the harness does with what tests print.
pub fn say(text: impl Display) {
    // Who does not listen any more is told nothing.
    let _ = writeln!(io::stdout(), "{text}");
}
