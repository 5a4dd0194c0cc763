//! What policies ask in CEL: the conditions of a policy, and rules of its own.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::json;

use super::decision::RuleFault;
use crate::admission::{Attributes, Operation, Source};
use crate::cel::{Activation, Fault, Memory, Program, Root, Scope, Session};
use crate::pod::PodView;
use crate::policy::{CompiledPolicy, Expression, OnError, PolicySet};
use crate::rules::{self, Arguments, Finding, Found, Remedy, RuleId};

/// The longest message that a policy makes, in bytes: it goes to people and into records.
const LONGEST_MESSAGE: usize = 1_024;

/// What expressions of one judgement share.
pub(super) struct Expressions<'e> {
    session: Session<'e>,
    /// What could not be evaluated.
    faults: RefCell<Vec<RuleFault>>,
}

/// What expressions are asked about, and the memory for it.
pub(super) struct Inputs<'e> {
    attributes: &'e Attributes<'e>,
    roots: &'e [Root],
    /// Whether the pod breaks a built-in rule.
    violates: Box<dyn Fn(&str) -> bool + 'e>,
    /// The request as JSON, where no review holds it.
    request: Option<String>,
    memory: Memory,
}

impl<'e> Inputs<'e> {
    /// `None` where no policy asks anything in CEL, which is when nothing of this costs anything.
    pub(super) fn new(
        set: &'e PolicySet,
        attributes: &'e Attributes<'e>,
        pod: &'e PodView<'e>,
    ) -> Option<Self> {
        if !set.has_expressions() {
            return None;
        }
        let is_manifest = matches!(attributes.source, Source::Object(_));
        Some(Self {
            attributes,
            roots: set.roots(),
            violates: Box::new(|rule| violates(pod, rule)),
            request: is_manifest.then(|| request(attributes)),
            memory: Memory::default(),
        })
    }

    fn activation(&'e self) -> Activation<'e> {
        let attributes = self.attributes;
        let namespace = &*attributes.namespace;
        let labels = attributes.namespace_labels.as_deref();
        let (review, object) = match attributes.source {
            Source::Review(review) => (Some(review), None),
            Source::Object(object) => (None, Some(object)),
            Source::Unknown => (None, None),
        };
        Activation {
            review,
            object,
            request: self.request.as_deref(),
            namespace: (!namespace.is_empty()).then_some(namespace),
            namespace_labels: labels,
            pod_at: attributes.pod_kind().map(crate::pod::Kind::template_path),
            roots: self.roots,
            old_for_new: false,
        }
    }
}

impl<'e> Expressions<'e> {
    pub(super) fn new(inputs: &'e Inputs<'e>) -> Self {
        Self::about(inputs, inputs.activation())
    }

    /// The same about the object as it was before an update.
    pub(super) fn before(inputs: &'e Inputs<'e>) -> Self {
        Self::about(inputs, Activation { old_for_new: true, ..inputs.activation() })
    }

    fn about(inputs: &'e Inputs<'e>, activation: Activation<'e>) -> Self {
        let session = Session::new(&inputs.memory, activation, &*inputs.violates);
        Self { session, faults: RefCell::default() }
    }

    /// What could not be evaluated so far.
    pub(super) fn take_faults(&self) -> Vec<RuleFault> {
        self.faults.take()
    }

    /// The expressions of one policy, with its variables.
    pub(super) fn of<'s>(&'s self, policy: &'e CompiledPolicy) -> OfPolicy<'s, 'e> {
        let params = policy.bound.as_ref().and_then(|bound| bound.params.as_deref());
        OfPolicy {
            policy,
            scope: self.session.scope(&policy.variables, params),
            faults: &self.faults,
        }
    }
}

/// The expressions of one policy in one judgement.
pub(super) struct OfPolicy<'s, 'e> {
    policy: &'e CompiledPolicy,
    scope: Scope<'s, 'e>,
    faults: &'s RefCell<Vec<RuleFault>>,
}

