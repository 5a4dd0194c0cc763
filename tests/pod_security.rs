//! Policies that read the labels of namespaces: whom they refuse, whom they warn, and what they note.
//!
//! That this is what upstream does is `e2e/tests/admission.rs`' to prove; these tests say it for people.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use jiff::Timestamp;
use podgate::admission::Review;
use podgate::engine::{self, Decision, Outcome, Scope};
use podgate::policy::{self, Options, PolicySet, Source};
use serde_json::{Value, json};

fn set(documents: &str) -> PolicySet {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let options = Options::at(now);
    let source = Source { name: "psa.yaml".to_owned(), text: documents.to_owned() };
    policy::compile(&[source], &options).unwrap().0
}

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: podgate.dev/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"
    )
}

fn psa(more: &str) -> String {
    document("PodPolicy", "psa", &format!("{{standard: {{fromNamespaceLabels: true{more}}}}}"))
}

/// One request, and what is known of its namespace.
struct Ask<'a> {
    documents: String,
    labels: Option<&'a [(&'a str, &'a str)]>,
    kind: &'a str,
    scope: Scope,
    request: Value,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        let documents = psa("");
        Self { documents, labels: Some(&[]), kind: "Pod", scope: Scope::All, request: json!({}) }
    }
}

impl Ask<'_> {
    fn decide(&self) -> Decision {
        let group = if self.kind == "Deployment" { "apps" } else { "" };
        let mut review = json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "0b6d6b0e",
                "kind": {"group": group, "version": "v1", "kind": self.kind},
                "resource": {"group": group, "version": "v1", "resource": "things"},
                "operation": "CREATE",
                "name": "web",
                "namespace": "shop",
                "userInfo": {"username": "ada"},
                "object": privileged(),
            },
        });
        for (name, value) in self.request.as_object().unwrap() {
            review["request"][name] = value.clone();
        }
        let body = review.to_string();
        let mut review = Review::decode(&body).unwrap();
        let known = |labels: &&[(&str, &str)]| {
            labels.iter().map(|(k, v)| (format!("{PREFIX}{k}"), (*v).to_owned())).collect()
        };
        review.attributes.namespace_labels = self.labels.as_ref().map(known);
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        engine::decide(&set(&self.documents), &review.attributes, self.scope, &review.uid, now)
    }
}

const PREFIX: &str = "pod-security.kubernetes.io/";
const BROKEN: &str = r#"privileged (container "app" must not set securityContext.privileged=true)"#;

fn privileged() -> Value {
    let context = json!({"privileged": true});
    json!({"spec": {"containers": [{"name": "app", "image": "a", "securityContext": context}]}})
}

fn annotation(decision: &Decision, key: &str) -> Option<String> {
    decision.audit_annotations().into_iter().find(|(k, _)| *k == key).map(|(_, value)| value)
}

#[test]
fn a_pod_is_refused_in_podgates_words_and_in_upstreams() {
    let decision = Ask { labels: Some(&[("enforce", "baseline")]), ..Ask::default() }.decide();
    assert_eq!(
        decision.message(),
        format!(
            "1 violation of policy psa (decision {id})\n  \
             privileged: containers[app].securityContext.privileged is true, must be absent or false\n    \
             fix: remove spec.containers[0].securityContext.privileged\n  \
             violates PodSecurity \"baseline:latest\": {BROKEN}\n  \
             more: podgate explain privileged | podgate explain {id}",
            id = decision.id
        )
    );
    assert_eq!(annotation(&decision, "enforce-policy").unwrap(), "baseline:latest");
    assert_eq!(annotation(&decision, "decision").unwrap(), format!("denied {}", decision.id));
    assert!(decision.warnings().is_empty(), "who reads a refusal needs no warning of the same");
}

