//! A sink of lines that never holds up an answer.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// Lines that may wait to be written; past it, lines are lost and counted.
const QUEUE: usize = 16 * 1024;
/// Bytes that may wait: lines differ in length, and a hostile pod makes a long one.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;
/// Bytes that are written at a time.
const BATCH_BYTES: usize = 64 * 1024;

/// Writes lines on a thread of its own.
#[derive(Debug)]
pub struct LineSink {
    queue: Option<SyncSender<String>>,
    waiting: Arc<AtomicUsize>,
    writer: Option<JoinHandle<()>>,
}

impl LineSink {
    /// Starts a sink that writes to `out`.
    ///
    /// # Errors
    /// Where the thread cannot be started.
    pub fn start(out: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (queue, lines) = sync_channel(QUEUE);
        let waiting = Arc::new(AtomicUsize::new(0));
        let written = Arc::clone(&waiting);
        let writer = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || write_lines(&lines, &written, out))?;
        Ok(Self { queue: Some(queue), waiting, writer: Some(writer) })
    }

    /// Hands over one line, without its newline. False where the line is lost: the queue is full because
    /// nobody reads, or the reader is gone.
    #[must_use]
    pub fn append(&self, line: String) -> bool {
        let bytes = line.len();
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= QUEUE_BYTES {
            match self.queue.as_ref().map(|queue| queue.try_send(line)) {
                Some(Ok(())) => return true,
                None | Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) => {}
            }
        }
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        false
    }

    /// Writes what waits, then stops.
    pub fn close(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.queue = None;
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

fn write_lines(lines: &Receiver<String>, waiting: &AtomicUsize, mut out: impl Write) {
    while let Ok(first) = lines.recv() {
        waiting.fetch_sub(first.len(), Ordering::Relaxed);
        let mut batch = first;
        batch.push('\n');
        // What else waits goes with it: one write and one flush.
        while batch.len() < BATCH_BYTES
            && let Ok(line) = lines.try_recv()
        {
            waiting.fetch_sub(line.len(), Ordering::Relaxed);
            batch.push_str(&line);
            batch.push('\n');
        }
        if out.write_all(batch.as_bytes()).and_then(|()| out.flush()).is_err() {
            return;
        }
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
            assert!(sink.append(format!("line {n}")));
        }
        sink.close();
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
        let kept = (0..64).filter(|_| sink.append("x".repeat(1024 * 1024))).count();
        // Eight wait, and the writer may have taken one or two before it stalled.
        assert!((8..=10).contains(&kept), "{kept}");
        drop(release);
        sink.close();
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
        assert!((0..QUEUE * 2).any(|_| !sink.append("line".to_owned())));
    }
}
