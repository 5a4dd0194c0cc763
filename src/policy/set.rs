//! The policies and exceptions in force together.

use std::fmt::Write as _;
use std::sync::Arc;

use super::admission_policy::Constraints;
use super::digest::sha256;
use super::exception::CompiledException;
use super::expression::{self, Condition, Expression, OnError};
use super::index::Index;
use super::matcher::{MatchInput, Matcher, Unknown};
use super::pod_security::PodSecurity;
use super::{Enforcement, Fix, FixIn};
use crate::cel::{Program, Root};
use crate::rules::{self, Check, Rule, RuleId};
use crate::yaml::{Node, Value};

/// An immutable set of policies and exceptions.
#[derive(Debug)]
pub struct PolicySet {
    policies: Vec<CompiledPolicy>,
    exceptions: Vec<CompiledException>,
    index: Index,
    digest: String,
    /// Whether any policy reads Pod Security's labels: most sets have none, and each review would ask.
    has_pod_security: bool,
    /// Whether any policy fills anything in, for the same reason.
    has_fixes: bool,
    /// Whether any policy says anything in CEL, and what that reads.
    has_expressions: bool,
    roots: Vec<Root>,
}

impl Default for PolicySet {
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new(), Vec::new())
    }
}

impl PolicySet {
    /// `documents` are the lines that the digest is made from, in any order.
    pub(super) fn new(
        mut policies: Vec<CompiledPolicy>,
        mut exceptions: Vec<CompiledException>,
        mut documents: Vec<String>,
    ) -> Self {
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        exceptions.sort_by(|a, b| a.name.cmp(&b.name));
        documents.sort();
        let index = Index::new(policies.iter().map(|policy| &policy.matcher));
        let digest = sha256(documents.join("\n").as_bytes());
        let has_pod_security = policies.iter().any(|policy| policy.pod_security.is_some());
        let fixes =
            |policy: &CompiledPolicy| policy.rules.iter().any(|rule| rule.fix != Fix::Never);
        let has_fixes = policies.iter().any(fixes);
        let programs = || policies.iter().flat_map(CompiledPolicy::programs);
        let (has_expressions, roots) = (programs().next().is_some(), expression::roots(programs()));
        Self {
            policies,
            exceptions,
            index,
            digest,
            has_pod_security,
            has_fixes,
            has_expressions,
            roots,
        }
    }

    /// `sha256:…` over the documents. Neither the order of files nor white space nor comments change it.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether the labels of a namespace change what a policy asks, or whether it asks.
    #[must_use]
    pub fn reads_namespace_labels(&self) -> bool {
        let reads = |policy: &CompiledPolicy| {
            policy.pod_security.is_some() || policy.matcher.reads_namespace_labels()
        };
        self.roots.contains(&Root::NamespaceObject)
            || self.policies.iter().any(reads)
            || self.exceptions.iter().any(CompiledException::reads_namespace_labels)
    }

    /// Whether any policy fills in what is absent.
    #[must_use]
    pub fn has_fixes(&self) -> bool {
        self.has_fixes
    }

    /// Changes one rule, to see who notices; its digest stays. `false` where there is nothing to change.
    pub fn mutate(&mut self, policy: &str, rule: &str, mutation: Mutation) -> bool {
        let mut is_changed = false;
        // A policy of Kubernetes stands once for each object of parameters.
        for policy in self.policies.iter_mut().filter(|known| *known.name == *policy) {
            let Some(at) = policy.rules.iter().position(|known| *known.id == *rule) else {
                continue;
            };
            let enforcement = &mut policy.rules[at].enforcement;
            match (mutation, *enforcement) {
                (Mutation::Off, _) => {
                    policy.rules.remove(at);
                }
                (Mutation::Milder, Enforcement::Audit) => continue,
                (Mutation::Milder, Enforcement::Deny) => *enforcement = Enforcement::Warn,
                (Mutation::Milder, Enforcement::Warn) => *enforcement = Enforcement::Audit,
            }
            is_changed = true;
        }
        is_changed
    }

    /// Whether any policy says anything in CEL.
    #[must_use]
    pub fn has_expressions(&self) -> bool {
        self.has_expressions
    }

    /// What the expressions of all policies read.
    #[must_use]
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// Where the policies stand that ask for user namespaces.
    #[must_use]
    pub fn user_namespace_sources(&self) -> Vec<String> {
        let is_it = |rule: &CompiledRule| rule.id == rules::USER_NAMESPACE;
        let asks = |policy: &&CompiledPolicy| policy.rules.iter().any(is_it);
        self.policies.iter().filter(asks).map(|policy| policy.source.clone()).collect()
    }

    /// All policies, sorted by name.
    #[must_use]
    pub fn policies(&self) -> &[CompiledPolicy] {
        &self.policies
    }

    /// All exceptions, sorted by name.
    #[must_use]
    pub fn exceptions(&self) -> &[CompiledException] {
        &self.exceptions
    }

    /// The policies that may match, sorted by name: every one that does, and few that do not.
    pub fn candidates(&self, input: &MatchInput<'_>) -> impl Iterator<Item = &CompiledPolicy> {
        self.index.candidates(input).into_iter().filter_map(|position| self.policies.get(position))
    }

