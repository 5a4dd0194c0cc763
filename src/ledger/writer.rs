//! Where records become lines of the chain: on one thread, so that the order of numbers is the order of lines.
//!
//! Lines go to the spool, if there is one, and to standard output in any case. Those who record wait until the
//! spool has theirs ([`Ledger::kept`]) before their answer leaves; a group is written at once.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::chain::{self, ChainId, Head};
use super::counters::Counters;
use super::instance::Instance;
use super::mark;
use super::queue::{Batch, Queue, Ticket};
use super::signature::Signer;
use super::sink::LineSink;
use super::spool::{self, Spool};

/// Bytes of lines that wait for a spool that cannot be written; past it, the spool is told of a gap.
const PENDING_BYTES: usize = 8 * 1024 * 1024;
/// Bytes that are written at once.
const PIECE_BYTES: usize = 64 * 1024;
/// How often a spool that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long records may wait for others where nobody waits for them.
const LINGER: Duration = Duration::from_millis(1);

/// Who is told of lines as they are written. It must not hold the writer up.
pub trait Listener: fmt::Debug + Send + Sync {
    /// Takes whole lines.
    fn lines(&self, lines: &[u8]);
}

/// How records are kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where lines are kept beside standard output.
    pub spool: Option<spool::Options>,
    /// How long a line may be with the operating system before it is brought to the disk; zero brings each group there
    /// before its answers leave.
    pub sync: Duration,
    /// How often the chain's head is signed.
    pub checkpoint: Duration,
    /// File of the key that signs it. It may come later.
    pub key: Option<PathBuf>,
    /// Who else is told of the lines.
    pub listener: Option<Arc<dyn Listener>>,
    /// The clock.
    pub clock: fn() -> Timestamp,
}

impl Options {
    /// Standard output alone.
    #[must_use]
    pub fn new(clock: fn() -> Timestamp) -> Self {
        let (sync, checkpoint) = (Duration::from_secs(1), Duration::from_mins(1));
        Self { spool: None, sync, checkpoint, key: None, listener: None, clock }
    }
}

/// How far the writer has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Progress {
    /// Up to this ticket everything was attempted.
    attempted: u64,
    /// Up to this ticket everything is in the spool.
    kept: u64,
}

/// What the spool has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spooled {
    /// The number of the last record.
    pub seq: u64,
    /// Whether it cannot be written: then no segment is open, and each that goes makes room.
    pub failing: bool,
}

