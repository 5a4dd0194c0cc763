//! What waits between those who record and the one who writes.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Bytes that may wait; past it, records are lost and counted.
const WAITING_BYTES: usize = 8 * 1024 * 1024;
/// What a batch keeps of its memory once a storm is over.
const KEPT_BYTES: usize = 256 * 1024;

/// A place in the queue: 1 for the first record of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// Bodies of records that wait for their number.
///
/// They are copied into one buffer, which the writer swaps for the one that it has written: a record that is freed
/// where it was made costs the allocator no lock.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Those that found no room after these.
    pub(super) lost: Option<Lost>,
    /// The ticket of the last one.
    pub(super) last: u64,
    /// No more will come.
    pub(super) closed: bool,
}

/// Records that found no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost {
    /// How many.
    pub(super) count: u64,
    /// When the first was lost.
    pub(super) since: Timestamp,
}

impl Batch {
    /// The bodies, in order.
    pub(super) fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }

    /// How many bodies there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.ends.clear();
        self.lost = None;
    }
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Batch>,
    changed: Condvar,
}

impl Queue {
    /// Queues a body. `None` where there is no room for it; it is counted as lost.
    pub(super) fn push(&self, body: &[u8], now: impl FnOnce() -> Timestamp) -> Option<Ticket> {
        let mut waiting = self.lock();
        // Those that are lost are told of behind those that were not: nothing may be queued after them before that.
        if waiting.closed
            || waiting.lost.is_some()
            || waiting.bytes.len() + body.len() > WAITING_BYTES
        {
            let lost = waiting.lost.get_or_insert_with(|| Lost { count: 0, since: now() });
            lost.count += 1;
            return None;
        }
        let first = waiting.ends.is_empty();
        waiting.bytes.extend_from_slice(body);
        let end = waiting.bytes.len();
        waiting.ends.push(end);
        waiting.last += 1;
        let ticket = Ticket(waiting.last);
        drop(waiting);
        if first {
            self.changed.notify_one();
        }
        Some(ticket)
    }

    /// Ends the queue.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Waits for bodies, at most for `patience`, and swaps them for what `batch` held.
    pub(super) fn take(&self, batch: &mut Batch, patience: Duration) {
        batch.clear();
        let idle = |waiting: &mut Batch| waiting.ends.is_empty() && !waiting.closed;
        let waiting = self.changed.wait_timeout_while(self.lock(), patience, idle);
        let (mut waiting, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        let (last, closed) = (waiting.last, waiting.closed);
        mem::swap(&mut *waiting, batch);
        (waiting.last, waiting.closed) = (last, closed);
    }

    fn lock(&self) -> MutexGuard<'_, Batch> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn bodies_come_out_in_order_and_tickets_count_on() {
        let (queue, mut batch) = (Queue::default(), Batch::default());
        assert_eq!(queue.push(b"one", || NOW), Some(Ticket(1)));
        assert_eq!(queue.push(b"two", || NOW), Some(Ticket(2)));
        queue.take(&mut batch, Duration::ZERO);
        assert_eq!(batch.bodies().collect::<Vec<_>>(), [b"one", b"two"]);
        assert_eq!((batch.last, batch.closed), (2, false));
        assert_eq!(queue.push(b"three", || NOW), Some(Ticket(3)));
        queue.close();
        queue.take(&mut batch, Duration::ZERO);
        assert_eq!(batch.bodies().collect::<Vec<_>>(), [b"three"]);
        assert_eq!((batch.last, batch.closed), (3, true));
        queue.take(&mut batch, Duration::ZERO);
        assert_eq!((batch.len(), batch.last), (0, 3));
    }

    #[test]
    fn what_finds_no_room_is_counted_and_nothing_overtakes_it() {
        let (queue, mut batch) = (Queue::default(), Batch::default());
        let large = vec![b'x'; 1024 * 1024];
        let kept = (0..20).filter(|_| queue.push(&large, || NOW).is_some()).count();
        assert_eq!(kept, 8);
        assert_eq!(queue.push(b"small", || NOW), None);
        queue.take(&mut batch, Duration::ZERO);
        assert_eq!(batch.lost, Some(Lost { count: 13, since: NOW }));
        assert_eq!(queue.push(b"small", || NOW), Some(Ticket(9)));
    }
}
