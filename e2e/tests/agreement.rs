//! `podgate check` and the webhook say the same of every fixture of upstream's, word by word.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use axum::body::Body;
use axum::http::Request;
use e2e::oracle::{self, Fixture};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use podgate::engine::{self, Scope};
use podgate::manifest;
use podgate::policy::{self, Options, PolicySet, Source};
use podgate::server::{Metrics, PolicyStore, State, app};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const UID: &str = "4f0b8a52-6c1d-4f5e-9a70-b1d9e3c2f4aa";

#[test]
fn check_and_webhook_agree_on_every_fixture() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut gates = BTreeMap::new();
    let (mut seen, mut allowed) = (0, 0);
    oracle::judgements(&["fixtures"], |line| {
        let fixture: Fixture<'_> = serde_json::from_str(line)?;
        let key = (fixture.level.clone(), fixture.version.clone());
        if !gates.contains_key(&key) {
            gates.insert(key.clone(), gate(&fixture.level, &fixture.version)?);
        }
        let state: &Arc<State> = &gates[&key];
        let checked = check(&state.store.load().set, fixture.pod.get())?;
        let answered = runtime.block_on(answer(Arc::clone(state), fixture.pod))?;
        ensure!(checked == answered, "{}: check {checked:?}, webhook {answered:?}", fixture.id);
        ensure!(checked.0 == fixture.allowed, "{}: {checked:?}", fixture.id);
        seen += 1;
        allowed += usize::from(checked.0);
        Ok(())
    })
    .unwrap();
    assert_eq!((seen, allowed), (4537, 1051));
}

fn gate(level: &str, version: &str) -> Result<Arc<State>> {
    let level = if level == "baseline" { "Baseline" } else { "Restricted" };
    let text = format!(
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {{name: gate}}\n\
         spec: {{standard: {{level: {level}, version: {version}}}}}\n"
    );
    let source = Source { name: "gate.yaml".to_owned(), text };
    let options = Options::at(Timestamp::now());
    let (set, _) =
        policy::compile(&[source], &options).map_err(|problems| anyhow!("{problems:?}"))?;
    Ok(Arc::new(State::new(Arc::new(PolicyStore::new(set)), Arc::new(Metrics::new()))))
}

/// What `podgate check` makes of a manifest: whether it passes, and the text of the denial.
fn check(set: &PolicySet, manifest: &str) -> Result<(bool, String)> {
    let documents = manifest::read(manifest)?;
    let [document] = &documents[..] else { return Err(anyhow!("{} documents", documents.len())) };
    let decision =
        engine::decide(set, &document.attributes("default"), Scope::All, UID, Timestamp::now());
    Ok((decision.outcome.is_allowed(), decision.message()))
}

/// What the webhook answers to the creation of a pod.
async fn answer(state: Arc<State>, pod: &RawValue) -> Result<(bool, String)> {
    let review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": UID,
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": {"username": "admin"},
            "object": pod,
        },
    });
    let request = Request::post("/validate")
        .header("content-type", "application/json")
        .body(Body::from(review.to_string()))?;
    let response = app(state).oneshot(request).await?;
    let body = response.into_body().collect().await?.to_bytes();
    let review: Value = serde_json::from_slice(&body)?;
    let response = &review["response"];
    let allowed = response["allowed"].as_bool().context("no verdict")?;
    Ok((allowed, response["status"]["message"].as_str().unwrap_or_default().to_owned()))
}
