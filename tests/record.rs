//! The record of each kind of decision: word for word, by its schema, and the same that the sender was told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use podgate::admission::Attributes;
use podgate::engine::{Decision, Scope};
use podgate::ledger::chain::canonical;
use podgate::ledger::{Counters, Entry, Instance, Ledger, writer};
use podgate::policy::{self, Options, PolicySet, Source};
use podgate::server::{Metrics, PolicyStore, Recording, State, app};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const SCHEMA: &str = include_str!("../docs/schema/decision-v1.json");

const GATE: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: gate}
spec:
  rules:
  - privileged: {}
  - hostNamespaces: {}
    enforcement: Warn
";

const FIXING: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: gate}
spec: {fix: Safe, rules: [{allowPrivilegeEscalation: {}}]}
";

const EXCEPTION: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicyException
metadata: {name: ours}
spec:
  policy: gate
  rules: [privileged]
  match: {namespaces: {include: [shop]}}
  reason: a test
  owner: ada@example.com
  expires: 2099-01-01T00:00:00Z
";

fn set(documents: &[&str]) -> PolicySet {
    let sources = [Source { name: "gate.yaml".to_owned(), text: documents.join("---\n") }];
    let options = Options::at(Timestamp::UNIX_EPOCH);
    policy::compile(&sources, &options).unwrap().0
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A pod of a `ReplicaSet`, with what differs.
fn pod(spec: &Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"generateName": "web-6c9f-", "namespace": "shop", "uid": "5f0c",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6c9f", "uid": "77aa", "controller": true}]},
        "spec": {"containers": [{"name": "app", "image": "registry.example.com/web:1"}]},
    });
    for (key, value) in spec.as_object().unwrap() {
        pod["spec"][key] = value.clone();
    }
    pod
}

fn privileged() -> Value {
    pod(
        &json!({"containers": [{"name": "app", "image": "a", "securityContext": {"privileged": true}}]}),
    )
}

fn review(request: &Value) -> String {
    let mut full = json!({
        "uid": "0b4d6a6f-0a5e-4bd5-8b7e-1f2f3a4b5c6d", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"}, "namespace": "shop", "operation": "CREATE",
        "userInfo": {"username": "ada", "uid": "u-1", "groups": ["devs"], "extra": {"token": ["s3cr3t"]}}, "dryRun": false,
    });
    for (key, value) in request.as_object().unwrap() {
        full[key] = value.clone();
    }
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": full})
        .to_string()
}

type Decide = fn(&PolicySet, &Attributes<'_>, Scope, &str, Timestamp) -> Decision;

fn panics(_: &PolicySet, _: &Attributes<'_>, _: Scope, _: &str, _: Timestamp) -> Decision {
    panic!("planted")
}

/// The response to a request, and the records of it.
async fn ask(set: PolicySet, decide: Decide, path: &str, request: &Value) -> (Value, Vec<Value>) {
    let records = Captured::default();
    let instance = Instance {
        boot: "boot".to_owned(),
        cluster: "prod".to_owned(),
        replica: "webhook-0".to_owned(),
    };
    let options = writer::Options::new(|| Timestamp::UNIX_EPOCH);
    let ledger = Ledger::start(instance, options, Counters::default(), records.clone()).unwrap();
    let state = State {
        ledger: Some(Arc::new(ledger)),
        recording: Recording::All,
        decide,
        ..State::new(Arc::new(PolicyStore::new(set)), Arc::new(Metrics::new()))
    };
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(review(request)));
    let answer = app(Arc::new(state)).oneshot(request.unwrap()).await.unwrap();
    let answer = answer.into_body().collect().await.unwrap().to_bytes();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let text = String::from_utf8(records.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("s3cr3t"), "{text}");
    let lines = text.lines().filter(|line| line.contains("podgate.dev/decision/v1"));
    let records = lines.map(|line| {
        assert!(Entry::read(line).unwrap().is_intact());
        serde_json::from_str(line).unwrap()
    });
    (answer["response"].clone(), records.collect())
}

