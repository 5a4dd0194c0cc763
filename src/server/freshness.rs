//! Whether what is watched elsewhere is still heard of. What was learnt stays in use, so a watch that is down
//! makes nobody unready; but it is told.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// The watches of this process.
#[derive(Debug, Clone, Default)]
pub struct Freshness(Arc<Mutex<Vec<Watched>>>);

/// The name of a watch, and since when it is stale, where it is.
type Watched = (&'static str, Option<Instant>);

/// One watch, as whoever runs it tells of it.
#[derive(Debug, Clone)]
pub struct Watch {
    freshness: Freshness,
    index: usize,
}

impl Freshness {
    /// Adds a watch. It is stale from now on, until it is told to be fresh.
    #[must_use]
    pub fn watch(&self, name: &'static str) -> Watch {
        let mut watches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watches.push((name, Some(Instant::now())));
        Watch { freshness: self.clone(), index: watches.len() - 1 }
    }

    /// The watches, and for how many seconds each has been stale: 0 where it is not.
    #[must_use]
    pub fn watches(&self) -> Vec<(&'static str, u64)> {
        let watches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = |since: Option<Instant>| since.map_or(0, |at| at.elapsed().as_secs().max(1));
        watches.iter().map(|(name, since)| (*name, seconds(*since))).collect()
    }
}

impl Watch {
    /// Says whether the watch is up.
    pub fn set(&self, fresh: bool) {
        let mut watches = self.freshness.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = &mut watches[self.index].1;
        *since = if fresh { None } else { since.or_else(|| Some(Instant::now())) };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn staleness_counts_from_the_first_failure_and_ends_with_the_next_success() {
        let freshness = Freshness::default();
        let watch = freshness.watch("namespaces");
        assert_eq!(freshness.watches(), [("namespaces", 1)], "nothing was heard yet");
        watch.set(true);
        assert_eq!(freshness.watches(), [("namespaces", 0)]);
        watch.set(false);
        tokio::time::advance(Duration::from_secs(30)).await;
        watch.set(false);
        tokio::time::advance(Duration::from_secs(12)).await;
        assert_eq!(freshness.watches(), [("namespaces", 42)]);
        watch.set(true);
        assert_eq!(freshness.watches(), [("namespaces", 0)]);
    }
}
