//! `ValidatingAdmissionPolicy` documents, their bindings and parameters. The API server evaluates these itself; they are
//! read so that one command says of a manifest what policies of both kinds will say.
//!
//! A policy and a binding together are one [`CompiledPolicy`], once for each object of parameters. Source:
//! `k8s.io/apiserver/pkg/admission/plugin/policy/validating` of Kubernetes 1.37.

mod binding;
mod constraints;
mod params;

use std::sync::Arc;

use super::FixIn;
use super::expression::{self, OnError};
use super::problem::{Problem, Severity};
use super::reader::{Fields, Reporter};
use super::set::{Bound, CompiledPolicy, CompiledRule, Question, canonical};
use super::watch::{self, Watch};
use crate::cel;
use crate::policy::Fix;
use crate::rules::RuleId;
use crate::spelling::suggest;
use crate::yaml::Node;

use self::binding::Binding;
pub(super) use self::constraints::Constraints;
use self::params::{Choice, Kind, Object};

pub(super) const POLICY: &str = "ValidatingAdmissionPolicy";
pub(super) const BINDING: &str = "ValidatingAdmissionPolicyBinding";
const GROUP: &str = "admissionregistration.k8s.io";
const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha1"];

/// Fields of `spec` of a policy.
const SPEC: &[&str] = &[
    "paramKind",
    "matchConstraints",
    "validations",
    "failurePolicy",
    "auditAnnotations",
    "matchConditions",
    "variables",
];
const VALIDATION: &[&str] = &["expression", "message", "reason", "messageExpression"];
const AUDIT_ANNOTATION: &[&str] = &["key", "valueExpression"];

/// Documents of Kubernetes' own, until all have been seen.
#[derive(Default)]
pub(super) struct Documents {
    policies: Vec<Document>,
    bindings: Vec<Document>,
    others: Vec<Document>,
}

struct Document {
    /// Which source it stands in.
    source: usize,
    name: String,
    node: Node,
}

impl Document {
    fn spec(&self) -> &Node {
        self.node.get("spec").unwrap_or(&self.node)
    }
}

impl Documents {
    /// Takes a document that is none of Podgate's.
    pub(super) fn take(&mut self, report: &mut Reporter, node: &Node, source: usize) {
        let kind = node.get("kind").and_then(Node::as_str).unwrap_or_default();
        let metadata = node.get("metadata");
        let name = metadata.and_then(|m| m.get("name")).and_then(Node::as_str).unwrap_or_default();
        let document = Document { source, name: name.to_owned(), node: node.clone() };
        let list = match kind {
            POLICY => &mut self.policies,
            BINDING => &mut self.bindings,
            _ => return self.others.push(document),
        };
        if has_envelope(report, node, name) {
            list.push(document);
        }
    }

    /// The policies as they are bound, and every document that nothing here reads.
    pub(super) fn finish(
        self,
        reports: &mut [Reporter],
        lines: &mut Vec<String>,
    ) -> (Vec<CompiledPolicy>, Vec<(usize, Node)>) {
        let Self { policies, bindings, others } = self;
        let mut compiled = Vec::new();
        for document in &bindings {
            lines.push(canonical(BINDING, &document.name, document.spec()));
            let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
            warn_of_stray(&mut reports[document.source], document, &names);
        }
        let bindings: Vec<Binding> = bindings
            .iter()
            .filter_map(|document| Binding::read(&mut reports[document.source], document))
            .collect();
        let mut kinds = Vec::new();
        for policy in &policies {
            lines.push(canonical(POLICY, &policy.name, policy.spec()));
            let report = &mut reports[policy.source];
            let kind = policy.spec().get("paramKind").and_then(|node| Kind::read(report, node));
            kinds.extend(kind.clone());
            if !is_sound(report, policy, kind.is_some()) {
                continue;
            }
            let bound: Vec<&Binding> =
                bindings.iter().filter(|binding| binding.policy == policy.name).collect();
            if bound.is_empty() {
                let help = format!("a {BINDING} whose spec.policyName is {} does", policy.name);
                let message = "nothing puts this policy in force";
                report.add(Severity::Warning, &policy.node, "", message, help);
            }
            for binding in bound {
                let objects = others.iter().filter_map(|other| Object::of(other, kind.as_ref()?));
                let choices = params::choices(
                    report,
                    kind.as_ref(),
                    binding,
                    objects.collect(),
                    &policy.node,
                );
                compiled.extend(
                    choices.iter().filter_map(|choice| bind(report, policy, binding, choice)),
                );
            }
        }
        for other in &others {
            if kinds.iter().any(|kind| kind.is_of(&other.node)) {
                lines.push(canonical("params", &other.name, &other.node));
            }
        }
        let strays = others.into_iter().filter(|other| !kinds.iter().any(|k| k.is_of(&other.node)));
        (compiled, strays.map(|other| (other.source, other.node)).collect())
    }
}

