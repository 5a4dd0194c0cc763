//! Exceptions: named rules that named workloads may break, for a reason, by an owner, until a day.

use jiff::Timestamp;

use super::matcher::{MatchInput, Matcher, Unknown};
use super::pattern::{Pattern, any};

/// An exception, ready to be asked.
#[derive(Debug)]
pub struct CompiledException {
    /// Name of the document.
    pub name: String,
    /// The policy whose rules may be broken.
    pub policy: String,
    /// Those rules.
    pub rules: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// From when on it covers nothing.
    pub expires: Timestamp,
    /// The file it stands in.
    pub source: String,
    /// Its line there.
    pub line: u32,
    pub(super) matcher: Matcher,
    pub(super) containers: Option<Vec<Pattern>>,
}

impl CompiledException {
    /// Whether `rule` of `policy` may be broken by this pod at `now`.
    ///
    /// `container` is the container whose field breaks the rule, `None` where the field is the pod's
    /// own. An exception for certain containers covers no field of the pod's own, unless it says
    /// `containers: ["*"]`.
    #[must_use]
    pub fn covers(
        &self,
        policy: &str,
        rule: &str,
        input: &MatchInput<'_>,
        container: Option<&str>,
        now: Timestamp,
    ) -> bool {
        now < self.expires
            && self.policy == policy
            && self.rules.iter().any(|name| name == rule)
            && self.covers_container(container)
            && self.matcher.matches(input, Unknown::DoesNotApply)
    }

    /// Whether it has ended at `now`.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires <= now
    }

    fn covers_container(&self, container: Option<&str>) -> bool {
        self.containers.as_ref().is_none_or(|patterns| match container {
            Some(name) => any(patterns, name),
            None => patterns.iter().any(|pattern| pattern.as_str() == "*"),
        })
    }
}
