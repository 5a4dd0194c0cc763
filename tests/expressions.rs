//! Rules and conditions in CEL, judged like any other rule: from a review and from a manifest.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use jiff::Timestamp;
use podgate::admission::{NamespaceLabels, Review};
use podgate::engine::{self, Decision, Outcome, Scope};
use podgate::manifest;
use podgate::policy::{self, Options, PolicySet, Source};
use serde_json::{Value, json};

fn now() -> Timestamp {
    "2026-11-27T00:00:00Z".parse().unwrap()
}

/// A set of one policy, and exceptions from it.
fn set(spec: &str, exceptions: &str) -> PolicySet {
    let text = format!(
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {{name: gate}}\nspec:\n{spec}\n{exceptions}"
    );
    let options = Options::at(now());
    policy::compile(&[Source { name: "gate.yaml".to_owned(), text }], &options).unwrap().0
}

fn review(request: &Value) -> String {
    let mut review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0b6d6b0e",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "operation": "CREATE",
            "namespace": "shop",
            "userInfo": {"username": "ana", "groups": ["dev"]},
        },
    });
    for (name, value) in request.as_object().unwrap() {
        review["request"][name] = value.clone();
    }
    review.to_string()
}

fn decide_labelled(set: &PolicySet, request: &Value, labels: Option<NamespaceLabels>) -> Decision {
    let body = review(request);
    let mut review = Review::decode(&body).unwrap();
    review.attributes.namespace_labels = labels;
    engine::decide(set, &review.attributes, Scope::All, &review.uid, now())
}

fn decide(set: &PolicySet, request: &Value) -> Decision {
    decide_labelled(set, request, None)
}

fn pod(labels: &Value) -> Value {
    json!({
        "metadata": {"name": "web", "labels": labels},
        "spec": {"containers": [{"name": "app", "image": "registry.example.com/app:1"}]},
    })
}

/// What the page about CEL shows is a policy, and says of a pod what the page says.
#[test]
fn the_policy_of_the_page_is_one() {
    let page = include_str!("../docs/cel.md");
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (text, rest) = rest.split_once("```").unwrap();
    let options = Options::at(now());
    let source = Source { name: "house-rules.yaml".to_owned(), text: text.to_owned() };
    let (set, warnings) = policy::compile(std::slice::from_ref(&source), &options).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let decision = decide(&set, &json!({"object": pod(&json!({}))}));
    for line in decision.message().lines().filter(|line| !line.contains("decision")) {
        assert!(rest.contains(line) || line.contains("more:"), "{line}");
    }
    assert_eq!((decision.outcome, decision.violations.len()), (Outcome::Denied, 1));

    let broken = Source { text: text.replace("has(object", "has(objct"), ..source };
    let problems = policy::compile(&[broken], &options).unwrap_err();
    assert!(rest.contains(&problems[0].to_string()), "{}", problems[0]);
}

const OWNER: &str = "  rules:
  - cel:
      name: owner-label
      expression: has(object.metadata.labels) && 'owner' in object.metadata.labels
      messageExpression: \"'pod ' + object.metadata.name + ' names no owner'\"
      remedy: add the label owner
";

#[test]
fn a_rule_in_cel_refuses_in_the_words_of_its_policy() {
    let set = set(OWNER, "");
    let decision = decide(&set, &json!({"object": pod(&json!({"app": "web"}))}));
    assert_eq!(decision.outcome, Outcome::Denied);
    assert_eq!(
        decision.message(),
        format!(
            "1 violation of policy gate (decision {0})\n  owner-label: pod web names no owner\n    fix: add the label owner\n  more: podgate explain {0}",
            decision.id
        )
    );
    assert!(decision.faults.is_empty());
    let decision = decide(&set, &json!({"object": pod(&json!({"owner": "pay"}))}));
    assert_eq!(decision.outcome, Outcome::Allowed);
}

#[test]
fn a_manifest_is_judged_as_its_review_would_be() {
    let set = set(OWNER, "");
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, image: a}]}\n";
    let documents = manifest::read(text).unwrap();
    let attributes = documents[0].attributes("shop");
    let decision = engine::decide(&set, &attributes, Scope::All, "a", now());
    let sentences: Vec<String> =
        decision.violations.iter().map(|violation| violation.sentence().to_string()).collect();
    assert_eq!(sentences, ["owner-label: pod web names no owner"]);
}

#[test]
fn enforcement_and_exceptions_hold_for_rules_in_cel_as_for_any_other() {
    let warned =
        OWNER.replace("      remedy", "      message: x\n      remedy") + "    enforcement: Warn\n";
    let decision = decide(&set(&warned, ""), &json!({"object": pod(&json!({}))}));
    assert_eq!(decision.outcome, Outcome::Warned);
    assert!(
        decision.warnings()[0]
            .contains("owner-label: pod web names no owner; fix: add the label owner")
    );

    let exception = "---\napiVersion: podgate.dev/v1\nkind: PodPolicyException\nmetadata: {name: old}\nspec: {policy: gate, rules: [owner-label], match: {namespaces: {include: [shop]}}, reason: r, owner: o, expires: 2027-01-01T00:00:00Z}\n";
    let set = set(OWNER, exception);
    let decision = decide(&set, &json!({"object": pod(&json!({}))}));
    assert_eq!(decision.outcome, Outcome::Excepted);
    assert_eq!(decision.violations[0].exception(), Some("old"));
}

