//! Exceptions that end soon and that a request leans on: who sends it should hear of it before it is refused.

use jiff::Timestamp;

use super::decision::Violation;
use crate::policy::{Enforcement, Life, PolicySet};
use crate::rules::RuleId;

/// An exception without which the request would be refused, and that ends within
/// [`NOTICE`](crate::policy::NOTICE).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Its name.
    pub exception: String,
    /// Who answers for it.
    pub owner: String,
    /// From when on it covers nothing.
    pub expires: Timestamp,
    /// The rules that refuse from then on.
    pub rules: Vec<RuleId>,
}

/// The exceptions that `violations` are settled by and that end soon, by name.
pub(super) fn find(set: &PolicySet, violations: &[Violation], now: Timestamp) -> Vec<Ending> {
    let ends = set.exceptions().iter().filter(|exception| exception.life(now) == Life::Expiring);
    let ending = ends.map(|exception| {
        let mut rules: Vec<RuleId> = violations
            .iter()
            .filter(|violation| violation.enforcement == Enforcement::Deny)
            .filter(|violation| violation.exception() == Some(&exception.name))
            .map(|violation| violation.rule.clone())
            .collect();
        rules.sort_unstable();
        rules.dedup();
        Ending {
            exception: exception.name.clone(),
            owner: exception.owner.clone(),
            expires: exception.expires,
            rules,
        }
    });
    ending.filter(|ending| !ending.rules.is_empty()).collect()
}
