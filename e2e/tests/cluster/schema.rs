//! What the API server itself refuses of a policy, and that it takes whatever the compiler takes.

use podgate::policy;
use podgate::rules::{self, Shape};
use serde_json::{Value, json};

use crate::{Outcome, resource, server};

const POLICIES: &str = "/apis/podgate.dev/v1/podpolicies?dryRun=All";
const EXCEPTIONS: &str = "/apis/podgate.dev/v1/podpolicyexceptions?dryRun=All";

/// A value that fits, and one that does not.
fn values(shape: Shape) -> (Value, Value) {
    match shape {
        Shape::Bool => (json!(true), json!("yes")),
        Shape::OneOf(words) => (json!(words[0]), json!("other")),
        Shape::Texts => (json!(["a"]), json!("a")),
        Shape::Globs => (json!(["a/**"]), json!([])),
        Shape::SomeOf(words) => (json!(words), json!(["other"])),
    }
}

#[test]
fn every_rule_is_taken_with_its_parameters_and_refused_with_wrong_ones() -> Outcome {
    let send = |rule: Value| {
        server().client().create(POLICIES, &resource("PodPolicy", "a", &json!({"rules": [rule]})))
    };
    for rule in rules::ALL {
        let _ = send(json!({rule.id: {}}))?.accepted()?;
        let _ = send(json!({rule.id: {}, "enforcement": "Warn", "fix": "Safe"}))?.accepted()?;
        let good: Value = rule
            .parameters
            .iter()
            .map(|parameter| (parameter.name.to_owned(), values(parameter.shape).0))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let _ = send(json!({rule.id: good}))?.accepted()?;
        for parameter in rule.parameters {
            let bad = json!({rule.id: {parameter.name: values(parameter.shape).1}});
            let refusal = send(bad)?.rejected()?;
            assert_eq!((refusal.code, refusal.reason.as_str()), (422, "Invalid"), "{refusal:?}");
            let path = format!("spec.rules[0].{}.{}", rule.id, parameter.name);
            assert!(refusal.message.contains(&path), "{path}: {refusal:?}");
        }
        if rule.parameters.is_empty() {
            let refusal = send(json!({rule.id: {"other": true}}))?.rejected()?;
            assert!(refusal.message.contains(&format!("spec.rules[0].{}", rule.id)), "{refusal:?}");
        }
    }
    Ok(())
}