#[test]
fn a_workload_is_warned_and_never_refused() {
    let template = json!({"spec": {"template": privileged()}});
    let ask = |scope| {
        let request = json!({"object": template});
        let labels = Some(&[("enforce", "baseline"), ("audit", "restricted")][..]);
        Ask { labels, kind: "Deployment", scope, request, ..Ask::default() }.decide()
    };
    let denied = ask(Scope::Deny);
    assert_eq!((denied.outcome, denied.violations.len()), (Outcome::Allowed, 0));
    let observed = ask(Scope::Observe);
    assert_eq!(observed.outcome, Outcome::Warned);
    let warning = format!("would violate PodSecurity \"baseline:latest\": {BROKEN}");
    assert_eq!(observed.warnings(), [warning]);
    let audited = annotation(&observed, "audit-violations").unwrap();
    assert!(audited.starts_with("would violate PodSecurity \"restricted:latest\": privileged ("));
    assert_eq!(annotation(&observed, "enforce-policy"), None);
}

#[test]
fn the_two_endpoints_share_the_work() {
    let labels =
        Some(&[("enforce", "privileged"), ("warn", "baseline"), ("audit", "baseline")][..]);
    let ask = |scope| Ask { labels, scope, ..Ask::default() }.decide();
    let (validate, observe) = (ask(Scope::Deny), ask(Scope::Observe));
    assert_eq!(annotation(&validate, "enforce-policy").unwrap(), "privileged:latest");
    assert_eq!(annotation(&validate, "audit-violations"), None);
    assert!(validate.warnings().is_empty());
    assert_eq!(annotation(&observe, "enforce-policy"), None);
    assert!(annotation(&observe, "audit-violations").is_some());
    assert_eq!(observe.warnings().len(), 1);
}

#[test]
fn exemptions_are_whole_names() {
    let documents = psa(
        ", defaults: {enforce: baseline}, exemptions: {usernames: [ada], namespaces: [shop], runtimeClasses: [kata]}",
    );
    let ask =
        |request: Value| Ask { documents: documents.clone(), request, ..Ask::default() }.decide();
    let mut kata = privileged();
    kata["spec"]["runtimeClassName"] = json!("kata");
    for (exempt, request) in [
        ("namespace", json!({})),
        ("user", json!({"namespace": "shop2"})),
        (
            "runtimeClass",
            json!({"namespace": "shop2", "userInfo": {"username": "ada2"}, "object": kata}),
        ),
    ] {
        let decision = ask(request);
        assert_eq!(annotation(&decision, "exempt").as_deref(), Some(exempt));
        assert_eq!(
            (decision.outcome, decision.violations.len()),
            (Outcome::Allowed, 0),
            "{exempt}"
        );
    }
    let decision = ask(json!({"namespace": "shop2", "userInfo": {"username": "ada2"}}));
    assert_eq!(decision.outcome, Outcome::Denied);
}

#[test]
fn a_bad_enforce_label_holds_pods_to_restricted_and_says_so() {
    let decision = Ask { labels: Some(&[("enforce", "Baseline")]), ..Ask::default() }.decide();
    assert_eq!(decision.outcome, Outcome::Denied);
    let error = annotation(&decision, "error").unwrap();
    assert_eq!(
        error,
        "Failed to parse policy: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \
         \"Baseline\": must be one of privileged, baseline, restricted"
    );
    assert!(decision.message().contains(&error));
}

