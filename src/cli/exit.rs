//! Exit codes, and output that a closed pipe does not turn into an error.

use std::io::{self, Write};
use std::process::ExitCode;

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

/// Turns the error of a closed pipe into success.
pub(super) fn closed_pipe_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
