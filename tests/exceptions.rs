//! Exceptions: how far ahead they may end, who is told before they do, and which of them somebody should look at.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use podgate::admission::Attributes;
use podgate::engine::{self, Decision, Scope};
use podgate::ledger::chain::{self, Head, canonical};
use podgate::policy::{self, Options, PolicySet, Source, Terms};
use podgate::server::{Metrics, PolicyStore, State, app};
use serde_json::{Value, json};
use tower::ServiceExt as _;

#[path = "support/commands.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod commands;

use commands::{podgate, stderr, stdout};

const POLICY: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: gate}
spec:
  rules:
  - privileged: {}
  - hostNamespaces: {}
  - hostPorts: {}
    enforcement: Warn
";

fn exception(name: &str, rules: &str, scope: &str, expires: &str) -> String {
    format!(
        "---
apiVersion: podgate.dev/v1
kind: PodPolicyException
metadata: {{name: {name}}}
spec:
  policy: gate
  rules: [{rules}]
  match: {{namespaces: {scope}}}
  reason: a test
  owner: ada@example.com
  expires: {expires}
"
    )
}

fn compile(text: String, options: &Options) -> Result<PolicySet, String> {
    let source = Source { name: "gate.yaml".to_owned(), text };
    policy::compile(&[source], options)
        .map(|(set, _)| set)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn an_exception_may_not_end_later_than_the_admin_allows() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let terms = Terms { longest_life: Some(Duration::from_hours(90 * 24)), ..Terms::default() };
    let options = Options { terms, ..Options::at(now) };
    let text =
        |expires| POLICY.to_owned() + &exception("a", "privileged", "{include: [shop]}", expires);
    assert!(compile(text("2026-04-01T00:00:00Z"), &options).is_ok(), "the last moment");
    let error = compile(text("2026-04-01T00:00:01Z"), &options).unwrap_err();
    assert_eq!(
        error,
        "gate.yaml:20:12: error: spec.expires: 2026-04-01T00:00:01Z is too far ahead; \
         --max-exception-life lets an exception end by 2026-04-01T00:00:00Z; renew it then"
    );
    // What loads once loads for as long as it lasts.
    let later = Options { now: now + SignedDuration::from_hours(1), ..options.clone() };
    assert!(compile(text("2026-04-01T00:00:01Z"), &later).is_ok());
    assert!(compile(text("2099-04-01T00:00:00Z"), &Options::at(now)).is_ok(), "no limit");
    let longest = Terms { longest_life: Some(Duration::MAX), ..Terms::default() };
    assert!(compile(text("2099-04-01T00:00:00Z"), &Options { terms: longest, ..options }).is_ok());
}

/// The answer of an endpoint to a privileged pod on a port of its node, in `shop`.
async fn ask(set: PolicySet, decide: Decide, path: &str) -> Value {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"hostPID": true, "containers": [{"name": "app", "image": "a", "ports": [{"containerPort": 1, "hostPort": 1}],
            "securityContext": {"privileged": true}}]},
    });
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"}, "namespace": "shop", "operation": "CREATE",
        "userInfo": {"username": "ada"}, "object": pod,
    }});
    let state =
        State { decide, ..State::new(Arc::new(PolicyStore::new(set)), Arc::new(Metrics::new())) };
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(review.to_string()));
    let answer = app(Arc::new(state)).oneshot(request.unwrap()).await.unwrap();
    let answer = answer.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice::<Value>(&answer).unwrap()["response"].clone()
}

