//! `ValidatingAdmissionPolicyBinding`: what puts a policy in force, where, and with what parameters.

use super::constraints::Constraints;
use super::params::{Choice, Reference};
use super::{Document, Reporter};
use crate::policy::Enforcement;
use crate::policy::reader::{Fields, texts};
use crate::yaml::Node;

const SPEC: &[&str] = &["policyName", "paramRef", "matchResources", "validationActions"];

/// A binding.
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) policy: String,
    pub(super) reference: Option<Reference>,
    pub(super) constraints: Option<Constraints>,
    enforcement: Enforcement,
}

impl Binding {
    pub(super) fn read(report: &mut Reporter, document: &Document) -> Option<Self> {
        let fields = Fields::new(report, document.spec(), "spec", SPEC)?;
        let policy = fields.required(report, "policyName", "name the policy")?.to_owned();
        let reference =
            fields.get("paramRef").and_then(|node| Reference::read(report, node, "spec.paramRef"));
        let constraints = fields
            .get("matchResources")
            .map(|node| Constraints::read(report, node, "spec.matchResources"));
        let enforcement = actions(report, &fields, document.spec())?;
        Some(Self { name: document.name.clone(), policy, reference, constraints, enforcement })
    }

    /// What a violation leads to. Parameters that must be there are no matter of what is validated.
    pub(super) fn enforcement(&self, choice: &Choice) -> Enforcement {
        if matches!(choice, Choice::Missing { .. }) { Enforcement::Deny } else { self.enforcement }
    }
}

/// The strictest of `validationActions`.
fn actions(report: &mut Reporter, fields: &Fields<'_>, spec: &Node) -> Option<Enforcement> {
    let node = fields.get("validationActions").unwrap_or(spec);
    let path = "spec.validationActions";
    let help = "list Deny, or Warn, and Audit beside either or alone";
    let items = fields.get("validationActions").map(|node| texts(report, node, path));
    let mut found = Vec::new();
    for (item, text) in items.unwrap_or_default() {
        match Enforcement::ALL.into_iter().find(|known| known.as_str() == text) {
            Some(action) => found.push(action),
            None => report.error(item, path, format!("unknown word {text:?}"), help),
        }
    }
    if found.contains(&Enforcement::Deny) && found.contains(&Enforcement::Warn) {
        report.error(node, path, "has Deny and Warn, which exclude each other", help);
    }
    if found.is_empty() {
        report.error(node, path, "says nothing", help);
    }
    found.into_iter().min()
}