#[test]
fn pods_of_a_namespace_that_nobody_knows_yet_are_held_to_restricted() {
    let decision = Ask { labels: None, ..Ask::default() }.decide();
    assert_eq!(decision.outcome, Outcome::Denied);
    assert_eq!(annotation(&decision, "enforce-policy").unwrap(), "restricted:latest");
    let error = annotation(&decision, "error").unwrap();
    assert_eq!(error, "failed to lookup namespace \"shop\": its labels are not known here");

    let hardened = json!({"allowPrivilegeEscalation": false, "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}});
    let pod =
        json!({"spec": {"containers": [{"name": "a", "image": "a", "securityContext": hardened}]}});
    let request = json!({"object": pod});
    let decision = Ask { labels: None, request, ..Ask::default() }.decide();
    assert_eq!(decision.outcome, Outcome::Allowed);

    let request = json!({"object": {"spec": {"template": privileged()}}});
    let workload = Ask { labels: None, kind: "Deployment", request, ..Ask::default() }.decide();
    assert_eq!((workload.outcome, workload.warnings().len()), (Outcome::Allowed, 0));
}

#[test]
fn an_exception_of_podgates_covers_what_labels_ask_for() {
    let exception = document(
        "PodPolicyException",
        "app",
        "{policy: psa, rules: [privileged], match: {namespaces: {include: [shop]}}, reason: it drives the disks, \
         owner: ada@example.com, expires: \"2027-01-01T00:00:00Z\"}",
    );
    let documents = psa("") + &exception;
    let ask = Ask { documents, labels: Some(&[("enforce", "baseline")]), ..Ask::default() };
    let decision = ask.decide();
    assert_eq!(decision.outcome, Outcome::Excepted);
    assert!(decision.warnings().is_empty() && decision.pod_security[0].refusal.is_none());
    assert!(decision.violations.iter().all(|v| v.exception() == Some("app")));
}

#[test]
fn rules_beside_labels_are_asked_as_ever() {
    let spec =
        "{enforcement: Warn, standard: {fromNamespaceLabels: true}, rules: [privileged: {}]}";
    let documents = document("PodPolicy", "psa", spec);
    let decision = Ask { documents, ..Ask::default() }.decide();
    assert_eq!(decision.outcome, Outcome::Warned);
    assert!(decision.warnings()[0].starts_with("podgate: policy psa: privileged: "));
    assert_eq!(annotation(&decision, "enforce-policy").unwrap(), "privileged:latest");
}

#[test]
fn several_policies_put_their_annotations_together() {
    let strict = "{match: {namespaces: {include: [shop]}}, standard: {fromNamespaceLabels: true, defaults: {enforce: baseline}}}";
    let documents = psa("") + &document("PodPolicy", "strict", strict);
    let decision = Ask { documents, ..Ask::default() }.decide();
    assert_eq!(
        annotation(&decision, "enforce-policy").unwrap(),
        "privileged:latest; baseline:latest"
    );
    assert_eq!(decision.outcome, Outcome::Denied);
}

fn labelled(labels: &[(&str, &str)]) -> Value {
    let labels: serde_json::Map<String, Value> =
        labels.iter().map(|(k, v)| (format!("{PREFIX}{k}"), json!(v))).collect();
    json!({"metadata": {"name": "shop", "labels": labels}})
}

#[test]
fn a_namespace_with_labels_that_mean_nothing_is_refused() {
    let ask = |request| Ask { kind: "Namespace", request, ..Ask::default() }.decide();
    let bad = labelled(&[("enforce", "high")]);
    let decision = ask(json!({"name": "shop", "object": bad}));
    assert!(decision.outcome == Outcome::Denied && decision.is_invalid());
    let message = decision.message();
    let line = "podSecurityLabels: metadata.labels[pod-security.kubernetes.io/enforce] is \"high\", \
                must be one of privileged, baseline, restricted";
    assert!(message.contains(line), "{message}");
    let theirs = "Namespace \"shop\" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: \
                  Invalid value: \"high\": must be one of privileged, baseline, restricted";
    assert!(
        message.contains(theirs) && !message.contains("explain podSecurityLabels"),
        "{message}"
    );

    let update = |old: &Value, new: &Value| {
        ask(json!({"operation": "UPDATE", "object": new, "oldObject": old})).outcome
    };
    assert_eq!(update(&bad, &bad), Outcome::Allowed, "the update is about something else");
    let worse = labelled(&[("enforce", "high"), ("warn", "low")]);
    assert_eq!(update(&worse, &bad), Outcome::Denied, "one of two is not enough, as upstream");
    assert_eq!(update(&worse, &labelled(&[("enforce", "baseline")])), Outcome::Allowed);
}

#[test]
fn labels_of_an_exempt_namespace_are_said_to_do_nothing() {
    let documents = psa(", exemptions: {namespaces: [shop]}");
    let request = json!({"name": "shop", "object": labelled(&[("enforce", "restricted")])});
    let decision = Ask { documents, kind: "Namespace", request, ..Ask::default() }.decide();
    assert_eq!(
        decision.warnings(),
        [
            "namespace \"shop\" is exempt from Pod Security, and the policy (enforce=restricted:latest) will be ignored"
        ]
    );
}
