//! A line on the terminal that tells a person how far the work is.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// After how long a person is told that work goes on.
const PATIENCE: Duration = Duration::from_secs(2);

/// How far the work is.
pub(super) struct Progress {
    started: Instant,
    is_terminal: bool,
    shown: bool,
}

impl Progress {
    #[expect(clippy::disallowed_methods, reason = "tells a person how long it takes")]
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), is_terminal: io::stderr().is_terminal(), shown: false }
    }

    pub(super) fn show(&mut self, done: usize, all: usize) {
        if self.is_terminal && self.started.elapsed() > PATIENCE {
            self.shown = true;
            // A terminal that cannot be written to misses nothing that matters.
            let _ = write!(io::stderr(), "\r\x1b[2K{done} of {all} files");
        }
    }

    pub(super) fn clear(&self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}