fn has_envelope(report: &mut Reporter, node: &Node, name: &str) -> bool {
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    let Some(fields) = Fields::new(report, node, "", &known) else { return false };
    let help = format!("write {GROUP}/v1");
    let version = fields.required(report, "apiVersion", &help);
    let is_known = |version: &str| {
        version.split_once('/').is_some_and(|(group, v)| group == GROUP && VERSIONS.contains(&v))
    };
    if let Some(version) = version.filter(|version| !is_known(version)) {
        let at = fields.get("apiVersion").unwrap_or(node);
        report.error(at, "apiVersion", format!("unknown version {version:?}"), help);
    }
    if name.is_empty() {
        report.error(node, "metadata.name", "is missing", "name the document");
    }
    if fields.get("spec").is_none() {
        report.error(node, "spec", "is missing", "");
    }
    !name.is_empty() && fields.get("spec").is_some()
}

fn warn_of_stray(report: &mut Reporter, binding: &Document, names: &[&str]) {
    let Some(node) = binding.spec().get("policyName") else { return };
    let Some(name) = node.as_str().filter(|name| !names.contains(name)) else { return };
    let message = format!("there is no {POLICY} {name:?} here");
    report.add(Severity::Warning, node, "spec.policyName", message, suggest(name, names));
}

/// Reads a policy once for what is wrong with it. One that asks the authorizer is sound, and cannot be judged here.
fn is_sound(report: &mut Reporter, policy: &Document, has_params: bool) -> bool {
    let before = report.problems.len();
    // What is watched is what is bound.
    let watch = report.watch.take();
    let spec = Spec::read(report, policy.spec(), has_params);
    report.watch = watch;
    let found = report.problems.split_off(before);
    let (asking, mut others): (Vec<Problem>, Vec<Problem>) =
        found.into_iter().partition(|problem| problem.message == cel::NO_AUTHORIZER);
    // Its functions are not known, either, which follows from it.
    others.retain(|problem| asking.iter().all(|asks| asks.path != problem.path));
    let has_errors = others.iter().any(|problem| problem.severity == Severity::Error);
    let is_sound = spec.is_some() && asking.is_empty() && !has_errors;
    let warnings = asking.into_iter().map(|problem| Problem {
        severity: Severity::Warning,
        message: "asks the authorizer".to_owned(),
        help: Some("only the API server can: this policy is not judged here".to_owned()),
        ..problem
    });
    report.problems.extend(warnings.chain(others));
    is_sound
}

/// A policy's spec, but for its parameters.
struct Spec {
    constraints: Constraints,
    on_error: OnError,
    expressions: expression::Reader,
    conditions: Vec<expression::Condition>,
    validations: Vec<expression::Expression>,
}

