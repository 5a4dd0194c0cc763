//! The policy set in force: read by every request without a lock, replaced whole.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::time::Instant;

use crate::policy::{PolicySet, Source};

/// A policy set and how it came to be in force.
#[derive(Debug)]
pub struct InForce {
    /// The set.
    pub set: PolicySet,
    /// What it was compiled from.
    pub sources: Vec<Source>,
    /// Counted from 1 since the process started.
    pub generation: u64,
    /// When it was compiled.
    pub since: Instant,
}

/// Holds the set in force. There is always one: a store cannot be made without it, so no request is ever
/// let in by a process that has no policies yet.
#[derive(Debug)]
pub struct PolicyStore {
    current: ArcSwap<InForce>,
    problems: ArcSwap<Vec<String>>,
}

impl PolicyStore {
    /// Starts with `set` in force.
    #[must_use]
    pub fn new(set: PolicySet) -> Self {
        Self::with_sources(set, Vec::new())
    }

    /// Starts with `set` in force, which was compiled from `sources`.
    #[must_use]
    pub fn with_sources(set: PolicySet, sources: Vec<Source>) -> Self {
        let first = InForce { set, sources, generation: 1, since: Instant::now() };
        Self { current: ArcSwap::from_pointee(first), problems: ArcSwap::default() }
    }

    /// The set in force. Hold it for one request only.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<InForce>> {
        self.current.load()
    }

    /// Puts `set` in force and forgets what was wrong before. Only one task may call it.
    pub fn replace(&self, set: PolicySet, sources: Vec<Source>) -> u64 {
        let generation = self.load().generation + 1;
        let since = Instant::now();
        self.current.store(Arc::new(InForce { set, sources, generation, since }));
        self.problems.store(Arc::default());
        generation
    }

    /// Keeps the set in force, and remembers why the newer documents are not.
    pub fn keep(&self, problems: Vec<String>) {
        self.problems.store(Arc::new(problems));
    }

    /// What is wrong with documents that are newer than the set in force.
    #[must_use]
    pub fn problems(&self) -> Arc<Vec<String>> {
        self.problems.load_full()
    }
}
