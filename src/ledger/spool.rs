//! The spool: lines on disk until they are where they belong.
//!
//! A folder of segments, `<boot>-<number of the first record>.jsonl`: their names sort in the order of writing. A
//! segment is closed by size or age, and the next one goes on with the chain. Only whole lines count: what a
//! crash left behind the last newline of a segment was never promised to anybody.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::chain::{ChainId, Head};
use super::entry::Entry;

/// What a segment's name ends with.
const EXTENSION: &str = "jsonl";
/// Held by the process that writes.
const LOCK: &str = "lock";

/// How much is kept, and in what pieces.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder; made where it is not there.
    pub dir: PathBuf,
    /// Bytes of all segments; past it, writing fails as on a full disk.
    pub max_bytes: u64,
    /// Bytes after which a segment is closed.
    pub segment_bytes: u64,
    /// Age at which it is closed.
    pub segment_age: Duration,
}

impl Options {
    /// The usual measures, in `dir`.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            max_bytes: 1024 * 1024 * 1024,
            segment_bytes: 8 * 1024 * 1024,
            segment_age: Duration::from_hours(1),
        }
    }
}

/// The spool, open for writing by one process.
#[derive(Debug)]
pub struct Spool {
    options: Options,
    boot: String,
    open: Option<Open>,
    closed_bytes: u64,
    /// Dropped with the spool, which frees it.
    _lock: File,
}

/// The segment that is written.
#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    bytes: u64,
    since: Timestamp,
}

impl Spool {
    /// Opens the folder for a new chain of `boot`. Beside it, the end of the chain that was written here last.
    ///
    /// # Errors
    /// Where the folder cannot be made, read or locked: another process may be writing to it.
    pub fn open(options: Options, boot: &str) -> io::Result<(Self, Option<(ChainId, Head)>)> {
        let dir = &options.dir;
        // Names of people and images stand in records: nobody else's business.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| named(dir, &error))?;
        let lock = dir.join(LOCK);
        let lock = File::create(&lock).map_err(|error| named(&lock, &error))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(
                ErrorKind::ResourceBusy,
                format!(
                    "{} is in use by another podgate: each needs a folder of its own",
                    dir.display()
                ),
            ),
            TryLockError::Error(error) => named(dir, &error),
        })?;
        let segments = segments(dir)?;
        let last = segments.iter().rev().find_map(|segment| last_head(&segment.path).transpose());
        let closed_bytes = segments.iter().map(|segment| segment.bytes).sum();
        let spool = Self { options, boot: boot.to_owned(), open: None, closed_bytes, _lock: lock };
        Ok((spool, last.transpose()?))
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.options.dir
    }

    /// Appends whole lines, the first of which has the number `seq`, all or none of them. They are with the operating
    /// system when this returns: they outlive this process, not the loss of power.
    ///
    /// Where that fails no segment is open: all that are there may be removed once they are sent on.
    ///
    /// # Errors
    /// Where the disk is full or cannot be written, or the spool holds as much as it may.
    pub fn append(&mut self, seq: u64, lines: &[u8], now: Timestamp) -> io::Result<()> {
        let length = lines.len() as u64;
        if self.bytes() + length > self.options.max_bytes {
            // What is sent on makes room only where nobody writes to it any more.
            self.close_segment()?;
            return Err(io::Error::new(
                ErrorKind::QuotaExceeded,
                format!("the spool holds its {} bytes", self.options.max_bytes),
            ));
        }
        if self.open.as_ref().is_some_and(|open| self.is_due(open, now)) {
            self.close_segment()?;
        }
        if self.open.is_none() {
            self.open = Some(self.begin(seq, now)?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        if let Err(error) = open.file.write_all(lines) {
            let failed = named(&open.path, &error);
            // Half a line does not count, and the next whole one stands in another segment.
            let taken_back = open.file.set_len(open.bytes);
            tracing::debug!(?taken_back, "half a line was written");
            self.close_segment()?;
            return Err(failed);
        }
        open.bytes += length;
        Ok(())
    }

    /// A handle on the segment that is written, through which what was appended can be brought to the disk itself.
    ///
    /// # Errors
    /// Where the system gives no more handles.
    pub fn handle(&self) -> io::Result<Option<File>> {
        self.open.as_ref().map(|open| open.file.try_clone()).transpose()
    }

    /// Bytes in the folder, by this process's own count.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.closed_bytes + self.open.as_ref().map_or(0, |open| open.bytes)
    }

    /// Counts again, since others remove what they have sent on.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn count(&mut self) -> io::Result<()> {
        let open = self.open.as_ref().map(|open| &open.path);
        let segments = segments(&self.options.dir)?;
        self.closed_bytes =
            segments.iter().filter(|s| Some(&s.path) != open).map(|segment| segment.bytes).sum();
        Ok(())
    }

    fn is_due(&self, open: &Open, now: Timestamp) -> bool {
        let age = now.duration_since(open.since).unsigned_abs();
        open.bytes >= self.options.segment_bytes || age >= self.options.segment_age
    }

    fn close_segment(&mut self) -> io::Result<()> {
        if let Some(open) = self.open.take() {
            self.closed_bytes += open.bytes;
            open.file.sync_data().map_err(|error| named(&open.path, &error))?;
        }
        Ok(())
    }

    fn begin(&self, seq: u64, now: Timestamp) -> io::Result<Open> {
        let name = format!("{}-{seq:020}.{EXTENSION}", self.boot);
        let path = self.options.dir.join(name);
        let file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&path);
        let file = file.map_err(|error| named(&path, &error))?;
        // The name itself must outlive a power cut.
        File::open(&self.options.dir)
            .and_then(|dir| dir.sync_all())
            .map_err(|error| named(&path, &error))?;
        Ok(Open { path, file, bytes: 0, since: now })
    }
}

