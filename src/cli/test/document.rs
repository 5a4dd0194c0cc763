//! `PolicyTest` documents, as they are written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::{Map, Value};

use crate::engine::Outcome;
use crate::policy::{API_VERSION, schema};
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

/// Policies held to cases: requests, and what must become of them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(title = "PolicyTest")]
struct Envelope {
    /// The version of the document.
    #[schemars(extend("const" = API_VERSION))]
    api_version: String,
    /// What the document is.
    #[serde(rename = "kind")]
    #[schemars(extend("const" = KIND))]
    _kind: String,
    /// The document's name.
    metadata: Metadata,
    /// The cases, and the policies that they are about.
    spec: Spec,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Metadata {
    /// Names the test in reports.
    name: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    /// Files and folders of policies, from the folder that the document stands in.
    #[schemars(length(min = 1))]
    policies: Vec<String>,
    /// Labels that exceptions may select by, because only trusted people can set them.
    #[serde(default)]
    trusted_labels: Vec<String>,
    /// When it is, for cases that do not say; absent, now.
    time: Option<Timestamp>,
    /// Requests, and what must become of each.
    #[schemars(length(min = 1))]
    cases: Vec<Case>,
}

/// One request, and what must become of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Case {
    /// Names the case; its request has it for a uid.
    pub(super) name: String,
    /// The object after the operation, as it would be sent.
    #[schemars(with = "Map<String, Value>")]
    pub(super) object: Value,
    /// The object before an update; that it is there makes the case one.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub(super) old_object: Option<Value>,
    /// The part of the object that the request is about, such as ephemeralcontainers.
    #[serde(default)]
    pub(super) subresource: String,
    /// The namespace, where the object says nothing itself. Default default.
    pub(super) namespace: Option<String>,
    /// Labels of the namespace; not known where they are absent.
    pub(super) namespace_labels: Option<BTreeMap<String, String>>,
    /// Who sends the request.
    #[serde(default)]
    pub(super) user: User,
    /// When it is; absent, as spec.time says.
    pub(super) time: Option<Timestamp>,
    /// What must become of the request.
    pub(super) expect: Expect,
}

/// Who sends the request.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    /// The user's name, such as system:serviceaccount:NAMESPACE:NAME.
    #[serde(default)]
    pub(super) username: String,
    /// The groups that the user is in.
    #[serde(default)]
    pub(super) groups: Vec<String>,
}

/// What must become of a request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// What the decision must be.
    #[serde(deserialize_with = "outcome")]
    #[schemars(with = "String", extend("enum" = EXPECTED.map(Outcome::as_str)))]
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

/// The shape of a document, whole, for editors.
pub(in crate::cli) fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = Some(schema::editor::DRAFT.into());
    });
    settings.into_generator().into_root_schema_for::<Envelope>().to_value()
}

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
