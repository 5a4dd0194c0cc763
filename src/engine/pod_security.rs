//! Pod Security Admission as the labels of the namespace ask for it: the same requests, in the same order
//! of questions, with the same words. `docs/pod-security-admission.md` lists what differs.

use jiff::Timestamp;

use super::decide::Scope;
use super::decision::{PodSecurity, Settled, Violation};
use super::target::{PODLESS_SUBRESOURCES, is_significant};
use crate::admission::{Attributes, Operation};
use crate::pod::{Kind, PodView};
use crate::policy::namespace_labels::{self, LabelError, Modes};
use crate::policy::standard::{Failure, LevelVersion, long_form};
use crate::policy::{self, CompiledPolicy, Enforcement, MatchInput, PolicySet};
use crate::rules::Finding;

/// What the labels ask of this request and find in it, for each policy that reads them.
pub(super) fn judge(
    set: &PolicySet,
    attributes: &Attributes<'_>,
    scope: Scope,
    now: Timestamp,
) -> Vec<(PodSecurity, Vec<Violation>)> {
    let Some(subject) = Subject::of(attributes) else { return Vec::new() };
    // A workload is never refused for the labels of its namespace.
    if scope == Scope::Deny && !subject.is_pod {
        return Vec::new();
    }
    let input = MatchInput::new(attributes, &subject.new);
    set.labelled(&input)
        .filter_map(|(policy, config)| {
            Judge { set, scope, now, policy, config, input, subject: &subject }.judge()
        })
        .collect()
}

/// The pod that a request is about.
struct Subject<'v> {
    new: PodView<'v>,
    /// The pod before an update.
    old: Option<PodView<'v>>,
    /// Whether it is a pod itself, not a workload's template.
    is_pod: bool,
    /// Whether there is no pod: a `ReplicationController` may have no template. It is exempt all the same.
    is_absent: bool,
}

impl<'v> Subject<'v> {
    fn of(attributes: &'v Attributes<'_>) -> Option<Self> {
        let kind = attributes.pod_kind()?;
        let is_pod = kind == Kind::Pod;
        let subresource = &*attributes.subresource;
        let ignored = if is_pod {
            PODLESS_SUBRESOURCES.contains(&subresource) || subresource == "binding"
        } else {
            !subresource.is_empty()
        };
        // What cannot be read is refused before any policy is asked.
        if ignored || attributes.unreadable.is_some() {
            return None;
        }
        let old = match attributes.operation {
            Operation::Create => None,
            Operation::Update => attributes.old_object.as_ref().and_then(|old| old.pod(kind)),
            Operation::Delete | Operation::Connect => return None,
        };
        let object = attributes.object.as_ref()?;
        let template = object.pod(kind);
        let is_absent = template.is_none();
        Some(Self {
            new: template.unwrap_or_else(|| object.metadata_view()),
            old,
            is_pod,
            is_absent,
        })
    }
}

struct Judge<'j> {
    set: &'j PolicySet,
    scope: Scope,
    now: Timestamp,
    policy: &'j CompiledPolicy,
    config: &'j policy::PodSecurity,
    input: MatchInput<'j>,
    subject: &'j Subject<'j>,
}