/// A segment in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its file.
    pub path: PathBuf,
    /// The start of the process that wrote it.
    pub boot: String,
    /// The number of its first record.
    pub first: u64,
    /// Its size.
    pub bytes: u64,
}

impl Segment {
    /// What the name of a file says, where it is one of a segment.
    #[must_use]
    pub fn named(path: &Path) -> Option<(String, u64)> {
        if path.extension()? != EXTENSION {
            return None;
        }
        let (boot, first) = path.file_stem()?.to_str()?.rsplit_once('-')?;
        let is_number = first.len() == 20 && first.bytes().all(|byte| byte.is_ascii_digit());
        Some((boot.to_owned(), first.parse().ok().filter(|_| is_number)?))
    }
}

/// The segments in a folder, in the order in which they were written.
///
/// # Errors
/// Where the folder cannot be read.
pub fn segments(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| named(dir, &error))? {
        let path = entry.map_err(|error| named(dir, &error))?.path();
        let Some((boot, first)) = Segment::named(&path) else { continue };
        // It may be gone by now: others remove what they have sent on.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        segments.push(Segment { path, boot, first, bytes: metadata.len() });
    }
    segments.sort_by(|left, right| (&left.boot, left.first).cmp(&(&right.boot, right.first)));
    Ok(segments)
}

/// Whole lines of a segment from byte `from` on, at most `max_bytes` of them but at least one if there is one, and the
/// byte behind them.
///
/// # Errors
/// Where the file cannot be read.
pub fn read_lines(path: &Path, from: u64, max_bytes: u64) -> io::Result<(Vec<u8>, u64)> {
    let mut file = File::open(path).map_err(|error| named(path, &error))?;
    file.seek(SeekFrom::Start(from)).map_err(|error| named(path, &error))?;
    let mut reader = BufReader::new(file);
    let mut lines = Vec::new();
    loop {
        let before = lines.len();
        let read = reader.read_until(b'\n', &mut lines).map_err(|error| named(path, &error))?;
        if read == 0 || lines.last() != Some(&b'\n') {
            lines.truncate(before);
            break;
        }
        if lines.len() as u64 >= max_bytes {
            break;
        }
    }
    let end = from + lines.len() as u64;
    Ok((lines, end))
}

/// The chain and head of the last whole line of a segment.
fn last_head(path: &Path) -> io::Result<Option<(ChainId, Head)>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|error| named(path, &error))?;
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return Ok(None) };
    let whole = bytes.get(..end).unwrap_or_default();
    let start = whole.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = String::from_utf8_lossy(whole.get(start..).unwrap_or_default());
    Ok(Entry::read(&line).ok().map(|entry| (entry.chain, entry.head)))
}

/// Says in an error which file it is about.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
