//! Policies: documents in, an immutable set out.

pub mod standard;

use crate::pod::{PodView, Text};
use crate::rules::{Check, Rule};

/// What a violation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enforcement {
    /// The request is refused.
    Deny,
    /// The sender is warned.
    Warn,
    /// It is recorded.
    Audit,
}

impl Enforcement {
    /// The word in policies, records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "Deny",
            Self::Warn => "Warn",
            Self::Audit => "Audit",
        }
    }
}

/// What a policy matches against.
#[derive(Debug, Clone, Copy)]
pub struct MatchInput<'v> {
    /// Namespace.
    pub namespace: &'v str,
    /// Labels of the namespace; unknown is in scope.
    pub namespace_labels: Option<&'v [(String, String)]>,
    /// The pod.
    pub pod: &'v PodView<'v>,
    /// User name.
    pub username: &'v str,
    /// Groups.
    pub groups: &'v [Text<'v>],
}

/// The policies in force.
#[derive(Debug, Default)]
pub struct PolicySet {
    policies: Vec<CompiledPolicy>,
    exceptions: Vec<CompiledException>,
    digest: String,
}

impl PolicySet {
    /// Digest.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
    /// Exceptions.
    #[must_use]
    pub fn exceptions(&self) -> &[CompiledException] {
        &self.exceptions
    }
    /// Candidates.
    pub fn candidates(&self, _: &MatchInput<'_>) -> impl Iterator<Item = &CompiledPolicy> {
        self.policies.iter()
    }
}

/// A policy.
#[derive(Debug)]
pub struct CompiledPolicy {
    /// Name.
    pub name: String,
    /// Rules.
    pub rules: Vec<CompiledRule>,
}

impl CompiledPolicy {
    /// Whether it applies.
    #[must_use]
    pub fn matches(&self, _: &MatchInput<'_>) -> bool {
        true
    }
}

/// A rule of a policy.
#[derive(Debug)]
pub struct CompiledRule {
    /// Id.
    pub id: &'static str,
    /// Enforcement.
    pub enforcement: Enforcement,
    /// Check.
    pub check: Box<dyn Check>,
    /// Rule.
    pub rule: &'static Rule,
}

/// An exception.
#[derive(Debug)]
pub struct CompiledException {
    /// Name.
    pub name: String,
}

impl CompiledException {
    /// Whether it covers.
    #[must_use]
    pub fn covers(&self, _: &str, _: &str, _: &MatchInput<'_>, _: Option<&str>, _: jiff::Timestamp) -> bool {
        false
    }
}