/// The chain of this process, and where its lines go.
#[derive(Debug)]
pub struct Ledger {
    instance: Instance,
    queue: Arc<Queue>,
    /// How far the spool is; none where there is no spool.
    progress: Option<watch::Receiver<Progress>>,
    spooled: watch::Receiver<Spooled>,
    counters: Counters,
    clock: fn() -> Timestamp,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Ledger {
    /// Begins the chain of `instance`, whose lines also go to `out`.
    ///
    /// # Errors
    /// Where the spool cannot be opened or the writer's thread cannot be started.
    pub fn start(
        instance: Instance,
        options: Options,
        counters: Counters,
        out: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let opened = options.spool.clone().map(|spool| Spool::open(spool, &instance.boot));
        let (spool, before) = opened.transpose()?.unzip();
        let queue = Arc::new(Queue::default());
        let (tell, progress) = watch::channel(Progress::default());
        let (tell_spooled, spooled) = watch::channel(Spooled::default());
        let (clock, progress) = (options.clock, spool.is_some().then_some(progress));
        let writer = Writer {
            instance: instance.clone(),
            queue: Arc::clone(&queue),
            head: Head::START,
            lines: Vec::new(),
            pending: Pending::default(),
            out: LineSink::start(out)?,
            synced: Synced { at: clock(), dirty: false, by: Syncer::start()? },
            checkpoint: Checkpoint { at: clock(), due: false, signer: None, no_key: String::new() },
            spool,
            progress: tell,
            spooled: tell_spooled,
            counters: counters.clone(),
            options,
        };
        let before = before.flatten();
        let writer = thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer.run(before.as_ref()))?;
        Ok(Self {
            instance,
            queue,
            progress,
            spooled,
            counters,
            clock,
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Which process writes.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// What the spool has, as it grows.
    #[must_use]
    pub fn spooled(&self) -> watch::Receiver<Spooled> {
        self.spooled.clone()
    }

    /// Hands over the record of this body. `None` where it is lost: more waits than may.
    #[must_use]
    pub fn append(&self, body: &[u8]) -> Option<Ticket> {
        let ticket = self.queue.push(body, self.clock);
        if ticket.is_none() {
            self.counters.lost.inc();
        }
        ticket
    }

    /// Waits until the spool has the record. False where it could not be written, or the writer is gone. Where there is
    /// no spool nothing is waited for.
    pub async fn kept(&self, ticket: Ticket) -> bool {
        let Some(mut progress) = self.progress.clone() else { return true };
        let attempted = progress.wait_for(|progress| progress.attempted >= ticket.0).await;
        attempted.is_ok_and(|progress| progress.kept >= ticket.0)
    }

    /// Writes what waits and the end of the chain, then stops. What comes later is lost.
    pub fn close(&self) {
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A panic of the writer has nothing left to write.
            let _ = writer.join();
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close();
    }
}

/// Lines that the spool does not have yet.
#[derive(Debug, Default)]
struct Pending {
    lines: Vec<u8>,
    first: u64,
    records: u64,
    failed_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Synced {
    at: Timestamp,
    dirty: bool,
    by: Syncer,
}

#[derive(Debug)]
struct Checkpoint {
    at: Timestamp,
    /// Whether there are records behind the last one.
    due: bool,
    signer: Option<Signer>,
    /// Why there is no key, as far as it was told.
    no_key: String,
}

/// The thread's own.
#[derive(Debug)]
struct Writer {
    instance: Instance,
    options: Options,
    queue: Arc<Queue>,
    head: Head,
    lines: Vec<u8>,
    pending: Pending,
    spool: Option<Spool>,
    out: LineSink,
    synced: Synced,
    checkpoint: Checkpoint,
    progress: watch::Sender<Progress>,
    spooled: watch::Sender<Spooled>,
    counters: Counters,
}

impl Writer {
    fn run(mut self, before: Option<&(ChainId, Head)>) {
        let start = mark::start(&self.instance, self.now(), before);
        self.chain(&start);
        let mut batch = Batch::default();
        self.deliver(batch.last);
        loop {
            self.queue.take(&mut batch, self.patience());
            if self.spool.is_none() && !batch.closed {
                thread::sleep(LINGER);
            }
            for body in batch.bodies() {
                self.chain(body);
            }
            self.checkpoint.due |= batch.len() > 0;
            if let Some(lost) = batch.lost {
                let reason = "more records waited than may";
                let gap = mark::gap(&self.instance, self.now(), lost.count, lost.since, reason);
                self.chain(&gap);
            }
            self.sign(batch.closed);
            if batch.closed {
                let end = mark::end(&self.instance, self.now());
                self.chain(&end);
            }
            self.deliver(batch.last);
            self.sync(batch.closed);
            if batch.closed {
                return;
            }
        }
    }

    fn now(&self) -> Timestamp {
        (self.options.clock)()
    }

    /// How long there is nothing to do without a record.
    fn patience(&self) -> Duration {
        if self.pending.failed_at.is_some() {
            return RETRY;
        }
        let sync = self.options.sync.max(LINGER);
        if self.synced.dirty { sync.min(self.options.checkpoint) } else { self.options.checkpoint }
    }

    fn chain(&mut self, body: &[u8]) {
        chain::append(&mut self.lines, &mut self.head, body);
        self.counters.records.inc();
    }

    /// Hands the new lines to spool and standard output, and says so up to the ticket `last`.
    fn deliver(&mut self, last: u64) {
        if !self.lines.is_empty() && !self.out.append(&self.lines) && self.spool.is_none() {
            self.counters.lost.inc_by(count(&self.lines));
        }
        let kept = match &mut self.spool {
            None => true,
            Some(spool) => {
                let now = (self.options.clock)();
                self.pending.add(&self.lines, self.head.seq);
                let waiting = self.pending.records;
                let kept = self.pending.deliver(spool, now, &self.counters);
                // Also where only some found room, or only what had waited.
                self.synced.dirty |= self.pending.records < waiting;
                if self.options.sync.is_zero() {
                    self.sync(true);
                }
                let seq = self.head.seq - self.pending.records;
                let now = Spooled { seq, failing: !kept };
                self.spooled.send_if_modified(|spooled| std::mem::replace(spooled, now) != now);
                kept
            }
        };
        if let Some(spool) = &self.spool {
            self.counters.spool_bytes.set(i64::try_from(spool.bytes()).unwrap_or(i64::MAX));
        }
        self.progress.send_if_modified(|progress| {
            let before = *progress;
            progress.attempted = last;
            if kept {
                progress.kept = last;
            }
            *progress != before
        });
        // Once nobody waits for it any more.
        if let Some(listener) = &self.options.listener {
            listener.lines(&self.lines);
        }
        self.lines.clear();
    }

    /// Brings to the disk what is only with the operating system, where it is time.
    fn sync(&mut self, now: bool) {
        let Some(spool) = &mut self.spool else { return };
        let time = (self.options.clock)();
        let due = time.duration_since(self.synced.at).unsigned_abs() >= self.options.sync;
        if !self.synced.dirty || !(now || due) {
            return;
        }
        match spool.handle() {
            Ok(Some(segment)) if now => {
                if let Err(error) = segment.sync_data() {
                    unsynced(&error);
                }
            }
            Ok(Some(segment)) => {
                if !self.synced.by.sync(segment) {
                    // Still busy with the one before: the next round tries again.
                    return;
                }
            }
            Ok(None) => {}
            Err(error) => unsynced(&error),
        }
        (self.synced.at, self.synced.dirty) = (time, false);
        // Others remove what they have sent on. What cannot be counted keeps its count.
        let _ = spool.count();
    }

    /// Signs the head, where it is time or the chain ends, and there is a key.
    fn sign(&mut self, last: bool) {
        let now = self.now();
        let since = now.duration_since(self.checkpoint.at);
        let every =
            SignedDuration::try_from(self.options.checkpoint).unwrap_or(SignedDuration::MAX);
        if !self.checkpoint.due || !(last || since >= every) {
            return;
        }
        self.checkpoint.at = now;
        self.read_key();
        let Some(signer) = &self.checkpoint.signer else { return };
        let text = mark::signed(&self.instance.chain(), now, self.head);
        let (key, signature) = (signer.public_key().to_string(), signer.sign(&text));
        let body = mark::checkpoint(&self.instance, now, self.head, &key, &signature);
        self.checkpoint.due = false;
        self.chain(&body);
    }

    /// Reads the key, which may be another by now.
    fn read_key(&mut self) {
        let Some(path) = &self.options.key else { return };
        let read = std::fs::read(path).map_err(|error| error.to_string());
        let signer = read.and_then(|pem| Signer::from_pem(&pem).map_err(|error| error.to_string()));
        match signer {
            Ok(signer) => self.checkpoint.signer = Some(signer),
            Err(error) if error == self.checkpoint.no_key => {}
            Err(error) => {
                self.checkpoint.no_key.clone_from(&error);
                tracing::warn!(path = %path.display(), error, "no key: checkpoints are not signed by it");
            }
        }
    }
}

impl Pending {
    fn add(&mut self, lines: &[u8], last: u64) {
        let new = count(lines);
        if self.records == 0 {
            self.first = last + 1 - new;
        }
        self.records += new;
        self.lines.extend_from_slice(lines);
    }

    /// Whether the spool has everything. Piece by piece, since there may be room for some of it only.
    fn deliver(&mut self, spool: &mut Spool, now: Timestamp, counters: &Counters) -> bool {
        if self.failed_at.is_some() {
            // What was sent on since may have made room.
            let _ = spool.count();
        }
        let (mut done, mut failed) = (0, None);
        while failed.is_none() && done < self.lines.len() {
            let piece = piece(self.lines.get(done..).unwrap_or_default());
            match spool.append(self.first, piece, now) {
                Ok(()) => {
                    let records = count(piece);
                    (self.first, self.records) = (self.first + records, self.records - records);
                    done += piece.len();
                }
                Err(error) => failed = Some(error),
            }
        }
        self.lines.drain(..done);
        let Some(error) = failed else {
            if self.failed_at.take().is_some() {
                tracing::info!("the spool can be written again");
                counters.spool_failing.set(0);
            }
            return true;
        };
        if self.failed_at.is_none() {
            tracing::error!(%error, "the spool cannot be written: records go to standard output alone");
            counters.spool_failing.set(1);
            self.failed_at = Some(now);
        }
        if self.lines.len() > PENDING_BYTES {
            // Their numbers are used, so whoever reads the spool sees that they are missing.
            counters.lost.inc_by(self.records);
            self.lines.clear();
            self.records = 0;
        }
        false
    }
}

/// The first whole lines, one at least.
fn piece(lines: &[u8]) -> &[u8] {
    let within = lines.get(..PIECE_BYTES).unwrap_or(lines);
    let end = memchr::memrchr(b'\n', within).or_else(|| memchr::memchr(b'\n', lines));
    end.and_then(|end| lines.get(..=end)).unwrap_or(lines)
}

/// Waits for the disk, so that the writer need not.
#[derive(Debug)]
struct Syncer(mpsc::SyncSender<File>);

impl Syncer {
    fn start() -> io::Result<Self> {
        let (sender, segments) = mpsc::sync_channel::<File>(0);
        thread::Builder::new().name("ledger-sync".to_owned()).spawn(move || {
            for segment in segments {
                if let Err(error) = segment.sync_data() {
                    unsynced(&error);
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// Has the segment brought to the disk. False where it is still busy.
    fn sync(&self, segment: File) -> bool {
        self.0.try_send(segment).is_ok()
    }
}

fn unsynced(error: &io::Error) {
    tracing::error!(%error, "the spool cannot be brought to the disk: a power cut may take more than it should");
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}

#[cfg(test)]
mod tests;