    /// The policies that match and go by Pod Security's labels, sorted by name, and what they say of them.
    pub fn labelled<'s>(
        &'s self,
        input: &MatchInput<'_>,
    ) -> impl Iterator<Item = (&'s CompiledPolicy, &'s PodSecurity)> {
        let candidates = self.has_pod_security.then(|| self.candidates(input));
        candidates
            .into_iter()
            .flatten()
            .filter_map(|policy| Some((policy, policy.pod_security.as_ref()?)))
            .filter(|(policy, _)| policy.matches(input))
    }
}

/// What may be done to a rule to see whether anybody notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// It is not asked.
    Off,
    /// It warns where it denied, and audits where it warned.
    Milder,
}

impl Mutation {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Off, Self::Milder];

    /// What was done, behind the name of the rule.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "turned off",
            Self::Milder => "made milder",
        }
    }
}

/// A policy, ready to be asked.
#[derive(Debug)]
pub struct CompiledPolicy {
    /// Name of the document.
    pub name: Arc<str>,
    /// What it is for, in its author's words; empty where they gave none.
    pub description: String,
    /// Its rules: the standard's, then those listed besides.
    pub rules: Vec<CompiledRule>,
    /// Where the labels of the namespace say which standard holds, what they say it over.
    pub pod_security: Option<PodSecurity>,
    /// Where it fills in what is absent, if it does.
    pub fix_in: FixIn,
    /// The file it stands in.
    pub source: String,
    /// Its line there.
    pub line: u32,
    pub(super) matcher: Matcher,
    /// Expressions with names, which those below may use.
    pub variables: Vec<Program>,
    /// What must hold besides for the policy to be about an object.
    pub conditions: Vec<Condition>,
    /// What a binding makes of it, where it is a `ValidatingAdmissionPolicy`.
    pub bound: Option<Bound>,
}

/// What a binding makes of a `ValidatingAdmissionPolicy`.
#[derive(Debug)]
pub struct Bound {
    /// The requests that it is about; all must mean one.
    pub(super) constraints: Vec<Constraints>,
    /// Its parameters, as JSON.
    pub params: Option<Arc<str>>,
    /// What is taken where a condition cannot be evaluated. For a `PodPolicy`, that it holds.
    pub on_condition_error: OnError,
}

impl Bound {
    fn matches(&self, input: &MatchInput<'_>) -> bool {
        let means = |request| self.constraints.iter().all(|one| one.matches(request));
        input.request.is_some_and(means)
    }
}

impl CompiledPolicy {
    /// All expressions of the policy.
    fn programs(&self) -> impl Iterator<Item = &Program> {
        let own = self.rules.iter().filter_map(|rule| match &rule.question {
            Question::Own(own) => Some([Some(&own.program), own.message_expression.as_ref()]),
            Question::BuiltIn(..) => None,
        });
        let conditions = self.conditions.iter().map(|condition| &condition.program);
        self.variables.iter().chain(conditions).chain(own.flatten().flatten())
    }

    /// Whether the policy is about this pod.
    #[must_use]
    pub fn matches(&self, input: &MatchInput<'_>) -> bool {
        self.matcher.matches(input, Unknown::Applies)
            && self.bound.as_ref().is_none_or(|bound| bound.matches(input))
    }

    /// Whether the policy is also about the pods that the workloads it is about make: those are
    /// sent by a controller, whoever sent the workload.
    #[must_use]
    pub fn follows_pods(&self) -> bool {
        !self.matcher.reads_requester()
    }

    /// Ids of the rules that the policy may ask: with labels, all that a standard has.
    #[must_use]
    pub fn rule_ids(&self) -> Vec<&str> {
        let labelled = self.pod_security.iter().flat_map(|_| {
            rules::ALL.iter().filter(|rule| rule.pod_security.is_some()).map(|rule| rule.id)
        });
        self.rules.iter().map(|rule| &*rule.id).chain(labelled).collect()
    }
}

/// A rule of a policy.
#[derive(Debug)]
pub struct CompiledRule {
    /// Id of the rule.
    pub id: RuleId,
    /// What a violation leads to.
    pub enforcement: Enforcement,
    /// How much of what is absent is filled in.
    pub fix: Fix,
    /// What is asked of the pod.
    pub question: Question,
}

/// What a rule asks.
#[derive(Debug)]
pub enum Question {
    /// A built-in rule, with the policy's arguments.
    BuiltIn(&'static Rule, Box<dyn Check>),
    /// A rule of the policy's own.
    Own(Box<Expression>),
}

/// The line that stands for a document in the digest: kind and name first, keys sorted.
pub(super) fn canonical(kind: &str, name: &str, spec: &Node) -> String {
    let mut line = format!("{kind}/{name} ");
    write_sorted(spec, &mut line);
    line
}

fn write_sorted(node: &Node, out: &mut String) {
    match &node.value {
        Value::Sequence(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_sorted(item, out);
            }
            out.push(']');
        }
        Value::Mapping(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|a, b| a.0.name.cmp(&b.0.name));
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                // Escaped as JSON, so that no value can pass for structure.
                let _ = write!(out, "{comma}{}:", serde_json::Value::from(key.name.as_str()));
                write_sorted(value, out);
            }
            out.push('}');
        }
        _ => out.push_str(&node.to_json()),
    }
}