/// Name, policies, judgement, endpoint, request and outcome of each path that a decision can take.
fn paths() -> Vec<(&'static str, PolicySet, Decide, &'static str, Value, &'static str)> {
    let decide: Decide = podgate::engine::decide;
    let bad = json!({"object": privileged()});
    let host = json!({"object": pod(&json!({"hostPID": true}))});
    let unreadable = json!({"object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": "none"}}});
    let debug = json!({"object": privileged(), "oldObject": pod(&json!({})), "operation": "UPDATE", "subResource": "ephemeralcontainers", "name": "web"});
    vec![
        (
            "allowed",
            set(&[GATE]),
            decide,
            "/validate",
            json!({"object": pod(&json!({}))}),
            "allowed",
        ),
        ("denied", set(&[GATE]), decide, "/validate", bad.clone(), "denied"),
        (
            "dry_run",
            set(&[GATE]),
            decide,
            "/validate",
            json!({"object": privileged(), "dryRun": true}),
            "denied",
        ),
        ("subresource", set(&[GATE]), decide, "/validate", debug, "denied"),
        ("warned", set(&[GATE]), decide, "/observe", host, "warned"),
        ("excepted", set(&[GATE, EXCEPTION]), decide, "/validate", bad.clone(), "excepted"),
        ("fixed", set(&[FIXING]), decide, "/mutate", json!({"object": pod(&json!({}))}), "fixed"),
        ("unreadable", set(&[GATE]), decide, "/validate", unreadable, "denied"),
        ("failed", set(&[GATE]), panics, "/validate", bad, "failed"),
    ]
}

#[tokio::test]
async fn each_record_is_word_for_word_what_it_was() {
    for (name, set, decide, path, request, outcome) in paths() {
        let (_, records) = ask(set, decide, path, &request).await;
        let [mut record] =
            <[Value; 1]>::try_from(records).unwrap_or_else(|all| panic!("{name}: {all:?}"));
        assert_eq!(record["decision"], outcome, "{name}");
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        check(&schema, &record, name);
        // What differs from run to run.
        for changing in ["time", "hash", "previous"] {
            record[changing] = json!(format!("[{changing}]"));
        }
        record["latencyMicros"] = json!(0);
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&record).unwrap());
    }
}

#[tokio::test]
async fn a_record_says_what_the_sender_was_told() {
    for (name, set, decide, path, request, outcome) in paths() {
        let (response, records) = ask(set, decide, path, &request).await;
        let record = &records[0];
        let refused = matches!(outcome, "denied" | "failed");
        assert_eq!(response["allowed"], !refused, "{name}: {response}");
        assert_eq!(record["requestUid"], response["uid"], "{name}");
        let code = match name {
            "failed" => 500,
            "unreadable" => 400,
            _ => 403,
        };
        assert_eq!(
            response["status"]["code"].as_u64(),
            refused.then_some(code),
            "{name}: {response}"
        );
        if name != "failed" {
            let told = format!("{outcome} {}", record["decisionId"].as_str().unwrap());
            assert_eq!(response["auditAnnotations"]["decision"], told, "{name}");
        }
        let message = response["status"]["message"].as_str().unwrap_or_default();
        let warnings = response["warnings"].to_string();
        for violation in record["violations"].as_array().unwrap() {
            let rule = violation["rule"].as_str().unwrap();
            let settled = violation["settled"] == "exception";
            assert!(
                settled || message.contains(rule) || warnings.contains(rule),
                "{name}: {rule}: {response}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_written_is_in_canonical_form() {
    for (name, set, decide, path, request, _) in paths() {
        let (_, records) = ask(set, decide, path, &request).await;
        let mut object = records[0].as_object().unwrap().clone();
        let chained: Vec<Value> =
            ["seq", "previous", "hash"].iter().map(|key| object.remove(*key).unwrap()).collect();
        let body = canonical(&object).unwrap();
        let line = format!(
            "{{\"seq\":{},\"previous\":{},\"hash\":{},{}",
            chained[0],
            chained[1],
            chained[2],
            &body[1..]
        );
        assert!(Entry::read(&line).unwrap().is_intact(), "{name}");
    }
}

/// That `value` is as `schema` says, as far as this one uses JSON Schema; and that it has no field which the schema does not know.
fn check(schema: &Value, value: &Value, place: &str) {
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{place}: {value}");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &&str| match *kind {
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    };
    assert!(types.is_empty() || types.iter().any(is), "{place}: {value} is none of {types:?}");
    for item in value.as_array().into_iter().flatten() {
        check(&schema["items"], item, place);
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(required.as_str().unwrap()).is_some(), "{place} lacks {required}");
    }
    for (key, member) in value.as_object().into_iter().flatten() {
        let property = &schema["properties"][key];
        assert!(property.is_object(), "{place}: the schema does not know {key}");
        check(property, member, &format!("{place}.{key}"));
    }
}
