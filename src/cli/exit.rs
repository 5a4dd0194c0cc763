//! Exit codes, and output that a closed pipe does not turn into an error.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::process::ExitCode;

use anstream::AutoStream;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Nothing is violated: 0.
    Clean,
    /// Rules are violated: 1.
    Violations,
    /// The job could not be done: 2.
    Failed,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Clean => Self::SUCCESS,
            ExitStatus::Violations => Self::from(1),
            ExitStatus::Failed => Self::from(2),
        }
    }
}

/// Prints to standard output; a reader that has seen enough and closed the pipe is fine.
pub(super) fn print(bytes: &[u8]) -> anyhow::Result<ExitStatus> {
    let mut out = io::stdout().lock();
    closed_pipe_is_fine(out.write_all(bytes).and_then(|()| out.flush()))?;
    Ok(ExitStatus::Clean)
}

/// Standard output, where colours are left out if it is no terminal.
pub(super) type Out = BufWriter<AutoStream<StdoutLock<'static>>>;

/// Prints what `write` writes to standard output; a closed pipe is fine.
///
/// Standard output flushes at the end of each line, which for a report of a million lines is most of the time.
pub(super) fn print_with(write: impl FnOnce(&mut Out) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(AutoStream::auto(io::stdout().lock()));
    closed_pipe_is_fine(write(&mut out).and_then(|()| out.flush()))
}

/// Turns the error of a closed pipe into success.
pub(super) fn closed_pipe_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
