//! What every rule's file declares.

use std::collections::BTreeMap;
use std::fmt;

use super::finding::Finding;
use crate::pod::PodView;

/// A built-in rule: its text for people, its parameters, and how to make its check.
#[derive(Debug)]
pub struct Rule {
    /// Name in policies: Pod Security's own check id where there is one.
    pub id: &'static str,
    /// One line: what must hold.
    pub title: &'static str,
    /// Field paths under the pod that the rule reads.
    pub reads: &'static [&'static str],
    /// What it allows, in sentences.
    pub allows: &'static str,
    /// Why it matters: what an attacker gains where it is broken.
    pub why: &'static str,
    /// How to make a workload comply.
    pub fix: &'static str,
    /// What Podgate fills in by itself, and how safe that is; or why nothing.
    pub fills: &'static str,
    /// Published controls that the rule answers.
    pub controls: &'static [Control],
    /// Parameters that a policy may give.
    pub parameters: &'static [Parameter],
    /// Makes the check from a policy's arguments, which were validated against `parameters`.
    pub build: fn(&Arguments) -> Box<dyn Check>,
    /// Pod Security's check of the same id, where there is one.
    pub pod_security: Option<PodSecurityCheck>,
}

/// The text of rules that only break where somebody wrote something.
pub(super) const FILLS_NOTHING: &str =
    "Nothing: what breaks the rule was written by somebody, and Podgate never overwrites.";

/// A rule with its arguments filled in. Pure.
pub trait Check: Send + Sync + fmt::Debug {
    /// Adds one finding for every field of `pod` that breaks the rule, in field order: the pod's own
    /// fields first, then containers as [`PodView::containers`] gives them.
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>);
}

/// One of Pod Security's checks.
#[derive(Debug)]
pub struct PodSecurityCheck {
    /// The level that it belongs to.
    pub level: PodSecurityLevel,
    /// The minor versions (of Kubernetes 1.x) from which each revision holds, ascending.
    pub revisions: &'static [u16],
    /// For a `Restricted` check, the `Baseline` check that it replaces where both are active.
    pub replaces: Option<&'static str>,
    /// Makes the check as it stood at the revision of this minor version (one of `revisions`).
    pub build: fn(u16) -> Box<dyn Check>,
    /// Pod Security Admission's own words for findings of this check, at least one: a short reason and
    /// a detail that may be empty.
    pub explain: fn(&[Finding]) -> (String, String),
}

/// A level of the Pod Security Standards that has checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodSecurityLevel {
    /// Prevents known privilege escalations.
    Baseline,
    /// Current hardening practice.
    Restricted,
}

/// A published control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// Who published it.
    pub framework: Framework,
    /// Its number there.
    pub id: &'static str,
    /// Its title there, shortened.
    pub title: &'static str,
}

/// A catalogue of controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Framework {
    /// CIS Kubernetes Benchmark, section 5 (policies).
    Cis,
    /// NSA/CISA Kubernetes Hardening Guide.
    NsaCisa,
    /// NIST SP 800-190, Application Container Security Guide.
    Nist800190,
    /// MITRE ATT&CK for Containers.
    MitreAttack,
}

/// A parameter of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Name in the policy.
    pub name: &'static str,
    /// What it takes.
    pub shape: Shape,
    /// What it does, and its default.
    pub doc: &'static str,
}

/// The parameter of rules that Pod Security relaxes inside a user namespace.
pub(super) const INSIDE_USER_NAMESPACE: Parameter = Parameter {
    name: "insideUserNamespace",
    shape: Shape::OneOf(&["Allow", "Deny"]),
    doc: "Whether pods with `hostUsers: false` may break the rule, as Pod Security lets them since v1.35. \
          Default `Deny`: nothing proves that the node honours `hostUsers`.",
};

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of strings.
    Texts,
    /// A list of patterns, as [`super::glob`] reads them.
    Globs,
    /// A list of these words.
    SomeOf(&'static [&'static str]),
}

/// An argument's value, of the shape that its parameter declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// For [`Shape::Bool`].
    Bool(bool),
    /// For [`Shape::OneOf`].
    Text(String),
    /// For [`Shape::Texts`], [`Shape::Globs`] and [`Shape::SomeOf`].
    Texts(Vec<String>),
}

/// The arguments that a policy gives a rule, by parameter name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments(pub BTreeMap<String, Value>);

impl Arguments {
    /// The argument `name`, where it was given as a word.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The argument `name`, where it was given as a list.
    #[must_use]
    pub fn texts(&self, name: &str) -> Option<&[String]> {
        match self.0.get(name)? {
            Value::Texts(texts) => Some(texts),
            _ => None,
        }
    }

    /// Whether the argument `name` was given as `true`.
    #[must_use]
    pub fn is_true(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Value::Bool(true)))
    }

    /// Whether [`INSIDE_USER_NAMESPACE`] was given as `Allow`.
    pub(super) fn allows_inside_user_namespace(&self) -> bool {
        self.text(INSIDE_USER_NAMESPACE.name) == Some("Allow")
    }
}
