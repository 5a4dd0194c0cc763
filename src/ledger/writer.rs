//! Where records become lines of the chain.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use super::chain::{self, Head};
use super::instance::Instance;
use super::sink::LineSink;

/// The chain of this process, and where its lines go.
#[derive(Debug)]
pub struct Ledger {
    instance: Instance,
    head: Mutex<Head>,
    lines: LineSink,
}

impl Ledger {
    /// Begins a chain whose lines go to `out`.
    ///
    /// # Errors
    /// Where the writer's thread cannot be started.
    pub fn start(instance: Instance, out: impl Write + Send + 'static) -> io::Result<Self> {
        let head = Mutex::new(Head::START);
        Ok(Self { instance, head, lines: LineSink::start(out)? })
    }

    /// Which process writes.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Appends the record of this body. False where its line is lost.
    #[must_use]
    pub fn append(&self, body: &[u8]) -> bool {
        let mut line = Vec::new();
        // Held until the line is handed over: lines must go out in the order of their numbers.
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        chain::append(&mut line, &mut head, body);
        line.pop();
        self.lines.append(&line)
    }

    /// Writes what waits, then stops.
    pub fn close(self) {
        self.lines.close();
    }
}