impl Judge<'_> {
    /// Upstream's questions in upstream's order; `None` where it would not even annotate.
    fn judge(&self) -> Option<(PodSecurity, Vec<Violation>)> {
        let exemptions = &self.config.exemptions;
        if listed(&exemptions.namespaces, self.input.namespace) {
            return Some(self.exempt("namespace"));
        }
        if listed(&exemptions.usernames, self.input.username) {
            return Some(self.exempt("user"));
        }
        let (modes, error) = self.modes();
        let Modes { enforce, audit, warn } = modes;
        if error.is_none() && audit.is_privileged() && warn.is_privileged() {
            if !self.subject.is_pod {
                return None;
            }
            if enforce.is_privileged() {
                let mut told = self.told();
                self.annotate_enforced(&mut told, LevelVersion::PRIVILEGED);
                return Some((told, Vec::new()));
            }
        }
        let Subject { new, old, is_pod, is_absent } = self.subject;
        if *is_absent || *is_pod && old.as_ref().is_some_and(|old| !is_significant(new, old)) {
            return None;
        }
        let class = new.spec().runtime_class_name.as_deref().unwrap_or_default();
        if listed(&exemptions.runtime_classes, class) {
            return Some(self.exempt("runtimeClass"));
        }
        Some(self.evaluate(&modes, error))
    }

    /// What the labels ask for, and what is wrong with them.
    fn modes(&self) -> (Modes, Option<String>) {
        let Some(labels) = self.input.namespace_labels else {
            // Not knowing them must let nothing pass that they might refuse, and warn of nothing besides.
            let modes = Modes { enforce: LevelVersion::RESTRICTED, ..Modes::default() };
            let namespace = self.input.namespace;
            let error =
                format!("failed to lookup namespace {namespace:?}: its labels are not known here");
            return (modes, Some(error));
        };
        let (modes, errors) = namespace_labels::resolve(labels, &self.config.defaults);
        (modes, parse_error(&errors))
    }

    fn evaluate(&self, modes: &Modes, error: Option<String>) -> (PodSecurity, Vec<Violation>) {
        let mut told =
            PodSecurity { labels_known: self.input.namespace_labels.is_some(), ..self.told() };
        let mut violations = Vec::new();
        told.annotations.extend(error.map(|error| ("error", error)));
        let mut evaluations = Evaluations { judge: self, done: Vec::new() };
        let mut refused = false;
        if self.subject.is_pod {
            self.annotate_enforced(&mut told, modes.enforce);
            let enforce = evaluations.of(modes.enforce);
            refused = !enforce.text.is_empty();
            if self.scope.asks(Enforcement::Deny) {
                told.refusal = enforce.sentence("violates");
                violations.extend(enforce.violations(self.policy, Enforcement::Deny));
            }
        }
        if self.scope.asks(Enforcement::Audit) {
            let audit = evaluations.of(modes.audit);
            told.annotations.extend(audit.sentence(WOULD).map(|text| ("audit-violations", text)));
            violations.extend(audit.violations(self.policy, Enforcement::Audit));
        }
        // Who reads a refusal needs no warning of the same.
        if self.scope.asks(Enforcement::Warn) && !refused {
            let warn = evaluations.of(modes.warn);
            told.warning = warn.sentence(WOULD);
            violations.extend(warn.violations(self.policy, Enforcement::Warn));
        }
        (told, violations)
    }

    fn told(&self) -> PodSecurity {
        PodSecurity::silent(&self.policy.name)
    }

    fn exempt(&self, by: &str) -> (PodSecurity, Vec<Violation>) {
        let mut told = self.told();
        told.annotations.push(("exempt", by.to_owned()));
        (told, Vec::new())
    }

    fn annotate_enforced(&self, told: &mut PodSecurity, enforce: LevelVersion) {
        if self.scope.asks(Enforcement::Deny) {
            told.annotations.push(("enforce-policy", enforce.to_string()));
        }
    }
}

const WOULD: &str = "would violate";

/// Whether `name` is there and listed.
fn listed(names: &[String], name: &str) -> bool {
    !name.is_empty() && names.iter().any(|listed| listed == name)
}

fn parse_error(errors: &[LabelError]) -> Option<String> {
    let sentence = namespace_labels::sentence(errors);
    (!errors.is_empty()).then(|| format!("Failed to parse policy: {sentence}"))
}

/// The standards asked so far: modes often name the same one.
struct Evaluations<'j> {
    judge: &'j Judge<'j>,
    done: Vec<Evaluation>,
}

impl Evaluations<'_> {
    fn of(&mut self, standard: LevelVersion) -> &Evaluation {
        let place = self.done.iter().position(|done| done.standard == standard);
        let place = place.unwrap_or_else(|| {
            self.done.push(self.judge.ask(standard));
            self.done.len() - 1
        });
        &self.done[place]
    }
}

/// One standard, asked of the pod.
struct Evaluation {
    standard: LevelVersion,
    /// What breaks it: the rule, where, and the exception that lets it pass.
    found: Vec<(&'static str, Finding, Option<String>)>,
    /// Upstream's words for what no exception covers; empty where that is nothing.
    text: String,
}

impl Judge<'_> {
    fn ask(&self, standard: LevelVersion) -> Evaluation {
        let mut found = Vec::new();
        let mut failures = Vec::new();
        let mut findings = Vec::new();
        for active in standard.checks() {
            active.check.check(self.input.pod, &mut findings);
            let id = active.rule.id;
            let mut standing = Vec::new();
            for finding in findings.drain(..) {
                let exception = self.set.exceptions().iter().find(|exception| {
                    let container = finding.path.container();
                    exception.covers(&self.policy.name, id, &self.input, container, self.now)
                });
                if exception.is_none() {
                    standing.push(finding.clone());
                }
                found.push((id, finding, exception.map(|exception| exception.name.clone())));
            }
            if let Some(check) = &active.rule.pod_security
                && !standing.is_empty()
            {
                let (reason, detail) = (check.explain)(&standing);
                failures.push(Failure { reason, detail });
            }
        }
        Evaluation { standard, found, text: long_form(&failures) }
    }
}

impl Evaluation {
    /// `violates PodSecurity "baseline:latest": …`, where it is violated.
    fn sentence(&self, violates: &str) -> Option<String> {
        let Self { standard, text, .. } = self;
        (!text.is_empty()).then(|| format!("{violates} PodSecurity \"{standard}\": {text}"))
    }

    fn violations<'e>(
        &'e self,
        policy: &'e CompiledPolicy,
        enforcement: Enforcement,
    ) -> impl Iterator<Item = Violation> + use<'e> {
        self.found.iter().map(move |(rule, finding, exception)| Violation {
            policy: policy.name.clone(),
            rule: (*rule).into(),
            enforcement,
            standard: Some(self.standard),
            finding: finding.clone(),
            settled: exception.clone().map(Settled::Exception),
        })
    }
}