impl Spec {
    fn read(report: &mut Reporter, node: &Node, has_params: bool) -> Option<Self> {
        let fields = Fields::new(report, node, "spec", SPEC)?;
        let on_error = match fields.text(report, "failurePolicy") {
            Some("Ignore") => OnError::Ignore,
            None | Some("Fail") => OnError::Deny,
            Some(other) => {
                let at = fields.get("failurePolicy").unwrap_or(node);
                let message = format!("unknown word {other:?}");
                report.error(at, "spec.failurePolicy", message, "write Fail or Ignore");
                return None;
            }
        };
        let constraints = fields.get("matchConstraints").map(|node| {
            let constraints = Constraints::read(report, node, "spec.matchConstraints");
            constraints.warn_of_other_resources(report, node, "spec.matchConstraints");
            constraints
        });
        if constraints.as_ref().is_none_or(|constraints| !constraints.names_resources()) {
            let help = "say which resources, such as `pods`";
            report.error(node, "spec.matchConstraints.resourceRules", "is missing", help);
        }
        let kinds = constraints.as_ref().and_then(Constraints::kinds).unwrap_or_default();
        let mut expressions = expression::Reader::kubernetes(report, &fields, has_params, kinds);
        let conditions = expressions.conditions(report, &fields, "matchConditions");
        let items = |report: &mut Reporter, name: &str| {
            let node = fields.get(name)?;
            let items = node.as_sequence();
            if items.is_none() {
                report.wrong_type(node, &fields.path(name), "a list of maps");
            }
            items
        };
        let validations = items(report, "validations").unwrap_or_default();
        let annotations = items(report, "auditAnnotations").unwrap_or_default();
        if validations.is_empty() && annotations.is_empty() {
            report.error(node, "spec.validations", "asks nothing", "give at least one expression");
        }
        let validations = validations.iter().enumerate().filter_map(|(index, item)| {
            let fields =
                Fields::new(report, item, &format!("spec.validations[{index}]"), VALIDATION)?;
            expressions.validation(report, &fields, on_error)
        });
        let validations = validations.collect();
        for (index, item) in annotations.iter().enumerate() {
            let path = format!("spec.auditAnnotations[{index}]");
            if let Some(fields) = Fields::new(report, item, &path, AUDIT_ANNOTATION) {
                fields.required(report, "key", "name the annotation");
                expressions.check(report, &fields, "valueExpression");
            }
        }
        Some(Self { constraints: constraints?, on_error, expressions, conditions, validations })
    }
}

/// A policy as a binding puts it in force over one choice of parameters.
fn bind(
    report: &mut Reporter,
    policy: &Document,
    binding: &Binding,
    choice: &Choice,
) -> Option<CompiledPolicy> {
    // What is wrong was told when the policy was read for the first time.
    let mut silent = Reporter::new(report.source(), report.text());
    silent.watch = report.watch.is_some().then(Watch::default);
    let has_params = policy.spec().get("paramKind").is_some();
    let spec = Spec::read(&mut silent, policy.spec(), has_params)?;
    let Spec { constraints, on_error, expressions, conditions, validations } = spec;
    let (questions, conditions, params) = match choice {
        Choice::Missing { .. } if on_error == OnError::Ignore => return None,
        // The API server refuses before it asks anything, whatever the binding's actions are.
        Choice::Missing { .. } => (vec![expressions.never(params::MISSING)?], Vec::new(), None),
        Choice::None | Choice::Object { .. } => (validations, conditions, choice.json()),
    };
    let enforcement = binding.enforcement(choice);
    let rules = questions.into_iter().enumerate().map(|(index, expression)| CompiledRule {
        id: RuleId::from(Arc::from(format!("{}/{index}", policy.name))),
        enforcement,
        fix: Fix::Never,
        question: Question::Own(Box::new(expression)),
    });
    let name = format!("{}/{}", policy.name, binding.name);
    let rules = watch::rules(&mut silent, &name, rules.collect());
    if let (Some(watch), Some(bound)) = (&mut report.watch, silent.watch) {
        watch.policies.extend(bound.policies);
    }
    Some(CompiledPolicy {
        name: name.into(),
        description: String::new(),
        rules,
        pod_security: None,
        fix_in: FixIn::default(),
        source: report.source().to_owned(),
        line: policy.node.line,
        matcher: choice.matcher(),
        variables: expressions.variables,
        conditions,
        bound: Some(Bound {
            constraints: std::iter::once(constraints).chain(binding.constraints.clone()).collect(),
            params,
            on_condition_error: on_error,
        }),
    })
}
