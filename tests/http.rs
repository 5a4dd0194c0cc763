//! The TLS port's routes, without TLS: what is asked, and byte for byte what is answered.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use http_body_util::BodyExt;
use jiff::Timestamp;
use podgate::admission::{Attributes, NamespaceLabels};
use podgate::engine::{Decision, DecisionId, Outcome, Scope, Violation};
use podgate::ledger::{Counters, Entry, Instance, Ledger, writer};
use podgate::policy::{self, Enforcement, Options, PolicySet, Source};
use podgate::rules::{Finding, Found, Remedy};
use podgate::server::metrics::Rejection;
use podgate::server::readiness::Readiness;
use podgate::server::{
    Admin, Metrics, Namespaces, PolicyStore, Recording, State, admin, app, limits,
};
use serde_json::{Value, json};
use tower::ServiceExt;

fn state() -> State {
    let set = PolicySet::default();
    State::new(Arc::new(PolicyStore::new(set)), Arc::new(Metrics::new()))
}

fn review(request: &Value) -> Value {
    let mut full = json!({
        "uid": "0b4d6a6f-0a5e-4bd5-8b7e-1f2f3a4b5c6d",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {"username": "ada", "groups": ["devs"], "extra": {"token": ["s3cr3t-extra"]}},
        "object": pod(),
        "oldObject": null,
        "dryRun": false,
        "options": null,
    });
    for (key, value) in request.as_object().unwrap() {
        full[key] = value.clone();
    }
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": full})
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"containers": [{
            "name": "app", "image": "registry.example.com/web:1",
            "env": [{"name": "PASSWORD", "value": "s3cr3t-env"}],
            "securityContext": {"privileged": true},
        }]},
    })
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header(header::CONTENT_TYPE, "application/json").body(body.into()).unwrap()
}

async fn json_of(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn send(state: State, request: Request<Body>) -> (StatusCode, Value) {
    json_of(app(Arc::new(state)).oneshot(request).await.unwrap()).await
}

/// Sends a review and gives the `response` of the answer.
async fn ask(state: State, path: &str, request: &Value) -> Value {
    let (status, answer) = send(state, post(path, review(request).to_string())).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(answer["kind"], "AdmissionReview");
    assert_eq!(answer["response"]["uid"], "0b4d6a6f-0a5e-4bd5-8b7e-1f2f3a4b5c6d");
    answer["response"].clone()
}

fn decision(
    identity: &str,
    outcome: Outcome,
    enforcement: Enforcement,
    pod: &Attributes<'_>,
) -> Decision {
    let kind = pod.pod_kind().unwrap();
    let view = pod.object.as_ref().unwrap().pod(kind).unwrap();
    let path = view.container_path(view.containers().next().unwrap(), "securityContext.privileged");
    Decision {
        id: DecisionId::new(identity),
        outcome,
        violations: vec![Violation {
            policy: "shared-kernel".into(),
            rule: "privileged".into(),
            enforcement,
            standard: None,
            finding: Finding {
                remedy: Remedy::Remove(path.clone()),
                path,
                found: Found::Bool(true),
                allowed: "absent or false".into(),
                clause: "",
            },
            settled: None,
        }],
        fixes: Vec::new(),
        owner: None,
        note: None,
        ending: Vec::new(),
        pod_security: Vec::new(),
        not_judged: None,
        failure: None,
        faults: Vec::new(),
        policy_set: "digest".to_owned(),
    }
}

/// Finds the same at every endpoint, as an engine would that ignores its scope.
fn denies(_: &PolicySet, pod: &Attributes<'_>, _: Scope, identity: &str, _: Timestamp) -> Decision {
    decision(identity, Outcome::Denied, Enforcement::Deny, pod)
}

/// Denies what it cannot read too.
fn denies_all(
    set: &PolicySet,
    pod: &Attributes<'_>,
    scope: Scope,
    id: &str,
    now: Timestamp,
) -> Decision {
    if pod.unreadable.is_some() {
        return podgate::engine::decide(set, pod, scope, id, now);
    }
    denies(set, pod, scope, id, now)
}

fn warns(_: &PolicySet, pod: &Attributes<'_>, _: Scope, identity: &str, _: Timestamp) -> Decision {
    decision(identity, Outcome::Warned, Enforcement::Warn, pod)
}

fn panics(_: &PolicySet, _: &Attributes<'_>, _: Scope, _: &str, _: Timestamp) -> Decision {
    panic!("planted")
}

#[tokio::test]
async fn a_denial_is_forbidden_and_says_what_where_and_how_to_fix_it() {
    let response = ask(State { decide: denies, ..state() }, "/validate", &json!({})).await;
    assert_eq!(response["allowed"], false);
    assert_eq!(response["status"]["code"], 403);
    assert_eq!(response["status"]["reason"], "Forbidden");
    let message = response["status"]["message"].as_str().unwrap();
    assert!(message.starts_with("1 violation of policy shared-kernel (decision "), "{message}");
    assert!(message.contains("containers[app].securityContext.privileged is true"), "{message}");
    assert!(message.contains("fix: remove spec.containers[0]"), "{message}");
    assert_eq!(response["auditAnnotations"]["rules"], "privileged");
    assert!(response["auditAnnotations"]["decision"].as_str().unwrap().starts_with("denied "));
}

#[tokio::test]
async fn validate_carries_neither_patch_nor_warnings() {
    let response = ask(State { decide: warns, ..state() }, "/validate", &json!({})).await;
    assert_eq!(response["allowed"], true);
    for absent in ["patch", "patchType", "warnings", "status"] {
        assert!(response.get(absent).is_none(), "{response}");
    }
}

#[tokio::test]
async fn observe_warns_and_never_refuses() {
    let response = ask(State { decide: warns, ..state() }, "/observe", &json!({})).await;
    assert_eq!(response["allowed"], true);
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("podgate: policy shared-kernel: privileged: "), "{warning}");
    let response = ask(State { decide: denies, ..state() }, "/observe", &json!({})).await;
    assert_eq!(response["allowed"], true);
}

