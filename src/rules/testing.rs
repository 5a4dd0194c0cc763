//! What the tests of every rule share: a pod from JSON, and what is said about it.

use super::{Arguments, Finding, Rule, Value};
use crate::pod::{Kind, Object};
use crate::rules::Check;

/// The findings of `check` for a whole Pod.
pub(super) fn judge_pod(check: &dyn Check, pod: &str) -> Vec<Finding> {
    let object = Object::decode(pod).unwrap();
    let mut findings = Vec::new();
    check.check(&object.pod(Kind::Pod).unwrap(), &mut findings);
    findings
}

/// Pod Security's words for a whole Pod, at a revision; empty where the check passes.
pub(super) fn said_of_pod(rule: &Rule, revision: u16, pod: &str) -> String {
    let pod_security = rule.pod_security.as_ref().unwrap();
    assert!(pod_security.revisions.contains(&revision), "{} has no revision {revision}", rule.id);
    let findings = judge_pod(&*(pod_security.build)(revision), pod);
    if findings.is_empty() {
        return String::new();
    }
    let (reason, detail) = (pod_security.explain)(&findings);
    format!("{reason} ({detail})")
}

/// Pod Security's words for a Pod of this `spec`.
pub(super) fn said(rule: &Rule, revision: u16, spec: &str) -> String {
    said_of_pod(rule, revision, &format!(r#"{{"spec":{spec}}}"#))
}

/// What the rule, as a policy builds it, says of a Pod of this `spec`: a line a finding.
pub(super) fn lines(rule: &Rule, arguments: &[(&str, Value)], spec: &str) -> Vec<String> {
    let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let check = (rule.build)(&Arguments(arguments.collect()));
    judge_pod(&*check, &format!(r#"{{"spec":{spec}}}"#))
        .iter()
        .map(|finding| {
            let Finding { path, found, allowed, remedy, .. } = finding;
            format!("{} is {found}, must be {allowed}; {remedy}", path.short())
        })
        .collect()
}

/// What Podgate may do by itself about a Pod of this `spec`: a line a finding, `FIELD=VALUE SAFETY`, or
/// why it may not.
pub(super) fn fills(rule: &Rule, arguments: &[(&str, Value)], spec: &str) -> Vec<String> {
    let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let check = (rule.build)(&Arguments(arguments.collect()));
    told(&judge_pod(&*check, &format!(r#"{{"spec":{spec}}}"#)))
}

/// The same at a revision of Pod Security's check.
pub(super) fn fills_at(rule: &Rule, revision: u16, spec: &str) -> Vec<String> {
    let check = (rule.pod_security.as_ref().unwrap().build)(revision);
    told(&judge_pod(&*check, &format!(r#"{{"spec":{spec}}}"#)))
}

fn told(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| match (finding.remedy.fill(), finding.remedy.why_not()) {
            (Some(fill), None) => {
                assert!(!fill.reason.is_empty() && !fill.reason.ends_with('.'), "{fill:?}");
                format!("{}={} {}", fill.path, fill.value, fill.applicability)
            }
            (None, Some(reason)) => reason.to_owned(),
            other => unreachable!("{other:?}"),
        })
        .collect()
}

/// Why Podgate does not touch what somebody wrote.
pub(super) const WRITTEN: &str = "somebody wrote it, and Podgate never overwrites";

/// A list argument.
pub(super) fn texts(items: &[&str]) -> Value {
    Value::Texts(items.iter().map(|&item| item.to_owned()).collect())
}