#[test]
fn what_cannot_be_evaluated_is_told_and_goes_by_on_error() {
    let rule = |on_error: &str| {
        set(
            &format!(
                "  rules:\n  - cel: {{name: team, expression: object.metadata.labels.team == 'pay', onError: {on_error}}}\n"
            ),
            "",
        )
    };
    let request = json!({"object": pod(&json!({}))});
    let decision = decide(&rule("Deny"), &request);
    assert_eq!(decision.outcome, Outcome::Denied);
    assert!(decision.message().contains("team: cannot be evaluated: no such key: \"team\""));
    assert_eq!((decision.faults.len(), decision.faults[0].ignored), (1, false));
    let decision = decide(&rule("Ignore"), &request);
    assert_eq!(decision.outcome, Outcome::Allowed);
    let fault = &decision.faults[0];
    assert_eq!((&*fault.policy, &*fault.rule, fault.ignored), ("gate", "team", true));
    assert_eq!(fault.error, "no such key: \"team\"");
}

#[test]
fn a_rule_that_runs_out_of_steps_fails_by_its_own_on_error() {
    let heavy = "lists.range(100000).all(x, lists.range(100000).all(y, y >= 0))";
    let set = set(
        &format!(
            "  rules:\n  - cel: {{name: heavy, expression: '{heavy}'}}\n  - cel: {{name: light, expression: 'true'}}\n"
        ),
        "",
    );
    let decision = decide(&set, &json!({"object": pod(&json!({}))}));
    assert_eq!(decision.violations.len(), 1);
    assert!(
        decision
            .message()
            .contains("heavy: cannot be evaluated: takes more steps than an expression may")
    );
}

#[test]
fn a_condition_that_does_not_hold_leaves_the_object_out_and_one_that_fails_does_not() {
    let conditions = |expression: &str| {
        set(
            &format!(
                "  match:\n    conditions:\n    - {{name: only, expression: \"{expression}\"}}\n  rules:\n  - privileged: {{}}\n"
            ),
            "",
        )
    };
    let mut object = pod(&json!({}));
    object["spec"]["containers"][0]["securityContext"] = json!({"privileged": true});
    let request = json!({"object": object});
    assert_eq!(
        decide(&conditions("request.userInfo.username == 'ana'"), &request).outcome,
        Outcome::Denied
    );
    assert_eq!(
        decide(&conditions("request.userInfo.username == 'eve'"), &request).outcome,
        Outcome::Allowed
    );
    let decision = decide(&conditions("object.metadata.labels.nope == 'a'"), &request);
    assert_eq!(decision.outcome, Outcome::Denied);
    assert_eq!(&*decision.faults[0].rule, "conditions/only");
    // One that does not hold decides, whatever the others are.
    let two = "  match:\n    conditions:\n    - {name: a, expression: object.metadata.labels.nope == 1}\n    - {name: b, expression: 'false'}\n  rules:\n  - privileged: {}\n";
    let decision = decide(&set(two, ""), &request);
    assert_eq!((decision.outcome, decision.faults.len()), (Outcome::Allowed, 0));
}