/// A state whose one policy fills in what Restricted wants, as far as it is safe.
fn fixing() -> State {
    let text = "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: gate}\n\
                spec: {fix: Safe, standard: {level: Restricted, version: v1.37}}\n";
    let sources = [Source { name: "gate.yaml".to_owned(), text: text.to_owned() }];
    let options = Options::at(Timestamp::UNIX_EPOCH);
    let (set, _) = policy::compile(&sources, &options).unwrap();
    State::new(Arc::new(PolicyStore::new(set)), Arc::new(Metrics::new()))
}

fn plain_pod() -> Value {
    let containers = json!([{"name": "app", "image": "a", "securityContext": {"runAsUser": 1}}]);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": containers}})
}

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A ledger whose lines are captured.
fn ledger(records: &Captured) -> Arc<Ledger> {
    let instance = Instance::boot("test".to_owned(), "replica-0".to_owned());
    let options = writer::Options::new(|| NOW);
    Arc::new(Ledger::start(instance, options, Counters::default(), records.clone()).unwrap())
}

#[tokio::test]
async fn mutate_fills_in_what_is_absent_and_tells_of_each_field() {
    let records = Captured::default();
    let ledger = ledger(&records);
    let state = Arc::new(State { ledger: Some(ledger), ..fixing() });
    let request = review(&json!({"object": plain_pod()})).to_string();
    let answer = app(Arc::clone(&state)).oneshot(post("/mutate", request)).await.unwrap();
    let (_, answer) = json_of(answer).await;
    let response = &answer["response"];
    assert_eq!(response["allowed"], true);
    assert_eq!(response["patchType"], "JSONPatch");
    let patch = base64::engine::general_purpose::STANDARD
        .decode(response["patch"].as_str().unwrap())
        .unwrap();
    let patch: Value = serde_json::from_slice(&patch).unwrap();
    let context = "/spec/containers/0/securityContext";
    assert_eq!(
        patch,
        json!([
            {"op": "add", "path": "/spec/securityContext",
                "value": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}}},
            {"op": "add", "path": format!("{context}/allowPrivilegeEscalation"), "value": false},
            {"op": "add", "path": format!("{context}/capabilities"), "value": {"drop": ["ALL"]}},
        ])
    );
    let warnings = response["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 4);
    assert_eq!(
        warnings[0],
        "podgate: policy gate: set spec.securityContext.runAsNonRoot to true (rule runAsNonRoot, safe)"
    );
    let annotations = &response["auditAnnotations"];
    assert!(annotations["decision"].as_str().unwrap().starts_with("fixed "), "{annotations}");
    assert!(annotations["fixes"].as_str().unwrap().contains("runAsNonRoot to true; set "));
    let routes = admin(Admin {
        metrics: Arc::clone(&state.metrics),
        store: Arc::new(OnceLock::from(Arc::clone(&state.store))),
        ..Admin::default()
    });
    let metrics = routes.oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await;
    let metrics = metrics.unwrap().into_body().collect().await.unwrap().to_bytes();
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    assert!(
        metrics.contains(
            r#"podgate_reviews_total{endpoint="mutate",operation="CREATE",decision="fixed"} 1"#
        ),
        "{metrics}"
    );
    drop(state);
    let record = &records.decisions()[0];
    assert_eq!(record["decision"], "fixed");
    assert_eq!(
        record["fixes"][0],
        json!({"policy": "gate", "rule": "runAsNonRoot", "path": "spec.securityContext.runAsNonRoot",
            "value": "true", "applicability": "safe"})
    );
}