#[test]
fn policies_that_cannot_be_meant_are_refused_with_their_field() -> Outcome {
    let rules = json!([{"privileged": {}}]);
    let rule = json!({"cel": {
        "name": "own",
        "expression": "variables.a && object.kind == 'Pod'",
        "messageExpression": "'not ' + object.kind",
        "onError": "Ignore",
    }});
    let whole = json!({
        "match": {"conditions": [{"name": "c", "expression": "request.operation == 'CREATE'"}]},
        "variables": [{"name": "a", "expression": "has(object.metadata.labels)"}],
        "rules": [rule],
    });
    let _ = server().client().create(POLICIES, &resource("PodPolicy", "a", &whole))?.accepted()?;
    for (spec, field) in [
        (json!({"rules": [{"cel": {"name": "own"}}]}), "spec.rules[0].cel.expression"),
        (
            json!({"rules": [{"cel": {"name": "Own", "expression": "true"}}]}),
            "spec.rules[0].cel.name",
        ),
        (json!({"variables": [{"name": "a"}], "rules": [rule]}), "spec.variables[0].expression"),
        (json!({}), "\"spec\" must validate"),
        (json!({"rules": []}), "spec.rules"),
        (json!({"rules": [{}]}), "\"spec.rules[0]\" must validate"),
        (json!({"rules": [{"privilegd": {}}]}), "\"spec.rules[0]\" must validate"),
        (
            json!({"rules": [{"privileged": {}, "hostPorts": {}}]}),
            "\"spec.rules[0]\" must validate",
        ),
        (json!({"rules": ["privileged"]}), "spec.rules[0]"),
        (
            json!({"rules": [{"privileged": {}, "enforcement": "deny"}]}),
            "spec.rules[0].enforcement",
        ),
        (json!({"rules": rules, "enforcement": "Refuse"}), "spec.enforcement"),
        (json!({"rules": rules, "fix": "Everything"}), "spec.fix"),
        (json!({"rules": rules, "fixIn": "Deployments"}), "spec.fixIn"),
        (json!({"standard": {}}), "spec.standard.level"),
        (json!({"standard": {"level": "Strict"}}), "spec.standard.level"),
        (json!({"standard": {"level": "Baseline", "version": "1.30"}}), "spec.standard.version"),
        (
            json!({"standard": {"level": "Baseline", "except": ["privilege"]}}),
            "spec.standard.except[0]",
        ),
        (json!({"rules": rules, "match": {"namespaces": ["a"]}}), "spec.match.namespaces"),
        (
            json!({"rules": rules, "match": {"namespaces": {"include": []}}}),
            "spec.match.namespaces.include",
        ),
        (
            json!({"rules": rules, "match": {"namespaces": {"include": ["A"]}}}),
            "spec.match.namespaces.include[0]",
        ),
        (
            json!({"rules": rules, "match": {"requesters": {"exclude": {}}}}),
            "spec.match.requesters.exclude",
        ),
        (
            json!({"rules": rules, "match": {"requesters": {"exclude": {"serviceAccounts": ["builder"]}}}}),
            "spec.match.requesters.exclude.serviceAccounts[0]",
        ),
        (
            json!({"rules": rules, "match": {"podSelector": {"matchExpressions": [{"key": "a", "operator": "is"}]}}}),
            "spec.match.podSelector.matchExpressions[0].operator",
        ),
    ] {
        let object = resource("PodPolicy", "a", &spec);
        let refusal = server().client().create(POLICIES, &object)?.rejected()?;
        assert_eq!((refusal.code, refusal.reason.as_str()), (422, "Invalid"), "{refusal:?}");
        assert!(refusal.message.contains(field), "{field}: {refusal:?}");
    }
    Ok(())
}

#[test]
fn exceptions_need_all_that_an_auditor_asks_for() -> Outcome {
    let good = json!({
        "policy": "shared-kernel", "rules": ["hostNamespaces"],
        "match": {"namespaces": {"include": ["monitoring"]}, "containers": ["*"]},
        "reason": "reads host process metrics", "owner": "observability@example.com",
        "expires": "2127-06-30T00:00:00Z",
    });
    let send = |spec: &Value| {
        server().client().create(EXCEPTIONS, &resource("PodPolicyException", "a", spec))
    };
    let _ = send(&good)?.accepted()?;
    for field in ["policy", "rules", "match", "reason", "owner", "expires"] {
        let mut spec = good.clone();
        spec.as_object_mut().expect("a map").remove(field);
        let refusal = send(&spec)?.rejected()?;
        assert!(refusal.message.contains(&format!("spec.{field}: Required value")), "{refusal:?}");
    }
    for (field, value) in [
        ("reason", json!("")),
        ("owner", json!("  ")),
        ("expires", json!("next year")),
        ("rules", json!([])),
        ("rules", json!(["hostNamespace"])),
        ("match", json!({})),
        ("match", json!({"containers": ["*"]})),
    ] {
        let mut spec = good.clone();
        spec[field] = value;
        let refusal = send(&spec)?.rejected()?;
        assert_eq!((refusal.code, refusal.reason.as_str()), (422, "Invalid"), "{refusal:?}");
        assert!(refusal.message.contains(&format!("spec.{field}")), "{refusal:?}");
    }
    Ok(())
}

#[test]
fn the_whole_library_is_taken_as_resources() -> Outcome {
    for source in policy::embedded() {
        let documents = podgate::yaml::read(&source.text, podgate::yaml::Limits::default())
            .expect("the library is YAML");
        for document in documents {
            let object = serde_json::from_str(&document.to_json()).expect("JSON");
            let _ = server().client().create(POLICIES, &object)?.accepted()?;
        }
    }
    Ok(())
}