impl<'e> OfPolicy<'_, 'e> {
    /// What the conditions of the policy say. One that cannot be evaluated holds: not knowing must not let
    /// an object out of a policy; but one that is `false` decides, whatever the others are. A
    /// `ValidatingAdmissionPolicy` says itself what such a one does.
    pub(super) fn conditions(&self) -> Conditions {
        let mut faults = Vec::new();
        for condition in &self.policy.conditions {
            match self.ask(&condition.program) {
                Ok(true) => {}
                Ok(false) => return Conditions::DoNotHold,
                Err(fault) => faults.push((condition.name.as_str(), fault)),
            }
        }
        let on_error = self.policy.bound.as_ref().map(|bound| bound.on_condition_error);
        for (name, fault) in &faults {
            let rule = RuleId::from(Arc::from(format!("conditions/{name}")));
            self.note(&rule, fault, on_error == Some(OnError::Ignore));
        }
        match (faults.first(), on_error) {
            (None, _) | (_, None) => Conditions::Hold,
            (Some(_), Some(OnError::Ignore)) => Conditions::DoNotHold,
            (Some((name, fault)), Some(OnError::Deny)) => {
                Conditions::Fail(format!("condition {name} cannot be evaluated: {fault}"))
            }
        }
    }

    /// What a rule of the policy's own finds.
    pub(super) fn find(
        &self,
        rule: &RuleId,
        own: &'e Expression,
        pod: &PodView<'_>,
    ) -> Option<Finding> {
        let message = match self.ask(&own.program) {
            Ok(true) => return None,
            Ok(false) => self.message(own),
            Err(fault) => {
                let is_ignored = own.on_error == OnError::Ignore;
                self.note(rule, &fault, is_ignored);
                if is_ignored {
                    return None;
                }
                format!("cannot be evaluated: {fault}")
            }
        };
        Some(told(pod, message, &own.remedy))
    }

    fn ask(&self, program: &'e Program) -> Result<bool, Fault> {
        let answer = program.evaluate(&self.scope)?;
        answer
            .as_bool()
            .ok_or_else(|| Fault::Error(format!("gives {answer}, must give true or false")))
    }

    /// The policy's words; an expression for them that fails, or says nothing, is passed over.
    fn message(&self, own: &'e Expression) -> String {
        let made = own.message_expression.as_ref().and_then(|program| {
            let answer = program.evaluate(&self.scope).ok()?;
            let text = answer.as_text()?.trim();
            let end = text.floor_char_boundary(LONGEST_MESSAGE);
            (!text.is_empty()).then(|| text[..end].to_owned())
        });
        made.unwrap_or_else(|| own.message.clone())
    }

    fn note(&self, rule: &RuleId, fault: &Fault, ignored: bool) {
        let policy = Arc::clone(&self.policy.name);
        let fault = RuleFault { policy, rule: rule.clone(), error: fault.to_string(), ignored };
        let mut faults = self.faults.borrow_mut();
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
}

/// What the conditions of a policy say of an object.
pub(super) enum Conditions {
    /// The policy is about it.
    Hold,
    /// It is not.
    DoNotHold,
    /// It is refused, and this is why.
    Fail(String),
}

/// A finding about the object as a whole, in words.
pub(super) fn told(pod: &PodView<'_>, message: String, remedy: &str) -> Finding {
    Finding {
        path: pod.object_path(),
        found: Found::Told(message),
        allowed: "as the rule wants".into(),
        remedy: Remedy::Advice(remedy.to_owned().into()),
        clause: "",
    }
}

/// Whether the pod breaks a built-in rule without arguments.
fn violates(pod: &PodView<'_>, rule: &str) -> bool {
    let mut findings = Vec::new();
    if let Some(rule) = rules::find(rule) {
        (rule.build)(&Arguments::default()).check(pod, &mut findings);
    }
    !findings.is_empty()
}

/// The request that a manifest would be sent with, as far as it can be told.
fn request(attributes: &Attributes<'_>) -> String {
    let kind = json!({
        "group": &*attributes.group,
        "version": &*attributes.version,
        "kind": &*attributes.kind,
    });
    let resource = json!({
        "group": &*attributes.group,
        "version": &*attributes.version,
        "resource": &*attributes.resource,
    });
    json!({
        "kind": kind,
        "requestKind": kind,
        "resource": resource,
        "requestResource": resource,
        "name": &*attributes.name,
        "namespace": &*attributes.namespace,
        "operation": Operation::Create.as_str(),
        "userInfo": {"username": "", "groups": []},
        "dryRun": false,
    })
    .to_string()
}