#[test]
fn variables_the_pod_and_the_built_in_rules_can_be_asked() {
    let spec = "  variables:
  - {name: images, expression: 'pod.containers.map(c, c.image)'}
  - {name: foreign, expression: \"variables.images.filter(i, !i.startsWith('registry.example.com/'))\"}
  rules:
  - cel:
      name: own-registry
      expression: variables.foreign.size() == 0
      messageExpression: \"'from elsewhere: ' + variables.foreign.join(', ')\"
  - cel:
      name: privileged-only-for-ci
      expression: \"!pod.violates('privileged') || request.userInfo.username == 'ci'\"
";
    let set = set(spec, "");
    let request = json!({
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "object": {"metadata": {"name": "web"}, "spec": {"template": {"spec": {
            "containers": [{"name": "app", "image": "registry.example.com/app:1"}],
            "initContainers": [{"name": "init", "image": "docker.io/init:1", "securityContext": {"privileged": true}}],
        }}}},
    });
    let decision = decide(&set, &request);
    let sentences: Vec<String> =
        decision.violations.iter().map(|violation| violation.sentence().to_string()).collect();
    assert_eq!(
        sentences,
        [
            "own-registry: from elsewhere: docker.io/init:1",
            "privileged-only-for-ci: does not hold: !pod.violates('privileged') || request.userInfo.username == 'ci'",
        ]
    );
}

#[test]
fn the_labels_of_the_namespace_are_read_where_they_are_known() {
    let set = set(
        "  rules:\n  - cel: {name: team, expression: \"namespaceObject.metadata.labels.team == 'pay'\"}\n",
        "",
    );
    assert!(set.reads_namespace_labels());
    let request = json!({"object": pod(&json!({}))});
    let labels = |team: &str| -> Option<NamespaceLabels> {
        Some([("team".to_owned(), team.to_owned())].into())
    };
    assert_eq!(decide_labelled(&set, &request, labels("pay")).outcome, Outcome::Allowed);
    assert_eq!(decide_labelled(&set, &request, labels("web")).outcome, Outcome::Denied);
    assert_eq!(
        decide_labelled(&set, &request, None).outcome,
        Outcome::Denied,
        "not knowing lets nobody in"
    );
}

/// A change of a running pod that leaves containers and images as they were is only refused for what it adds.
#[test]
fn an_update_is_refused_for_what_it_adds() {
    let deadline = "has(object.spec.activeDeadlineSeconds)";
    let update = |expression: &str| {
        let rule = format!("  rules:\n  - cel: {{name: deadline, expression: \"{expression}\"}}\n");
        let (mut old, mut new) = (pod(&json!({})), pod(&json!({})));
        old["spec"]["activeDeadlineSeconds"] = json!(9);
        new["spec"]["priority"] = json!(1);
        let request = |old: &Value, new: &Value| json!({"operation": "UPDATE", "object": new, "oldObject": old});
        let set = set(&rule, "");
        let decide = |old: &Value, new: &Value| decide(&set, &request(old, new)).outcome;
        let mut also = new.clone();
        also["spec"]["priority"] = json!(2);
        (decide(&old, &new), decide(&new, &also))
    };
    assert_eq!(update(deadline), (Outcome::Denied, Outcome::Allowed));
    // What compares the two is about the update itself.
    let kept = "has(object.spec.activeDeadlineSeconds) && object.spec == oldObject.spec";
    assert_eq!(update(kept), (Outcome::Denied, Outcome::Denied));
}

/// Nothing is filled in for a rule in CEL, and what is filled in for others does not settle it.
#[test]
fn a_fix_does_not_settle_a_rule_in_cel() {
    let spec =
        "  fix: All\n  rules:\n  - runAsNonRoot: {}\n  - cel: {name: never, expression: 'false'}\n";
    let set = set(spec, "");
    let request = json!({
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "object": {"metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "a"}]}}}},
    });
    let decision = decide(&set, &request);
    assert_eq!(decision.outcome, Outcome::Denied);
    let standing: Vec<&str> =
        decision.violations.iter().filter(|v| v.settled.is_none()).map(|v| &*v.rule).collect();
    assert_eq!(standing, ["never"]);
}

#[test]
fn a_message_of_a_hostile_pod_stays_in_its_line_and_its_length() {
    let spec = "  rules:\n  - cel: {name: told, expression: 'false', messageExpression: string(object.metadata.annotations.a)}\n";
    let set = set(spec, "");
    let mut object = pod(&json!({}));
    object["metadata"]["annotations"] =
        json!({"a": format!("\u{1b}[31m\n{}", "x".repeat(100_000))});
    let decision = decide(&set, &json!({"object": object}));
    let message = decision.message();
    assert!(message.len() < 2_000 && !message.contains('\u{1b}'), "{message}");
    assert_eq!(message.lines().count(), 4, "{message}");
}

#[test]
fn a_review_that_is_not_judged_evaluates_nothing() {
    let set = set("  rules:\n  - cel: {name: never, expression: 'false'}\n", "");
    let decision = decide(&set, &json!({"operation": "DELETE", "oldObject": pod(&json!({}))}));
    assert_eq!((decision.outcome, decision.violations.len()), (Outcome::Allowed, 0));
    let binding = json!({
        "kind": {"group": "", "version": "v1", "kind": "Binding"},
        "subResource": "binding",
        "object": {"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "a"}},
    });
    assert_eq!(decide(&set, &binding).outcome, Outcome::Allowed);
}

/// The annotations of a Binding are merged into the pod.
#[test]
fn the_conditions_of_a_policy_hold_for_bindings() {
    let policy = |user: &str| {
        set(
            &format!(
                "  match: {{conditions: [{{name: only, expression: \"request.userInfo.username == '{user}'\"}}]}}\n  standard: {{level: Baseline, version: v1.29}}\n"
            ),
            "",
        )
    };
    let binding = json!({
        "kind": {"group": "", "version": "v1", "kind": "Binding"},
        "subResource": "binding",
        "object": {
            "metadata": {"name": "web", "annotations": {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}},
            "target": {"kind": "Node", "name": "a"},
        },
    });
    assert_eq!(decide(&policy("ana"), &binding).outcome, Outcome::Denied);
    assert_eq!(decide(&policy("eve"), &binding).outcome, Outcome::Allowed);
}
