//! `POST /policies`: what the compiler would refuse is refused when it is applied, with the line.

use std::fmt::Write as _;

use serde_json::Value;

use super::app::State;
use super::reload;
use super::store::InForce;
use crate::admission::{Operation, Response, Review};
use crate::engine::Outcome;
use crate::policy::{self, Problem, Severity, Source};

const KINDS: [&str; 2] = ["PodPolicy", "PodPolicyException"];

/// Answers a review of a policy or an exception, whose JSON is `object`.
pub(super) fn judge(
    state: &State,
    in_force: &InForce,
    review: &Review<'_>,
    object: Option<&str>,
) -> (Outcome, Vec<u8>) {
    let attributes = &review.attributes;
    let is_write = matches!(attributes.operation, Operation::Create | Operation::Update);
    let is_ours = &*attributes.group == "podgate.dev"
        && KINDS.contains(&&*attributes.kind)
        && attributes.subresource.is_empty();
    let object = object.and_then(|json| serde_json::from_str::<Value>(json).ok());
    let Some(object) = object.filter(|_| is_write && is_ours) else {
        return (Outcome::Allowed, Response::allowed(&review.uid).to_json());
    };
    // One that waits for its finalizers must be let go.
    if object["metadata"]["deletionTimestamp"].is_string() {
        return (Outcome::Allowed, Response::allowed(&review.uid).to_json());
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let candidate = policy::resource(&attributes.kind, name, &object["spec"]);
    if in_force.sources.contains(&candidate) {
        // Its spec is what it was: labels may change on an exception that has ended.
        return (Outcome::Allowed, Response::allowed(&review.uid).to_json());
    }
    let Found { errors, warnings } = look(state, in_force, &candidate, &object["spec"]["policy"]);
    if errors.is_empty() {
        let outcome = if warnings.is_empty() { Outcome::Allowed } else { Outcome::Warned };
        return (outcome, Response::allowed(&review.uid).warnings(&warnings).to_json());
    }
    let message = message(&attributes.kind, name, &errors);
    let refused = Response::denied(&review.uid, 422, "Invalid", message).warnings(&warnings);
    (Outcome::Denied, refused.to_json())
}

#[derive(Default)]
struct Found {
    errors: Vec<Problem>,
    warnings: Vec<String>,
}

/// Compiles the candidate with everything else that is in force.
fn look(state: &State, in_force: &InForce, candidate: &Source, policy: &Value) -> Found {
    let mut sources: Vec<Source> =
        in_force.sources.iter().filter(|source| source.name != candidate.name).cloned().collect();
    sources.push(candidate.clone());
    // An exception that has ended already is a slip.
    let options = policy::Options { expired: Severity::Error, ..reload::options(&state.terms) };
    let (Ok((_, problems)) | Err(problems)) = policy::compile(&sources, &options);
    // A policy and its exceptions are often applied together, and the policy may not have got here yet.
    let is_early = policy.as_str().is_some_and(|wanted| {
        !wanted.is_empty() && in_force.set.policies().iter().all(|policy| *policy.name != *wanted)
    });
    let mut found = Found::default();
    for problem in problems {
        let own = problem.source == candidate.name;
        let refuses =
            problem.severity == Severity::Error && !(is_early && problem.path == "spec.policy");
        match (own, refuses) {
            (true, true) => found.errors.push(problem),
            (true, false) => found.warnings.push(problem.to_string()),
            // What only this change breaks: an exception for a rule that is taken away, for instance.
            (false, true) if !has_expired(&problem) => {
                found.warnings.push(format!("this change breaks another document: {problem}"));
            }
            _ => {}
        }
    }
    found
}

/// Whether an exception in force has ended: it has been for a while, and nobody's change is to blame.
fn has_expired(problem: &Problem) -> bool {
    problem.path == "spec.expires"
}

/// All errors, a line each.
fn message(kind: &str, name: &str, errors: &[Problem]) -> String {
    let count = errors.len();
    let plural = if count == 1 { "error" } else { "errors" };
    let mut text = format!("{count} {plural} in {kind} {name}");
    for Problem { line, column, path, message, help, .. } in errors {
        let _ = write!(text, "\n  line {line}, column {column}: ");
        if !path.is_empty() {
            let _ = write!(text, "{path}: ");
        }
        text.push_str(message);
        if let Some(help) = help {
            let _ = write!(text, "; {help}");
        }
    }
    text
}
