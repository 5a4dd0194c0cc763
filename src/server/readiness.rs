//! Readiness by conditions: ready when every one of them has been met, until shutdown begins.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Whether requests should be sent here.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    conditions: Mutex<Vec<(&'static str, bool)>>,
    stopping: AtomicBool,
}

/// One thing that must happen before the process is ready. Dropped without [`Condition::met`], for
/// instance by a task that died, it keeps the process unready.
#[derive(Debug)]
#[must_use = "a condition that is never met keeps the process unready"]
pub struct Condition {
    readiness: Readiness,
    index: usize,
}

impl Readiness {
    /// Adds a condition, not met yet.
    pub fn condition(&self, name: &'static str) -> Condition {
        let mut conditions = self.0.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        conditions.push((name, false));
        Condition { readiness: self.clone(), index: conditions.len() - 1 }
    }

    /// Whether all conditions are met and shutdown has not begun.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_stopping() && self.conditions().iter().all(|(_, met)| *met)
    }

    /// The conditions, in the order in which they were added.
    #[must_use]
    pub fn conditions(&self) -> Vec<(&'static str, bool)> {
        self.0.conditions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Turns readiness off for good.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether shutdown has begun.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Relaxed)
    }
}

impl Condition {
    /// Says that it has happened.
    pub fn met(self) {
        let mut conditions =
            self.readiness.0.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        conditions[self.index].1 = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_every_condition_is_met_and_not_after_stop() {
        let readiness = Readiness::default();
        let policies = readiness.condition("policies");
        let listening = readiness.condition("listening");
        policies.met();
        assert!(!readiness.is_ready());
        listening.met();
        assert!(readiness.is_ready());
        readiness.stop();
        assert!(!readiness.is_ready());
    }

    #[test]
    fn a_dropped_condition_is_not_a_met_one() {
        let readiness = Readiness::default();
        drop(readiness.condition("policies"));
        assert!(!readiness.is_ready());
    }
}
