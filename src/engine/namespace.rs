//! Namespaces whose Pod Security labels mean nothing, refused as Pod Security Admission refuses them.
//!
//! Upstream also lists the pods that a stricter label would refuse. That takes a question to the cluster,
//! which a judgement may not ask.

use super::decide::Scope;
use super::decision::{PodSecurity, Violation};
use crate::admission::{Attributes, Operation};
use crate::pod::{Map, Object, PodView};
use crate::policy::namespace_labels::{self, LabelError, Modes};
use crate::policy::{self, CompiledPolicy, Enforcement, MatchInput, PolicySet};
use crate::rules::{Finding, Found, Remedy};

/// Stands where a rule's id would.
pub(super) const RULE: &str = "podSecurityLabels";

/// What is wrong with a namespace's labels, for each policy that reads them.
pub(super) fn judge(
    set: &PolicySet,
    attributes: &Attributes<'_>,
    scope: Scope,
) -> Vec<(PodSecurity, Vec<Violation>)> {
    let is_namespace = attributes.group.is_empty() && &*attributes.kind == "Namespace";
    if !is_namespace || !attributes.subresource.is_empty() {
        return Vec::new();
    }
    let Some(object) = &attributes.object else { return Vec::new() };
    let old = match (attributes.operation, &attributes.old_object) {
        (Operation::Create, _) => None,
        (Operation::Update, Some(old)) => Some(labels(old)),
        _ => return Vec::new(),
    };
    let new = labels(object);
    let nothing = Object::default();
    let pod = nothing.metadata_view();
    // A namespace is in itself, whatever the request says.
    let input = MatchInput {
        namespace: &attributes.name,
        namespace_labels: Some(&new),
        ..MatchInput::new(attributes, &pod)
    };
    let judge = Judge { name: &attributes.name, new: &new, old: old.as_deref(), scope };
    set.labelled(&input)
        .filter_map(|(policy, config)| judge.judge(policy, config, &object.metadata_view()))
        .collect()
}

fn labels(object: &Object<'_>) -> Vec<(String, String)> {
    let labels = object.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
    let labels = labels.into_iter().flat_map(Map::iter);
    labels.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

struct Judge<'j> {
    name: &'j str,
    new: &'j [(String, String)],
    /// Labels before an update.
    old: Option<&'j [(String, String)]>,
    scope: Scope,
}

impl Judge<'_> {
    fn judge(
        &self,
        policy: &CompiledPolicy,
        config: &policy::PodSecurity,
        metadata: &PodView<'_>,
    ) -> Option<(PodSecurity, Vec<Violation>)> {
        let (modes, errors) = namespace_labels::resolve(self.new, &config.defaults);
        let old = self.old.map(|old| namespace_labels::resolve(old, &config.defaults));
        let mut told = PodSecurity::silent(&policy.name);
        // An update that leaves bad labels as they were is about something else.
        if !errors.is_empty() && old.as_ref().is_none_or(|(_, old)| *old != errors) {
            if !self.scope.asks(Enforcement::Deny) {
                return None;
            }
            let sentence = namespace_labels::sentence(&errors);
            told.refusal = Some(format!("Namespace {:?} is invalid: {sentence}", self.name));
            let violation = |error: &LabelError| violation(policy, metadata, error);
            return Some((told, errors.iter().map(violation).collect()));
        }
        let matters = old.is_none_or(|(old, _)| is_stricter(&modes, &old));
        let exempt = config.exemptions.namespaces.iter().any(|exempt| exempt == self.name);
        if exempt && matters && self.scope.asks(Enforcement::Warn) {
            told.warning = self.exempt_warning(&modes, &config.defaults);
        }
        told.warning.is_some().then_some((told, Vec::new()))
    }

    /// Labels of an exempt namespace look as if they did something.
    fn exempt_warning(&self, modes: &Modes, defaults: &Modes) -> Option<String> {
        if modes.is_privileged() || modes.is_equivalent(defaults) {
            return None;
        }
        let listed: Vec<String> =
            [("enforce", modes.enforce), ("audit", modes.audit), ("warn", modes.warn)]
                .into_iter()
                .filter(|(mode, standard)| {
                    !standard.is_privileged() && namespace_labels::has(self.new, mode)
                })
                .map(|(mode, standard)| format!("{mode}={standard}"))
                .collect();
        Some(format!(
            "namespace {:?} is exempt from Pod Security, and the policy ({}) will be ignored",
            self.name,
            listed.join(", ")
        ))
    }
}

/// Whether pods that passed before may be refused now.
fn is_stricter(new: &Modes, old: &Modes) -> bool {
    let (new, old) = (new.enforce, old.enforce);
    new != old && !new.is_privileged() && (new.version != old.version || new.level > old.level)
}

fn violation(policy: &CompiledPolicy, metadata: &PodView<'_>, error: &LabelError) -> Violation {
    let path = metadata.label_path(error.key);
    Violation {
        policy: policy.name.clone(),
        rule: RULE.into(),
        enforcement: Enforcement::Deny,
        standard: None,
        finding: Finding {
            remedy: Remedy::Advice(format!("correct {path}, or remove it").into()),
            path,
            found: Found::Text(error.value.clone()),
            allowed: error.allowed().into(),
            clause: "",
        },
        settled: None,
    }
}
