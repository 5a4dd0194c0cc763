//! Match, evaluate, except, decide.

use std::sync::Arc;

use jiff::Timestamp;

use super::decision::{Decision, Outcome, Settled, Violation};
use super::ending;
use super::expressions::{self, Conditions, Expressions, Inputs, OfPolicy};
use super::fix;
use super::namespace;
use super::owner::Owner;
use super::pod_security;
use super::target::{self, Target};
use crate::admission::Attributes;
use crate::pod::{PodView, Subject};
use crate::policy::{
    CompiledException, CompiledPolicy, CompiledRule, Enforcement, MatchInput, PolicySet, Question,
};
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

/// Told where `userNamespace` is broken in a cluster that cannot keep it.
const NO_USER_NAMESPACES: &str = "no node of this cluster offers user namespaces: a pod that asks for one would not run; \
     see status.runtimeHandlers of the nodes, or except the rule";

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
    let decision = Decision::silent(set, identity);
    let mut not_judged = None;
    let mut faults = Vec::new();
    let judge = Judge { set, attributes, scope, now, expressions: None, asks_own: true };
    let mut violations = match target::find(attributes, set.has_expressions()) {
        Target::Nothing(reason) => {
            not_judged = Some(reason);
            Vec::new()
        }
        // What cannot be read cannot be judged. It is refused, and only by rules that may refuse.
        Target::Unreadable(error) => {
            let outcome = if scope == Scope::Observe { Outcome::Allowed } else { Outcome::Denied };
            return Decision { outcome, failure: Some(error), ..decision };
        }
        Target::Whole(pod) => {
            let inputs = Inputs::new(set, attributes, &pod);
            let expressions = inputs.as_ref().map(Expressions::new);
            let judge = Judge { expressions: expressions.as_ref(), ..judge };
            let mut violations = judge.violations(&pod, |_, _| true);
            fix::settle(&judge, &pod, &mut violations);
            faults = expressions.as_ref().map(Expressions::take_faults).unwrap_or_default();
            violations
        }
        // A rule in CEL is about pods and what makes them; only the conditions of a policy are asked of a Binding.
        Target::Metadata(pod) => {
            let inputs = Inputs::new(set, attributes, &pod);
            let expressions = inputs.as_ref().map(Expressions::new);
            let judge = Judge { expressions: expressions.as_ref(), asks_own: false, ..judge };
            judge.violations(&pod, |_, finding| finding.path.subject() == &Subject::Metadata)
        }
        Target::Added(new, old) => {
            let inputs = Inputs::new(set, attributes, &new);
            let inputs_before = Inputs::new(set, attributes, &old);
            let after = inputs.as_ref().map(Expressions::new);
            let before = inputs_before.as_ref().map(Expressions::before);
            let was = Judge { expressions: before.as_ref(), ..judge };
            let was = was.violations(&old, |rule, _| match &rule.question {
                Question::Own(own) => !own.judges_updates_whole,
                Question::BuiltIn(..) => true,
            });
            let judge = Judge { expressions: after.as_ref(), ..judge };
            let violations = judge.violations(&new, |rule, finding| {
                !was.iter().any(|was| was.rule == rule.id && was.finding == *finding)
            });
            faults = after.as_ref().map(Expressions::take_faults).unwrap_or_default();
            violations
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
    let owner = if outcome == Outcome::Denied { Owner::of(attributes) } else { None };
    let asks_in_vain = fix::no_user_namespaces(attributes)
        && violations.iter().any(|violation| fix::is_user_namespace(&violation.rule));
    let note = asks_in_vain.then_some(NO_USER_NAMESPACES);
    let ending = ending::find(set, &violations, now);
    Decision {
        outcome,
        violations,
        owner,
        ending,
        pod_security,
        note,
        not_judged,
        faults,
        ..decision
    }
}

/// Who asks what of whom.
#[derive(Clone, Copy)]
pub(super) struct Judge<'j, 'a> {
    pub(super) set: &'j PolicySet,
    pub(super) attributes: &'j Attributes<'a>,
    pub(super) scope: Scope,
    pub(super) now: Timestamp,
    /// What is asked in CEL, where anything is and there is an object to ask about.
    pub(super) expressions: Option<&'j Expressions<'j>>,
    /// Whether rules of policies' own are asked, and not only conditions.
    pub(super) asks_own: bool,
}

impl Judge<'_, '_> {
    /// Hands `take` every finding of every rule that is asked, with the exception that lets it pass.
    pub(super) fn findings(
        &self,
        pod: &PodView<'_>,
        mut take: impl FnMut(&CompiledPolicy, &CompiledRule, Finding, Option<&CompiledException>),
    ) {
        let input = MatchInput::new(self.attributes, pod);
        let mut findings = Vec::new();
        for policy in self.set.candidates(&input).filter(|policy| policy.matches(&input)) {
            let mut asked = policy.rules.iter().filter(|rule| self.scope.asks(rule.enforcement));
            let expressions = self.expressions.map(|expressions| expressions.of(policy));
            // A policy that asks nothing here need not be found to be about the object.
            let Some(first) = asked.next() else { continue };
            match expressions.as_ref().map_or(Conditions::Hold, OfPolicy::conditions) {
                Conditions::Hold => {}
                Conditions::DoNotHold => continue,
                Conditions::Fail(message) => {
                    take(policy, first, expressions::told(pod, message, "see the policy"), None);
                    continue;
                }
            }
            for rule in std::iter::once(first).chain(asked) {
                match (&rule.question, &expressions) {
                    (Question::BuiltIn(_, check), _) => check.check(pod, &mut findings),
                    (Question::Own(own), Some(expressions)) if self.asks_own => {
                        findings.extend(expressions.find(&rule.id, own, pod));
                    }
                    (Question::Own(_), _) => {}
                }
                for finding in findings.drain(..) {
                    let container = finding.path.container();
                    let exception = self.set.exceptions().iter().find(|exception| {
                        exception.covers(&policy.name, &rule.id, &input, container, self.now)
                    });
                    take(policy, rule, finding, exception);
                }
            }
        }
    }

    pub(super) fn violations(
        &self,
        pod: &PodView<'_>,
        counts: impl Fn(&CompiledRule, &Finding) -> bool,
    ) -> Vec<Violation> {
        let mut violations = Vec::new();
        self.findings(pod, |policy, rule, finding, exception| {
            if counts(rule, &finding) {
                violations.push(Violation {
                    policy: Arc::clone(&policy.name),
                    rule: rule.id.clone(),
                    enforcement: rule.enforcement,
                    standard: None,
                    settled: exception.map(|e| Settled::Exception(e.name.clone())),
                    finding,
                });
            }
        });
        violations
    }
}
