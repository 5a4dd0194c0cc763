//! Match, evaluate, except, decide.

use std::sync::Arc;

use jiff::Timestamp;

use super::decision::{Decision, DecisionId, Outcome, Violation};
use super::namespace;
use super::pod_security;
use super::target::{self, Target};
use crate::admission::Attributes;
use crate::pod::{PodView, Subject};
use crate::policy::{Enforcement, MatchInput, PolicySet};
use crate::rules::Finding;

/// Which rules are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Rules that deny: `POST /validate`.
    Deny,
    /// Rules that warn or audit: `POST /observe`.
    Observe,
    /// All rules: `podgate check`.
    All,
}

impl Scope {
    pub(super) fn asks(self, enforcement: Enforcement) -> bool {
        match self {
            Self::Deny => enforcement == Enforcement::Deny,
            Self::Observe => enforcement != Enforcement::Deny,
            Self::All => true,
        }
    }
}

/// Judges one request against a policy set. `identity` is what the decision's id is made from: the
/// request's uid. `now` only decides which exceptions have ended.
#[must_use]
pub fn decide(
    set: &PolicySet,
    attributes: &Attributes<'_>,
    scope: Scope,
    identity: &str,
    now: Timestamp,
) -> Decision {
    let decision = Decision {
        id: DecisionId::new(identity),
        outcome: Outcome::Allowed,
        violations: Vec::new(),
        pod_security: Vec::new(),
        not_judged: None,
        failure: None,
        policy_set: set.digest().to_owned(),
    };
    let judge = Judge { set, attributes, scope, now };
    let mut not_judged = None;
    let mut violations = match target::find(attributes) {
        Target::Nothing(reason) => {
            not_judged = Some(reason);
            Vec::new()
        }
        // What cannot be read cannot be judged. It is refused, and only by rules that may refuse.
        Target::Unreadable(error) => {
            let outcome = if scope == Scope::Observe { Outcome::Allowed } else { Outcome::Denied };
            return Decision { outcome, failure: Some(error), ..decision };
        }
        Target::Whole(pod) => judge.violations(&pod, |_, _| true),
        Target::Metadata(pod) => {
            judge.violations(&pod, |_, finding| finding.path.subject() == &Subject::Metadata)
        }
        Target::Added(new, old) => {
            let before = judge.violations(&old, |_, _| true);
            judge.violations(&new, |rule, finding| {
                !before.iter().any(|b| b.rule == rule && b.finding == *finding)
            })
        }
    };
    let mut pod_security = Vec::new();
    let labelled = pod_security::judge(set, attributes, scope, now);
    for (told, found) in labelled.into_iter().chain(namespace::judge(set, attributes, scope)) {
        not_judged = None;
        pod_security.push(told);
        violations.extend(found);
    }
    // A policy may have rules of its own beside what labels ask for.
    violations.sort_by(|a, b| a.policy.cmp(&b.policy));
    let outcome = Outcome::of(&violations);
    Decision { outcome, violations, pod_security, not_judged, ..decision }
}

struct Judge<'j, 'a> {
    set: &'j PolicySet,
    attributes: &'j Attributes<'a>,
    scope: Scope,
    now: Timestamp,
}

impl Judge<'_, '_> {
    fn violations(
        &self,
        pod: &PodView<'_>,
        counts: impl Fn(&'static str, &Finding) -> bool,
    ) -> Vec<Violation> {
        let input = MatchInput::new(self.attributes, pod);
        let mut violations = Vec::new();
        let mut findings = Vec::new();
        for policy in self.set.candidates(&input).filter(|policy| policy.matches(&input)) {
            for rule in policy.rules.iter().filter(|rule| self.scope.asks(rule.enforcement)) {
                rule.check.check(pod, &mut findings);
                for finding in findings.drain(..).filter(|finding| counts(rule.id, finding)) {
                    let container = finding.path.container();
                    let exception = self.set.exceptions().iter().find(|exception| {
                        exception.covers(&policy.name, rule.id, &input, container, self.now)
                    });
                    violations.push(Violation {
                        policy: Arc::clone(&policy.name),
                        rule: rule.id,
                        enforcement: rule.enforcement,
                        standard: None,
                        exception: exception.map(|exception| exception.name.clone()),
                        finding,
                    });
                }
            }
        }
        violations
    }
}