type Decide = fn(&PolicySet, &Attributes<'_>, Scope, &str, Timestamp) -> Decision;

/// The judgement at a moment.
macro_rules! at {
    ($moment:literal) => {
        |set, attributes, scope, identity, _| {
            engine::decide(set, attributes, scope, identity, $moment.parse().unwrap())
        }
    };
}

#[tokio::test]
async fn who_leans_on_an_exception_is_told_for_two_weeks_before_it_ends() {
    let documents = POLICY.to_owned()
        + &exception(
            "ours",
            "privileged, hostNamespaces, hostPorts",
            "{include: [shop]}",
            "2026-12-31T00:00:00Z",
        )
        // Nobody in shop leans on it.
        + &exception("theirs", "privileged", "{include: [lab]}", "2026-12-31T00:00:00Z");
    let set = || compile(documents.clone(), &Options::at(Timestamp::UNIX_EPOCH)).unwrap();
    let told = json!([
        "podgate: exception ours ends on 2026-12-31T00:00:00Z, then hostNamespaces, privileged is refused; \
         to renew it ask ada@example.com"
    ]);
    let days: [(Decide, bool, Value); 4] = [
        (at!("2026-12-16T23:59:59Z"), true, Value::Null),
        (at!("2026-12-17T00:00:00Z"), true, told.clone()),
        (at!("2026-12-30T23:59:59Z"), true, told),
        (at!("2026-12-31T00:00:00Z"), false, Value::Null),
    ];
    for (day, (decide, allowed, warnings)) in days.into_iter().enumerate() {
        let answer = ask(set(), decide, "/validate").await;
        assert_eq!(answer["allowed"], allowed, "{day}: {answer}");
        assert_eq!(answer["warnings"], warnings, "{day}");
        // A rule that only warns refuses nothing when the exception ends.
        let observed = ask(set(), decide, "/observe").await;
        assert_eq!(observed["warnings"].is_null(), allowed, "{day}: {observed}");
    }
}

/// A folder with policies, exceptions and what was decided by them.
fn folder(name: &str, documents: &str, records: &[Value]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("exceptions-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("gate.yaml"), documents).unwrap();
    let (mut lines, mut head) = (Vec::new(), Head::START);
    for record in records {
        let body = canonical(record.as_object().unwrap()).unwrap();
        chain::append(&mut lines, &mut head, body.as_bytes());
    }
    fs::write(folder.join("records.jsonl"), lines).unwrap();
    folder
}

/// The time as the command sees it.
#[expect(clippy::disallowed_methods, reason = "a process is told no time, it has a clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// The record of a decision that leant on an exception.
fn leant(days_ago: i64, namespace: &str, exception: &str, rule: &str) -> Value {
    json!({
        "boot": "b", "cluster": "c", "replica": "r", "schema": "podgate.dev/decision/v1",
        "time": now() - SignedDuration::from_hours(24 * days_ago),
        "decision": "excepted", "decisionId": "7f3k-92", "dryRun": false, "exceptions": [exception], "fixes": [], "images": [],
        "incident": "1", "latencyMicros": 1, "operation": "CREATE", "policySet": {"digest": "sha256:set", "generation": 1},
        "object": {"apiVersion": "v1", "digest": "", "generateName": "", "kind": "Pod", "name": "web", "namespace": namespace, "uid": ""},
        "requestUid": "r", "subresource": "", "user": {"groups": [], "name": "ada", "uid": ""},
        "violations": [{"allowed": "", "container": "", "enforcement": "Deny", "exception": exception, "fix": "", "found": "",
            "path": "spec", "policy": "gate", "rule": rule, "settled": "exception"}],
    })
}

/// All kinds of exceptions that somebody should look at, and one that is as it should be.
fn all_kinds() -> String {
    let soon = now() + SignedDuration::from_hours(24 * 13);
    let soon = Timestamp::from_second(soon.as_second()).unwrap().to_string();
    let year = "2099-01-01T00:00:00Z";
    [
        POLICY.to_owned(),
        exception("as-it-should-be", "privileged", "{include: [shop]}", year),
        exception("ended", "privileged", "{include: [shop]}", "2026-01-01T00:00:00Z"),
        exception("ends-soon", "privileged", "{include: [shop]}", &soon),
        exception("everywhere", "privileged", "{exclude: [kube-system]}", year),
        exception(
            "half-used",
            "privileged, hostNamespaces",
            "{include: [shop, lab, \"x-*\"]}",
            year,
        ),
        exception("unused", "privileged", "{include: [shop]}", year),
    ]
    .concat()
}

fn records() -> [Value; 8] {
    [
        leant(60, "shop", "unused", "privileged"),
        leant(20, "shop", "as-it-should-be", "privileged"),
        leant(10, "shop", "as-it-should-be", "privileged"),
        leant(9, "shop", "ends-soon", "privileged"),
        leant(8, "tools", "everywhere", "privileged"),
        leant(8, "dev", "everywhere", "privileged"),
        leant(7, "shop", "half-used", "privileged"),
        leant(6, "shop", "ended", "privileged"),
    ]
}

/// The names of what should be looked at, each with the kinds of why.
fn concerns(folder: &Path, args: &[&str]) -> Vec<(String, Vec<String>)> {
    let args: Vec<&str> = ["exceptions", "-o", "json", "--policies", "gate.yaml"]
        .iter()
        .chain(args)
        .copied()
        .collect();
    let output = podgate(folder, &args);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let entries: Vec<Value> = serde_json::from_str(&stdout(&output)).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let kinds = |entry: &Value| {
        entry["concerns"].as_array().unwrap().iter().map(|concern| text(&concern["kind"])).collect()
    };
    entries.iter().map(|entry| (text(&entry["name"]), kinds(entry))).collect()
}

fn expected(names: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let owned = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect();
    names.iter().map(|(name, kinds)| ((*name).to_owned(), owned(kinds))).collect()
}

#[test]
fn what_somebody_should_look_at_is_told_with_and_without_a_ledger() {
    let folder = folder("kinds", &all_kinds(), &records());
    assert_eq!(
        concerns(&folder, &[]),
        expected(&[
            ("as-it-should-be", &[]),
            ("ended", &["expired"]),
            ("ends-soon", &["expiring"]),
            ("everywhere", &["everyNamespace"]),
            ("half-used", &[]),
            ("unused", &[]),
        ])
    );
    let with_ledger = expected(&[
        ("as-it-should-be", &[]),
        ("ended", &["expired"]),
        ("ends-soon", &["expiring"]),
        ("everywhere", &["everyNamespace"]),
        ("half-used", &["rulesNotNeeded", "namespacesNotNeeded"]),
        ("unused", &["unused"]),
    ]);
    assert_eq!(concerns(&folder, &["--ledger", "records.jsonl"]), with_ledger);
    let longer = concerns(&folder, &["--ledger", "records.jsonl", "--since", "90d"]);
    assert_eq!(longer.last(), expected(&[("unused", &[])]).last());
}

#[test]
fn a_person_reads_what_to_do() {
    let folder = folder("text", &all_kinds(), &records());
    let args = ["exceptions", "--policies", "gate.yaml", "--ledger", "records.jsonl"];
    let text = stdout(&podgate(&folder, &args));
    for line in [
        "as-it-should-be  active until 2099-01-01T00:00:00Z",
        "  policy gate: privileged, hostNamespaces",
        "  ada@example.com, because: a test",
        "  used 2 times, last ",
        "  look: it has ended and covers nothing: renew it, or remove it",
        "  look: it ends within 14 days: renew it, or let it end",
        "  look: it holds in every namespace, and was needed in dev, tools: list those",
        "  look: nothing broke hostNamespaces: remove it from its rules",
        "  look: nothing needed it in lab: remove it there",
        "  not used",
        "  look: nothing needed it: remove it",
        "6 exceptions, 5 to look at; uses since ",
    ] {
        assert!(text.lines().any(|known| known.starts_with(line)), "no {line:?} in\n{text}");
    }
}

#[test]
fn all_is_well_where_nothing_is_to_look_at_and_mistakes_are_told() {
    let good = exception("good", "privileged", "{include: [shop]}", "2099-01-01T00:00:00Z");
    let folder = folder("good", &(POLICY.to_owned() + &good), &records());
    let run = |args: &[&str]| {
        podgate(&folder, &[&["exceptions", "--policies", "gate.yaml"], args].concat())
    };
    assert_eq!(run(&[]).status.code(), Some(0));
    for (args, told) in [
        (&["--ledger", "nothing.jsonl"][..], "nothing.jsonl"),
        (&["--ledger", "records.jsonl", "--since", "lately"], "--since lately"),
        (&["--since", "3d"], "--ledger"),
        (&["--max-exception-life", "2160h"], "gate.yaml:20:12: error: spec.expires"),
        (&["--max-exception-life", "soon"], "must be a duration"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(told), "{args:?}: {}", stderr(&output));
    }
}