#[tokio::test]
async fn mutate_leaves_alone_what_it_need_not_or_cannot_fix() {
    let unchanged = json!({"uid": "0b4d6a6f-0a5e-4bd5-8b7e-1f2f3a4b5c6d", "allowed": true});
    let unreadable = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": "none"}});
    let update = json!({"operation": "UPDATE", "object": plain_pod(), "oldObject": plain_pod()});
    for (state, request) in [
        (state(), json!({"object": plain_pod()})),
        (fixing(), json!({"object": unreadable})),
        (fixing(), update),
    ] {
        let records = Captured::default();
        let ledger = ledger(&records);
        let state = State { ledger: Some(ledger), recording: Recording::All, ..state };
        assert_eq!(ask(state, "/mutate", &request).await, unchanged);
        assert_eq!(
            records.decisions(),
            [] as [Value; 0],
            "what is left alone is recorded where it is judged"
        );
    }
}

#[tokio::test]
async fn what_brings_no_pod_is_allowed() {
    let namespace = json!({"kind": {"group": "", "version": "v1", "kind": "Namespace"},
        "resource": {"group": "", "version": "v1", "resource": "namespaces"},
        "object": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}, "spec": {"finalizers": ["kubernetes"]}}});
    let delete = json!({"operation": "DELETE", "object": null, "oldObject": pod()});
    let connect = json!({"operation": "CONNECT", "subResource": "exec",
        "kind": {"group": "", "version": "v1", "kind": "PodExecOptions"},
        "object": {"kind": "PodExecOptions", "apiVersion": "v1", "command": ["sh"]}});
    for request in [namespace, delete, connect] {
        for path in ["/validate", "/observe", "/mutate"] {
            let response = ask(state(), path, &request).await;
            assert_eq!(response["allowed"], true, "{path} {request}");
        }
    }
}

/// Knows the namespace `shop`, with one label.
#[derive(Debug)]
struct Known(&'static str);

impl Namespaces for Known {
    fn labels(&self, namespace: &str) -> Option<NamespaceLabels> {
        (namespace == "shop").then(|| Arc::from([("tier".to_owned(), self.0.to_owned())]))
    }
}

#[tokio::test]
async fn a_namespace_is_in_scope_until_its_labels_say_otherwise() {
    let state = |known: Option<&'static str>| {
        let text = "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: gate}\n\
                    spec: {match: {namespaceSelector: {matchLabels: {tier: prod}}}, rules: [privileged: {}]}\n";
        let sources = [Source { name: "gate.yaml".to_owned(), text: text.to_owned() }];
        let options = Options::at(Timestamp::UNIX_EPOCH);
        let (set, _) = policy::compile(&sources, &options).unwrap();
        let state = State::new(Arc::new(PolicyStore::new(set)), Arc::new(Metrics::new()));
        State { namespaces: known.map(|tier| Arc::new(Known(tier)) as _), ..state }
    };
    let ask = async |known, namespace: &str| {
        ask(state(known), "/validate", &json!({"namespace": namespace})).await["allowed"].clone()
    };
    assert_eq!(ask(Some("prod"), "shop").await, false);
    assert_eq!(ask(Some("test"), "shop").await, true);
    assert_eq!(ask(Some("test"), "new").await, false, "nobody has heard of it yet");
    assert_eq!(ask(None, "shop").await, false, "nobody watches");
}

