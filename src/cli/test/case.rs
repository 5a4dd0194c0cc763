//! One case: a review is made of it, and judged as any other.

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::document::{Case, Expect};
use crate::admission::Review;
use crate::engine::{self, Decision, Scope};
use crate::pod;
use crate::policy::PolicySet;
use crate::report::cases::Case as Told;

/// What is decided in a case.
pub(super) fn decide(case: &Case, set: &PolicySet, now: Timestamp) -> anyhow::Result<Decision> {
    let review = review(case).to_string();
    let mut review = Review::decode(&review)
        .map_err(|error| anyhow::anyhow!("case {:?}: {error}", case.name))
        .context("the case makes no review")?;
    let labels = case.namespace_labels.as_ref();
    review.attributes.namespace_labels = labels
        .map(|labels| labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect());
    let time = case.time.unwrap_or(now);
    Ok(engine::decide(set, &review.attributes, Scope::All, &case.name, time))
}

/// What is told of a case; its failures are empty where all is as expected.
pub(super) fn told(case: &Case, decision: &Decision) -> Told {
    Told {
        name: case.name.clone(),
        failures: failures(&case.expect, decision),
        sentences: decision.violations.iter().map(|v| v.sentence().to_string()).collect(),
    }
}

fn failures(expect: &Expect, decision: &Decision) -> Vec<String> {
    let mut failures = Vec::new();
    let (wanted, outcome) = (expect.decision.as_str(), decision.outcome.as_str());
    if wanted != outcome {
        let why = match (&decision.failure, decision.not_judged) {
            (Some(failure), _) => format!(": {failure}"),
            (None, Some(reason)) => format!(", not judged: {}", reason.as_str()),
            (None, None) => String::new(),
        };
        failures.push(format!("the decision is {outcome}{why}, expected {wanted}"));
    }
    if let Some(rules) = &expect.rules {
        let broken: Vec<&str> = decision.violations.iter().map(|v| &*v.rule).collect();
        let missing = rules.iter().filter(|rule| !broken.contains(&rule.as_str()));
        failures
            .extend(missing.map(|rule| format!("{rule} is not broken, and was expected to be")));
        let mut told: Vec<&str> = Vec::new();
        for rule in broken {
            if !rules.iter().any(|wanted| wanted == rule) && !told.contains(&rule) {
                failures.push(format!("{rule} is broken, and was not expected to be"));
                told.push(rule);
            }
        }
    }
    if let Some(message) = &expect.message {
        let said = format!("{}\n{}", decision.message(), decision.warnings().join("\n"));
        if !said.contains(message.as_str()) {
            failures.push(format!("nothing says {message:?}"));
        }
    }
    failures
}

/// The review that an API server would send.
fn review(case: &Case) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&case.object["apiVersion"]), text(&case.object["kind"]));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let resource = pod::resource(&kind);
    let metadata = &case.object["metadata"];
    let namespace = match &case.namespace {
        Some(namespace) => namespace.clone(),
        None if metadata["namespace"].is_string() => text(&metadata["namespace"]),
        None => "default".to_owned(),
    };
    let operation = if case.old_object.is_some() { "UPDATE" } else { "CREATE" };
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": case.name,
            "kind": {"group": group, "version": version, "kind": kind},
            "requestKind": {"group": group, "version": version, "kind": kind},
            "resource": {"group": group, "version": version, "resource": resource},
            "requestResource": {"group": group, "version": version, "resource": resource},
            "subResource": case.subresource,
            "name": text(&metadata["name"]),
            "namespace": namespace,
            "operation": operation,
            "userInfo": {"username": case.user.username, "groups": case.user.groups},
            "object": case.object,
            "oldObject": case.old_object,
            "dryRun": false,
        },
    })
}
