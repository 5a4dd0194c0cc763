//! Sends records from the spool to where they belong, keeps them until they are acknowledged, and sends them again
//! after every doubt: the destination stores each once.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::counters::Counters;
use super::destination::{AppendError, Destination};
use super::entry::Entry;
use super::spool::{self, Segment};
use super::writer::Spooled;

/// Bytes that are sent at a time.
const BATCH_BYTES: u64 = 512 * 1024;
/// How long to wait for more records, so that not each is sent by itself.
const GATHER: Duration = Duration::from_millis(50);
/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// What the name of a segment that the destination will never take ends with.
const REFUSED: &str = "refused";

/// Sends what is in a folder of segments.
#[derive(Debug)]
pub struct Shipper {
    dir: PathBuf,
    /// The start of the process whose segments still grow.
    boot: String,
    destination: Arc<dyn Destination>,
    spooled: watch::Receiver<Spooled>,
    counters: Counters,
    /// How far each segment was acknowledged, in bytes.
    acknowledged: HashMap<PathBuf, u64>,
    /// What was told last, so that it is told once.
    told: String,
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error("{0}")]
    Later(String),
    #[error(transparent)]
    Spool(#[from] io::Error),
}

impl Shipper {
    /// Sends the segments in `dir` to `destination`; `boot` is the start of this process, which writes to them, and
    /// `spooled` tells that there is more.
    #[must_use]
    pub fn new(
        dir: PathBuf,
        boot: String,
        destination: Arc<dyn Destination>,
        spooled: watch::Receiver<Spooled>,
        counters: Counters,
    ) -> Self {
        let (acknowledged, told) = (HashMap::new(), String::new());
        Self { dir, boot, destination, spooled, counters, acknowledged, told }
    }

    /// Sends until the writer has ended and everything is sent. Dropped, it can begin anew at any time.
    pub async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            // Before the segments are read: what comes later is for the next round.
            self.spooled.mark_unchanged();
            let sent = self.round().await;
            match sent {
                Ok(()) => {
                    if !std::mem::take(&mut self.told).is_empty() {
                        tracing::info!("records are sent on again");
                    }
                    pause = FIRST_PAUSE;
                    if self.spooled.changed().await.is_err() {
                        // The writer has ended, and what it wrote last may have come after the round.
                        if self.round().await.is_ok() {
                            return;
                        }
                        tokio::time::sleep(pause).await;
                        continue;
                    }
                    tokio::time::sleep(GATHER).await;
                }
                Err(error) => {
                    self.failed(&error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn failed(&mut self, error: &RoundError) {
        self.counters.send_failures.inc();
        let error = error.to_string();
        if self.told != error {
            tracing::warn!(error, "records cannot be sent on: they are kept and sent later");
            self.told = error;
        }
    }

    /// Sends everything that there is by now.
    async fn round(&mut self) -> Result<(), RoundError> {
        // Before the segments are listed: those that are there then are closed.
        let failing = self.spooled.borrow().failing;
        let dir = self.dir.clone();
        let segments = blocking(move || spool::segments(&dir)).await?;
        let last_of_ours = segments.iter().rposition(|segment| segment.boot == self.boot);
        self.acknowledged.retain(|path, _| segments.iter().any(|segment| segment.path == *path));
        for (place, segment) in segments.iter().enumerate() {
            // The last segment of all is kept: it is written to, and the next start goes on from its end. Where the spool
            // is full nothing is written, and room is needed more.
            let is_last = last_of_ours == Some(place) || place + 1 == segments.len();
            self.send(segment).await?;
            if !is_last || failing {
                std::fs::remove_file(&segment.path)?;
            }
        }
        Ok(())
    }

    async fn send(&mut self, segment: &Segment) -> Result<(), RoundError> {
        let mut from = self.acknowledged.get(&segment.path).copied().unwrap_or_default();
        loop {
            let path = segment.path.clone();
            let (lines, end) =
                blocking(move || spool::read_lines(&path, from, BATCH_BYTES)).await?;
            if lines.is_empty() {
                return Ok(());
            }
            // What is no text is no record of ours: its hash will not fit.
            let lines = String::from_utf8_lossy(&lines);
            match self.append(&lines).await {
                Ok(seq) => self.acknowledge(segment, seq),
                Err(AppendError::Later(why)) => return Err(RoundError::Later(why)),
                Err(AppendError::Never(why)) => return self.put_aside(segment, &lines, &why),
            }
            from = end;
            self.acknowledged.insert(segment.path.clone(), end);
        }
    }

    async fn append(&self, lines: &str) -> Result<u64, AppendError> {
        let first = lines.lines().next().unwrap_or_default();
        let first = Entry::read(first).map_err(|error| AppendError::Never(error.to_string()))?;
        self.destination.append(&first.chain, lines).await
    }

    fn acknowledge(&self, segment: &Segment, seq: u64) {
        if segment.boot == self.boot {
            let unsent = self.spooled.borrow().seq.saturating_sub(seq);
            self.counters.unsent.set(i64::try_from(unsent).unwrap_or(i64::MAX));
        }
    }

    /// A segment that will never be taken must not keep the others from being sent.
    fn put_aside(&mut self, segment: &Segment, lines: &str, why: &str) -> Result<(), RoundError> {
        let aside = segment.path.with_extension(REFUSED);
        tracing::error!(
            segment = %segment.path.display(),
            aside = %aside.display(),
            why,
            "records will never be taken: they are put aside; podgate ledger verify says what is wrong with them"
        );
        self.counters.lost.inc_by(lines.lines().count() as u64);
        if segment.boot == self.boot {
            // It is being written: what comes next is tried, and the store shows the hole.
            let length = std::fs::metadata(&segment.path)?.len();
            std::fs::copy(&segment.path, &aside)?;
            self.acknowledged.insert(segment.path.clone(), length);
            return Ok(());
        }
        Ok(std::fs::rename(&segment.path, &aside)?)
    }
}

/// Files may lie on a slow disk.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests;