#[tokio::test]
async fn a_pod_that_cannot_be_read_is_refused_with_its_uid_and_never_by_observe() {
    let request =
        json!({"object": {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": "none"}}});
    let response = ask(state(), "/validate", &request).await;
    assert_eq!(response["allowed"], false);
    assert_eq!(response["status"]["code"], 400);
    assert_eq!(response["status"]["reason"], "BadRequest");
    let response = ask(state(), "/observe", &request).await;
    assert_eq!(response["allowed"], true);
    assert!(response["warnings"][0].as_str().unwrap().contains("not judged"), "{response}");
}

#[tokio::test]
async fn what_is_no_review_gets_400_and_a_reason() {
    let without = |field: &str| {
        let mut review = review(&json!({}));
        review["request"].as_object_mut().unwrap().remove(field);
        review.to_string().into_bytes()
    };
    let v1beta1 = review(&json!({})).to_string().replace("io/v1", "io/v1beta1");
    for (body, reason) in [
        (Vec::new(), "InvalidJson"),
        (b"{".to_vec(), "InvalidJson"),
        (b"\xff\xfe".to_vec(), "InvalidUtf8"),
        (b"[]".to_vec(), "InvalidReview"),
        (b"{}".to_vec(), "NotAdmissionReview"),
        (pod().to_string().into_bytes(), "NotAdmissionReview"),
        (v1beta1.into_bytes(), "UnsupportedVersion"),
        (without("uid"), "MissingField"),
        (without("operation"), "MissingField"),
        (without("kind"), "MissingField"),
        (review(&json!({"operation": "PATCH"})).to_string().into_bytes(), "UnknownOperation"),
    ] {
        let text = String::from_utf8_lossy(&body).into_owned();
        let state = Arc::new(state());
        let response = app(Arc::clone(&state)).oneshot(post("/validate", body)).await.unwrap();
        let (status, answer) = json_of(response).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
        assert_eq!(answer["reason"], reason, "{text}: {answer}");
        assert!(!answer["message"].as_str().unwrap().is_empty());
        assert_eq!(state.metrics.rejections(Rejection::InvalidReview), 1);
    }
}

#[tokio::test]
async fn wrong_paths_methods_and_media_types_get_json_too() {
    let (status, answer) = send(state(), post("/nowhere", "")).await;
    assert_eq!((status, &answer["reason"]), (StatusCode::NOT_FOUND, &json!("NotFound")));
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request =
            Request::builder().method(method).uri("/validate").body(Body::empty()).unwrap();
        let (status, answer) = send(state(), request).await;
        let expected = (StatusCode::METHOD_NOT_ALLOWED, &json!("MethodNotAllowed"));
        assert_eq!((status, &answer["reason"]), expected);
    }
    for media_type in ["", "text/plain", "application/jsonp", "application/yaml"] {
        let mut request = post("/validate", review(&json!({})).to_string());
        request.headers_mut().insert(header::CONTENT_TYPE, media_type.parse().unwrap());
        let (status, answer) = send(state(), request).await;
        let expected = (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!("UnsupportedMediaType"));
        assert_eq!((status, &answer["reason"]), expected);
    }
    let mut request = post("/validate", review(&json!({})).to_string());
    request
        .headers_mut()
        .insert(header::CONTENT_TYPE, "Application/JSON; charset=utf-8".parse().unwrap());
    assert_eq!(send(state(), request).await.0, StatusCode::OK);
}

/// A review of exactly `length` bytes.
fn sized(length: usize) -> Vec<u8> {
    let mut body = review(&json!({})).to_string().into_bytes();
    body.resize(length, b' ');
    body
}

#[tokio::test]
async fn a_body_is_read_up_to_the_limit_and_not_a_byte_further() {
    for (length, expected) in [
        (limits::BODY_LIMIT - 1, StatusCode::OK),
        (limits::BODY_LIMIT, StatusCode::OK),
        (limits::BODY_LIMIT + 1, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        // Once as one frame of unknown length, once announced, once announced falsely.
        let plain = post("/validate", sized(length));
        let mut announced = post("/validate", sized(length));
        announced.headers_mut().insert(header::CONTENT_LENGTH, length.to_string().parse().unwrap());
        let mut lying = post("/validate", sized(length));
        lying.headers_mut().insert(header::CONTENT_LENGTH, "10".parse().unwrap());
        for request in [plain, announced, lying] {
            let (status, answer) = send(state(), request).await;
            assert_eq!(status, expected, "{length}: {answer}");
            if expected != StatusCode::OK {
                assert_eq!(answer["reason"], "BodyTooLarge");
            }
        }
    }
}

#[tokio::test]
async fn an_announced_length_past_the_limit_is_refused_before_the_body_comes() {
    let (_sender, body) = pending_body();
    let mut request = post("/validate", body);
    let length = (limits::BODY_LIMIT + 1).to_string();
    request.headers_mut().insert(header::CONTENT_LENGTH, length.parse().unwrap());
    assert_eq!(send(state(), request).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

/// A body of which nothing comes while the sender lives.
fn pending_body() -> (tokio::sync::mpsc::Sender<()>, Body) {
    struct Pending(tokio::sync::mpsc::Receiver<()>);
    impl axum::body::HttpBody for Pending {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
            self.0.poll_recv(cx).map(|_| None)
        }
    }
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    (sender, Body::new(Pending(receiver)))
}

#[tokio::test]
async fn past_the_requests_in_flight_the_client_is_told_to_come_again() {
    let state = Arc::new(State { in_flight: tokio::sync::Semaphore::new(1), ..state() });
    let permit = state.in_flight.acquire().await.unwrap();
    let request = post("/validate", review(&json!({})).to_string());
    let response = app(Arc::clone(&state)).oneshot(request).await.unwrap();
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    let (status, answer) = json_of(response).await;
    assert_eq!(
        (status, &answer["reason"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("TooManyRequests"))
    );
    assert_eq!(state.metrics.rejections(Rejection::Busy), 1);
    drop(permit);
    let request = post("/validate", review(&json!({})).to_string());
    let response = app(Arc::clone(&state)).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(state.in_flight.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_ends_at_the_deadline() {
    for (path, seconds) in [
        ("/validate?timeout=10s", 9),
        ("/validate?timeout=nonsense", 9),
        ("/validate?timeout=1m0s", 54),
    ] {
        let (_sender, body) = pending_body();
        let state = Arc::new(state());
        let started = tokio::time::Instant::now();
        let response = app(Arc::clone(&state)).oneshot(post(path, body)).await.unwrap();
        let (status, answer) = json_of(response).await;
        assert_eq!((status, &answer["reason"]), (StatusCode::GATEWAY_TIMEOUT, &json!("Timeout")));
        assert_eq!(started.elapsed().as_secs(), seconds);
        assert_eq!(state.metrics.rejections(Rejection::Timeout), 1);
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_not_given() {
    // Nobody decides within a nanosecond.
    let request = post("/validate?timeout=1ns", review(&json!({})).to_string());
    let (status, _) = send(state(), request).await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn a_panic_refuses_at_validate_and_fails_elsewhere() {
    let state = Arc::new(State { decide: panics, ..state() });
    let send = |path| app(Arc::clone(&state)).oneshot(post(path, review(&json!({})).to_string()));
    let (status, answer) = json_of(send("/validate").await.unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["response"]["allowed"], false);
    assert_eq!(answer["response"]["status"]["code"], 500);
    assert_eq!(answer["response"]["status"]["reason"], "InternalError");
    assert_eq!(answer["response"]["uid"], "0b4d6a6f-0a5e-4bd5-8b7e-1f2f3a4b5c6d");
    let (status, answer) = json_of(send("/observe").await.unwrap()).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer["reason"], "InternalError");
    assert_eq!(state.metrics.panics(), 2);
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

impl Captured {
    /// The records of decisions.
    fn decisions(&self) -> Vec<Value> {
        let text = self.text();
        let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.filter(|record| record["schema"] == "podgate.dev/decision/v1").collect()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn records_and_logs_hold_no_secret() {
    let (records, logs) = (Captured::default(), Captured::default());
    let writer = logs.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::info!("captured");
    // Read, unreadable beside its secrets, and unreadable within them.
    let mut unreadable = pod();
    unreadable["spec"]["containers"][0]["securityContext"] = json!("none");
    let mut odd = pod();
    odd["spec"]["containers"][0]["env"] = json!("s3cr3t-env");
    let bodies = [pod(), unreadable, odd].map(|pod| review(&json!({"object": pod})).to_string());
    for decide in [podgate::engine::decide as podgate::server::app::Decide, denies_all, panics] {
        let ledger = ledger(&records);
        let recording = Recording::All;
        let state = Arc::new(State { ledger: Some(ledger), recording, decide, ..state() });
        for body in &bodies {
            for path in ["/validate", "/observe", "/mutate"] {
                app(Arc::clone(&state)).oneshot(post(path, body.clone())).await.unwrap();
            }
        }
        drop(state);
    }
    let (records, logs) = (records.text(), logs.text());
    assert!(records.lines().count() >= 6, "{records}");
    assert!(logs.contains("captured"), "{logs}");
    for line in records.lines() {
        assert!(Entry::read(line).unwrap().is_intact(), "{line}");
    }
    for text in [records, logs] {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}

#[tokio::test]
async fn only_notable_decisions_are_recorded_unless_all_are_asked_for() {
    for (recording, decide, lines) in [
        (Recording::Notable, podgate::engine::decide as podgate::server::app::Decide, 0),
        (Recording::Notable, denies, 1),
        (Recording::All, podgate::engine::decide, 1),
    ] {
        let records = Captured::default();
        let ledger = ledger(&records);
        let state = State { ledger: Some(ledger), recording, decide, ..state() };
        ask(state, "/validate", &json!({})).await;
        let decisions = records.decisions();
        assert_eq!(decisions.len(), lines, "{decisions:?}");
        for record in decisions {
            assert_eq!(record["requestUid"], "0b4d6a6f-0a5e-4bd5-8b7e-1f2f3a4b5c6d");
            assert!(
                record["object"]["digest"].as_str().unwrap().starts_with("sha256:"),
                "{record}"
            );
        }
    }
}

#[tokio::test]
async fn the_admin_port_tells_conditions_policy_set_problems_and_metrics() {
    let state = Arc::new(State { decide: denies, ..state() });
    ask_shared(&state, "/validate").await;
    let readiness = Readiness::default();
    let listening = readiness.condition("listening");
    let routes = admin(Admin {
        metrics: Arc::clone(&state.metrics),
        readiness: readiness.clone(),
        store: Arc::new(OnceLock::from(Arc::clone(&state.store))),
        ..Admin::default()
    });
    let get = |path: &str| routes.clone().oneshot(Request::get(path).body(Body::empty()).unwrap());
    let (status, body) = json_of(get("/readyz").await.unwrap()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["conditions"], json!([{"name": "listening", "met": false}]));
    listening.met();
    state.store.keep(vec!["policy.yaml:3: unknown rule".to_owned()]);
    let (status, body) = json_of(get("/readyz").await.unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["problems"], json!(["policy.yaml:3: unknown rule"]));
    assert_eq!(body["policySet"]["generation"], 1);
    readiness.stop();
    assert_eq!(get("/readyz").await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get("/livez").await.unwrap().status(), StatusCode::OK);
    assert_eq!(json_of(get("/debug").await.unwrap()).await.0, StatusCode::NOT_FOUND);
    let metrics = get("/metrics").await.unwrap().into_body().collect().await.unwrap().to_bytes();
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    for line in [
        r#"podgate_reviews_total{endpoint="validate",operation="CREATE",decision="denied"} 1"#,
        r#"podgate_rule_violations_total{policy="shared-kernel",rule="privileged",enforcement="Deny"} 1"#,
        "podgate_review_duration_seconds_count 1",
        "podgate_policy_set_age_seconds 0",
        "podgate_panics_total 0",
        "podgate_policy_reload_failures_total 0",
        "podgate_ledger_records_total 0",
        "podgate_ledger_lost_total 0",
        "podgate_build_info{version=",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    assert!(!metrics.contains("shop"), "{metrics}");
}

async fn ask_shared(state: &Arc<State>, path: &str) {
    let request = post(path, review(&json!({})).to_string());
    assert_eq!(app(Arc::clone(state)).oneshot(request).await.unwrap().status(), StatusCode::OK);
}

const SHARED_KERNEL: &str = "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: shared-kernel}\n\
                             spec: {rules: [privileged: {}]}\n";

/// What `/policies` says of a policy or an exception with this spec.
async fn apply(kind: &str, name: &str, spec: &Value, more: &Value) -> Value {
    let file = Source { name: "a.yaml".to_owned(), text: SHARED_KERNEL.to_owned() };
    let options = Options::at(Timestamp::UNIX_EPOCH);
    let (set, _) = policy::compile(std::slice::from_ref(&file), &options).unwrap();
    let store = Arc::new(PolicyStore::with_sources(set, vec![file]));
    let state = State::new(store, Arc::new(Metrics::new()));
    let mut request = json!({
        "kind": {"group": "podgate.dev", "version": "v1", "kind": kind},
        "resource": {"group": "podgate.dev", "version": "v1", "resource": "podpolicies"},
        "object": {"apiVersion": "podgate.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": spec},
    });
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    ask(state, "/policies", &request).await
}

#[tokio::test]
async fn a_broken_policy_is_invalid_with_every_line() {
    let spec = json!({"enforcement": "Deni", "rules": [{"hostPorts": {}}, {"privilegd": {}}]});
    let response = apply("PodPolicy", "new", &spec, &json!({})).await;
    assert_eq!(response["allowed"], false);
    assert_eq!(
        response["status"],
        json!({"code": 422, "reason": "Invalid", "message":
            "2 errors in PodPolicy new\n  line 6, column 16: spec.enforcement: unknown enforcement \"Deni\"; did you mean \
             \"Deny\"?\n  line 9, column 7: spec.rules[1].privilegd: unknown rule \"privilegd\"; did you mean \"privileged\"?"})
    );
}

#[tokio::test]
async fn a_policy_is_compiled_with_the_set_in_force() {
    let good = json!({"rules": [{"hostPorts": {}}]});
    let response = apply("PodPolicy", "new", &good, &json!({})).await;
    assert_eq!((&response["allowed"], &response["warnings"]), (&json!(true), &Value::Null));
    // A name that a file has.
    let response = apply("PodPolicy", "shared-kernel", &good, &json!({})).await;
    let message = response["status"]["message"].as_str().unwrap();
    assert!(
        message.contains("policy shared-kernel is already defined at a.yaml:3:18"),
        "{message}"
    );
    // What loads, and should be looked at.
    let spec = json!({"match": {"podSelector": {"matchLabels": {"a": "b"}}}, "rules": [{"hostPorts": {}}]});
    let response = apply("PodPolicy", "new", &spec, &json!({})).await;
    assert_eq!(response["allowed"], true);
    assert!(response["warnings"][0].as_str().unwrap().contains("leaves pods out by label"));
}

#[tokio::test]
async fn an_exception_may_come_before_its_policy_but_not_after_its_end() {
    let exception = |policy: &str, rule: &str, expires: &str| {
        json!({"policy": policy, "rules": [rule], "match": {"namespaces": {"include": ["a"]}},
               "reason": "r", "owner": "o", "expires": expires})
    };
    let apply = async |spec: Value| apply("PodPolicyException", "e", &spec, &json!({})).await;
    let late = "2127-01-01T00:00:00Z";
    assert_eq!(apply(exception("shared-kernel", "privileged", late)).await["allowed"], true);
    let early = apply(exception("later", "privileged", late)).await;
    assert_eq!(early["allowed"], true);
    assert!(early["warnings"][0].as_str().unwrap().contains("there is no policy"), "{early}");
    let ended = apply(exception("shared-kernel", "privileged", "2020-01-01T00:00:00Z")).await;
    assert_eq!(ended["status"]["code"], 422);
    let stray = apply(exception("shared-kernel", "hostPorts", late)).await;
    assert!(stray["status"]["message"].as_str().unwrap().contains("has no rule"), "{stray}");
}

#[tokio::test]
async fn what_stores_no_new_policy_is_let_through() {
    let broken = json!({"rules": []});
    for more in [
        json!({"operation": "DELETE"}),
        json!({"subResource": "status"}),
        json!({"kind": {"group": "example.com", "version": "v1", "kind": "PodPolicy"}}),
    ] {
        assert_eq!(apply("PodPolicy", "new", &broken, &more).await["allowed"], true, "{more}");
    }
}
