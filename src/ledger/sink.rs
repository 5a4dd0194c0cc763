//! A sink of lines that never holds up an answer.

use std::io::Write;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Bytes that may wait to be written, beside as many that are being written; past it, lines are lost and
/// counted.
const WAITING_BYTES: usize = 8 * 1024 * 1024;
/// How long a line may wait for others to be written with.
const LINGER: Duration = Duration::from_millis(1);
/// What the buffer keeps of its memory once a storm is over.
const KEPT_BYTES: usize = 256 * 1024;

/// Writes lines on a thread of its own. Dropped, it writes what waits first.
#[derive(Debug)]
pub(super) struct LineSink {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// Lines are copied into one buffer, which the writer swaps for the one that it has written: a line that
/// is freed where it was made costs the allocator no lock, and a storm of denials wakes the writer once
/// a linger and not once a line.
#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    closed: bool,
    /// Nobody reads any more.
    broken: bool,
}

impl LineSink {
    /// Starts a sink that writes to `out`.
    ///
    /// # Errors
    /// Where the thread cannot be started.
    pub(super) fn start(out: impl Write + Send + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_writer = Arc::clone(&shared);
        let writer = thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || of_writer.write_lines(out))?;
        Ok(Self { shared, writer: Some(writer) })
    }

    /// Hands over whole lines. False where they are lost: too much waits because nobody reads, or the reader is
    /// gone.
    #[must_use]
    pub(super) fn append(&self, lines: &[u8]) -> bool {
        let mut waiting = self.shared.lock();
        if waiting.broken || waiting.lines.len() + lines.len() > WAITING_BYTES {
            return false;
        }
        let first = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(lines);
        drop(waiting);
        if first {
            self.shared.changed.notify_one();
        }
        true
    }

    fn stop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has nothing left to write.
            let _ = writer.join();
        }
    }
}

impl Drop for LineSink {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_lines(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            if out.write_all(&batch).and_then(|()| out.flush()).is_err() {
                *self.lock() = Waiting { broken: true, ..Waiting::default() };
                return;
            }
            batch.clear();
            batch.shrink_to(KEPT_BYTES);
        }
    }

    /// Waits for lines and swaps them for the empty `batch`; false where no more will come.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let idle = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.closed;
        let waiting = self.changed.wait_while(self.lock(), idle);
        let closed = waiting.unwrap_or_else(PoisonError::into_inner).closed;
        if !closed {
            thread::sleep(LINGER);
        }
        mem::swap(&mut self.lock().lines, batch);
        !batch.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_written_before_close_returns() {
        let out = Shared::default();
        let sink = LineSink::start(out.clone()).unwrap();
        for n in 0..1000 {
            assert!(sink.append(format!("line {n}\n").as_bytes()));
        }
        drop(sink);
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<String> = (0..1000).map(|n| format!("line {n}")).collect();
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    }

    /// A reader that never reads: writing waits until the test lets go.
    struct Stalled(std::sync::mpsc::Receiver<()>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_waits_for_a_stalled_reader_is_bounded_in_bytes() {
        let (release, stalled) = std::sync::mpsc::channel();
        let sink = LineSink::start(Stalled(stalled)).unwrap();
        let line = vec![b'x'; 1024 * 1024];
        let kept = (0..64).filter(|_| sink.append(&line)).count();
        // Eight wait, and the writer may have taken as many before it stalled.
        assert!((8..=16).contains(&kept), "{kept}");
        drop(release);
        drop(sink);
    }

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_gone_is_told_to_the_caller() {
        let sink = LineSink::start(Broken).unwrap();
        while sink.append(b"line\n") {
            thread::yield_now();
        }
        assert!(sink.shared.lock().broken, "it was refused for want of room");
    }
}
