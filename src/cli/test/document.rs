//! `PolicyTest` documents, as they are written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

use crate::engine::Outcome;
use crate::policy::API_VERSION;
use crate::spelling::suggest;
use crate::yaml::{self, Limits, Node, YamlError};

const KIND: &str = "PolicyTest";

/// Cases, and the policies that they are about.
#[derive(Debug)]
pub(super) struct TestDocument {
    pub(super) name: String,
    /// Files and folders, from the folder that the document stands in.
    pub(super) policies: Vec<String>,
    pub(super) trusted_labels: Vec<String>,
    /// When it is, for cases that do not say.
    pub(super) time: Option<Timestamp>,
    pub(super) cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Envelope {
    api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    policies: Vec<String>,
    #[serde(default)]
    trusted_labels: Vec<String>,
    time: Option<Timestamp>,
    cases: Vec<Case>,
}

/// One request, and what must become of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Case {
    pub(super) name: String,
    /// The object after the operation.
    pub(super) object: Value,
    /// The object before an update; that it is there makes the case one.
    pub(super) old_object: Option<Value>,
    #[serde(default)]
    pub(super) subresource: String,
    /// Where the object says nothing itself.
    pub(super) namespace: Option<String>,
    /// Not known where they are absent.
    pub(super) namespace_labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) user: User,
    /// When it is.
    pub(super) time: Option<Timestamp>,
    pub(super) expect: Expect,
}

/// Who sends the request.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    #[serde(default)]
    pub(super) username: String,
    #[serde(default)]
    pub(super) groups: Vec<String>,
}

/// What must become of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    #[serde(deserialize_with = "outcome")]
    pub(super) decision: Outcome,
    /// Exactly the rules that are broken, whatever comes of it; absent, any.
    pub(super) rules: Option<Vec<String>>,
    /// What the message or a warning must hold.
    pub(super) message: Option<String>,
}

/// A word that a decision can end in; podgate's own fault is nothing that a case expects.
fn outcome<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Outcome, D::Error> {
    let word = String::deserialize(deserializer)?;
    let words: Vec<&str> = EXPECTED.map(Outcome::as_str).to_vec();
    let found = EXPECTED.into_iter().find(|outcome| outcome.as_str() == word);
    found.ok_or_else(|| {
        D::Error::custom(format!("unknown decision {word:?}; {}", suggest(&word, &words)))
    })
}

const EXPECTED: [Outcome; 5] =
    [Outcome::Allowed, Outcome::Warned, Outcome::Fixed, Outcome::Excepted, Outcome::Denied];

/// The tests among the documents of a text.
pub(super) fn read(text: &str) -> Result<Vec<TestDocument>, YamlError> {
    let documents = yaml::read(text, Limits::default())?;
    let is_test = |node: &&Node| node.get("kind").and_then(Node::as_str) == Some(KIND);
    documents.iter().filter(is_test).map(document).collect()
}

fn document(node: &Node) -> Result<TestDocument, YamlError> {
    let json = node.to_json();
    let mut deserializer = serde_json::Deserializer::from_str(&json);
    let read: Result<Envelope, _> = serde_path_to_error::deserialize(&mut deserializer);
    let at = |path: &str, message: String| {
        let place = node.at(path).unwrap_or(node);
        let path = if path == "." { String::new() } else { format!("{path}: ") };
        YamlError { line: place.line, column: place.column, message: format!("{path}{message}") }
    };
    let envelope = read.map_err(|error| {
        let message = error.inner().to_string();
        // The place that serde tells is one in the JSON that nobody sees.
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        at(&error.path().to_string(), message)
    })?;
    if envelope.api_version != API_VERSION {
        let message = format!("unknown version {:?}; write {API_VERSION}", envelope.api_version);
        return Err(at("apiVersion", message));
    }
    let Spec { policies, trusted_labels, time, cases } = envelope.spec;
    if policies.is_empty() {
        return Err(at("spec.policies", "is empty; name the policies that are tested".to_owned()));
    }
    if cases.is_empty() {
        return Err(at("spec.cases", "is empty; a test without cases proves nothing".to_owned()));
    }
    Ok(TestDocument { name: envelope.metadata.name, policies, trusted_labels, time, cases })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "apiVersion: podgate.dev/v1
kind: PolicyTest
metadata: {name: t}
spec:
  policies: [policy.yaml]
  cases:
  - name: a
    object: {kind: Pod}
    expect: {decision: denied, rules: [x]}
";

    #[test]
    fn a_test_is_read_and_other_documents_are_left_alone() {
        let read = read(&format!("kind: Pod\n---\n{GOOD}")).unwrap();
        assert_eq!((read.len(), read[0].name.as_str(), read[0].cases.len()), (1, "t", 1));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (from, to, expected) in [
            (
                "denied",
                "refused",
                "9:24: spec.cases[0].expect.decision: unknown decision \"refused\"; known are allowed, warned",
            ),
            ("    object", "    objekt", "8:13: spec.cases[0].objekt: unknown field `objekt`"),
            (
                "policies: [policy.yaml]",
                "policies: []",
                "5:13: spec.policies: is empty; name the policies that are tested",
            ),
            (
                "podgate.dev/v1",
                "podgate.dev/v2",
                "1:13: apiVersion: unknown version \"podgate.dev/v2\"; write podgate.dev/v1",
            ),
            (
                "[x]",
                "x",
                "9:39: spec.cases[0].expect.rules: invalid type: string \"x\", expected a sequence",
            ),
            ("metadata: {name: t}", "metadata: {}", "3:11: metadata: missing field `name`"),
        ] {
            let error = read(&GOOD.replace(from, to)).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}\nwant {expected}");
        }
        assert!(read("a: [").is_err());
    }
}
