//! Which requests are judged, and which part of them.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use jiff::Timestamp;
use podgate::admission::Review;
use podgate::engine::{self, Decision, NotJudged, Outcome, Scope};
use podgate::policy::{self, Options, PolicySet, Source};
use serde_json::{Value, json};

fn set(spec: &str) -> PolicySet {
    let text = format!(
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {{name: gate}}\nspec: {spec}\n"
    );
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let options = Options::at(now);
    policy::compile(&[Source { name: "gate.yaml".to_owned(), text }], &options).unwrap().0
}

/// The decision of the Baseline standard and `nodePlacement` over a request of `kind`.
fn decide(kind: &str, resource: &str, request: &Value) -> Decision {
    let set = set("{standard: {level: Baseline, version: v1.37}, rules: [nodePlacement: {}]}");
    let group = if kind == "Deployment" { "apps" } else { "" };
    let mut review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0b6d6b0e",
            "kind": {"group": group, "version": "v1", "kind": kind},
            "resource": {"group": group, "version": "v1", "resource": resource},
            "operation": "CREATE",
            "namespace": "shop",
            "userInfo": {"username": "admin"},
        },
    });
    for (name, value) in request.as_object().unwrap() {
        review["request"][name] = value.clone();
    }
    let body = review.to_string();
    let review = Review::decode(&body).unwrap();
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    engine::decide(&set, &review.attributes, Scope::All, &review.uid, now)
}

fn pod(spec: &Value) -> Value {
    json!({"metadata": {"name": "a"}, "spec": spec})
}

fn update(old: &Value, new: &Value) -> Decision {
    let request = json!({"operation": "UPDATE", "object": new, "oldObject": old});
    decide("Pod", "pods", &request)
}

#[test]
fn a_pod_that_waits_for_its_finalizers_passes_whatever_changes() {
    let old = pod(&json!({"hostPID": true, "containers": [{"name": "a", "image": "a"}]}));
    let mut new = pod(&json!({"hostPID": true, "containers": [{"name": "a", "image": "b"}]}));
    assert_eq!(update(&old, &new).outcome, Outcome::Denied);
    new["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(update(&old, &new).not_judged, Some(NotJudged::BeingDeleted));
}

#[test]
fn an_update_that_touches_no_field_of_a_rule_passes() {
    let old = pod(&json!({"hostPID": true, "containers": [{"name": "a", "image": "a"}]}));
    let mut new = old.clone();
    new["metadata"]["labels"] = json!({"team": "shop"});
    assert_eq!(update(&old, &new).not_judged, Some(NotJudged::NothingChanged));
}

#[test]
fn an_insignificant_update_answers_only_for_what_it_adds() {
    let old = pod(&json!({"hostPID": true, "containers": [{"name": "a", "image": "a"}]}));
    let mut harmless = old.clone();
    harmless["spec"]["tolerations"] = json!([{"key": "spot", "operator": "Exists"}]);
    assert_eq!(update(&old, &harmless).outcome, Outcome::Allowed);

    let mut harmful = old.clone();
    harmful["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    let decision = update(&old, &harmful);
    let rules: Vec<_> = decision.violations.iter().map(|violation| &*violation.rule).collect();
    assert_eq!((decision.outcome, rules), (Outcome::Denied, vec!["nodePlacement"]));
}

#[test]
fn a_new_ephemeral_container_brings_the_whole_pod_to_judgement() {
    let old = pod(&json!({"hostPID": true, "containers": [{"name": "a", "image": "a"}]}));
    let mut new = old.clone();
    new["spec"]["ephemeralContainers"] = json!([{"name": "debug", "image": "d"}]);
    let request = json!({
        "operation": "UPDATE", "subResource": "ephemeralcontainers", "object": new, "oldObject": old,
    });
    let decision = decide("Pod", "pods", &request);
    assert_eq!(decision.violations[0].rule, "hostNamespaces");
}

#[test]
fn a_binding_may_not_bring_an_annotation_that_a_pod_may_not() {
    let annotations = json!({"container.apparmor.security.beta.kubernetes.io/a": "unconfined"});
    let binding =
        json!({"metadata": {"name": "a", "annotations": annotations}, "target": {"name": "n"}});
    let request = json!({"subResource": "binding", "object": binding});
    assert_eq!(decide("Binding", "pods", &request).outcome, Outcome::Denied);
    let request = json!({"subResource": "binding", "object": {"metadata": {"name": "a"}}});
    assert_eq!(decide("Binding", "pods", &request).outcome, Outcome::Allowed);
}

#[test]
fn subresources_that_bring_no_pod_pass_and_unknown_ones_do_not() {
    for (subresource, kind) in
        [("exec", "PodExecOptions"), ("eviction", "Eviction"), ("status", "Pod")]
    {
        let object = pod(&json!({"hostPID": true}));
        let request = json!({"subResource": subresource, "object": object});
        let decision = decide(kind, "pods", &request);
        assert_eq!(decision.not_judged, Some(NotJudged::NoPod), "{subresource}");
    }
    let request = json!({"subResource": "teleport", "object": {}});
    assert_eq!(decide("Teleport", "pods", &request).outcome, Outcome::Denied);
    let request = json!({"subResource": "teleport", "object": pod(&json!({"hostPID": true}))});
    assert_eq!(decide("Pod", "pods", &request).outcome, Outcome::Denied);
}

#[test]
fn a_workload_may_be_scaled_however_bad_its_template_is() {
    let template = json!({"spec": {"hostPID": true, "containers": []}});
    let old = json!({"metadata": {"name": "a"}, "spec": {"replicas": 1, "template": template}});
    let mut new = old.clone();
    new["spec"]["replicas"] = json!(2);
    let request = json!({"operation": "UPDATE", "object": new, "oldObject": old});
    let decision = decide("Deployment", "deployments", &request);
    assert_eq!(decision.not_judged, Some(NotJudged::NothingChanged));
}

#[test]
fn deletion_and_connection_create_nothing() {
    for operation in ["DELETE", "CONNECT"] {
        let request = json!({"operation": operation, "oldObject": pod(&json!({"hostPID": true}))});
        let decision = decide("Pod", "pods", &request);
        assert_eq!(decision.not_judged, Some(NotJudged::Operation));
    }
}

#[test]
fn a_pod_that_cannot_be_read_is_refused_with_its_field() {
    let request = json!({"object": pod(&json!({"hostPID": "yes"}))});
    let decision = decide("Pod", "pods", &request);
    assert_eq!(decision.outcome, Outcome::Denied);
    assert!(
        decision.message().contains("request.object: spec.hostPID: "),
        "{}",
        decision.message()
    );
    let decision = decide("Pod", "pods", &json!({"object": null}));
    assert!(decision.message().contains("request.object is missing"), "{}", decision.message());
}

#[test]
fn objects_of_other_kinds_may_use_the_names_of_pod_fields_for_other_things() {
    let request = json!({"object": {"metadata": {"name": "a"}, "spec": {"containers": "many", "volumes": 3}}});
    assert_eq!(decide("Warehouse", "warehouses", &request).not_judged, Some(NotJudged::NoPod));
}
