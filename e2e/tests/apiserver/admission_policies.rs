//! `ValidatingAdmissionPolicy` documents, judged by the API server and by Podgate, which reads them as they are: bindings,
//! parameters, constraints, conditions, and what becomes of errors.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use e2e::objects::{labelled, pod, privileged, workloads};
use e2e::wait_for;
use jiff::Timestamp;
use podgate::admission::Review;
use podgate::engine::{self, Scope};
use podgate::policy::{self, Enforcement, Options, PolicySet, Source};
use podgate::rules::Found;
use serde_json::{Value, json};

use crate::{Outcome, server};

const API: &str = "/apis/admissionregistration.k8s.io/v1";

/// A policy of the test and its binding.
struct Case {
    name: &'static str,
    policy: Value,
    binding: Value,
}

fn pods() -> Value {
    json!({"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]})
}

fn config_maps() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap"})
}

/// Policies that only warn, so that the API server tells of each; but for parameters that are missing, which it refuses.
/// `{a}` and `{b}` are the namespaces of the test, `{run}` is its label.
fn cases() -> Vec<Case> {
    let case = |name, policy: Value, binding: Value| Case { name, policy, binding };
    let unnamed = json!([{"expression": "object.metadata.name == ''", "message": "has a name"}]);
    let any = json!({"resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}]});
    vec![
        case("plain", json!({"matchConstraints": pods(), "validations": unnamed}), json!({})),
        case("any-resource", json!({"matchConstraints": any, "validations": unnamed}), json!({})),
        case(
            "excluded",
            json!({"matchConstraints": {"resourceRules": any["resourceRules"], "excludeResourceRules": [
                {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments", "replicasets"]}]},
                "validations": unnamed}),
            json!({}),
        ),
        case(
            "by-name",
            json!({"matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"],
                "resources": ["pods"], "resourceNames": ["web-bad"]}]}, "validations": unnamed}),
            json!({}),
        ),
        case(
            "with-subresources",
            json!({"matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"],
                "resources": ["pods/*"]}]}, "validations": unnamed}),
            json!({}),
        ),
        case(
            "one-subresource",
            json!({"matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"],
                "resources": ["pods/resize"]}]}, "validations": unnamed}),
            json!({}),
        ),
        case(
            "of-the-cluster",
            json!({"matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"],
                "resources": ["pods"], "scope": "Cluster"}]}, "validations": unnamed}),
            json!({}),
        ),
        case(
            "by-label",
            json!({"matchConstraints": {"resourceRules": any["resourceRules"], "objectSelector": {"matchLabels": {"owner": "pay"}}},
                "validations": unnamed}),
            json!({}),
        ),
        case(
            "bound-by-label",
            json!({"matchConstraints": pods(), "validations": unnamed}),
            json!({"matchResources": {"objectSelector": {"matchExpressions": [{"key": "owner", "operator": "DoesNotExist"}]}}}),
        ),
        case(
            "bound-to-deployments",
            json!({"matchConstraints": any, "validations": unnamed}),
            json!({"matchResources": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"],
                "resources": ["deployments"]}]}}),
        ),
        case(
            "by-namespace",
            json!({"matchConstraints": {"resourceRules": any["resourceRules"],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "{a}"}}}, "validations": unnamed}),
            json!({}),
        ),
        case(
            "variables",
            json!({"matchConstraints": pods(), "variables": [
                {"name": "images", "expression": "object.spec.containers.map(c, c.image)"},
                {"name": "tagged", "expression": "variables.images.filter(i, i.contains(':'))"}],
                "validations": [{"expression": "variables.tagged.size() == 0", "messageExpression": "'tagged: ' + variables.tagged.join(', ')"}]}),
            json!({}),
        ),
        case(
            "two-validations",
            json!({"matchConstraints": pods(), "validations": [
                {"expression": "has(object.metadata.labels) && 'owner' in object.metadata.labels", "message": "no owner"},
                {"expression": "object.spec.containers.all(c, !c.?securityContext.?privileged.orValue(false))", "message": "privileged"}]}),
            json!({}),
        ),
        case(
            "condition",
            json!({"matchConstraints": pods(), "validations": unnamed,
                "matchConditions": [{"name": "bad", "expression": "object.metadata.name.endsWith('bad')"}]}),
            json!({}),
        ),
        case(
            "condition-that-fails",
            json!({"matchConstraints": pods(), "validations": [{"expression": "true"}],
                "matchConditions": [{"name": "owner", "expression": "object.metadata.labels.owner == 'pay'"}]}),
            json!({}),
        ),
        case(
            "condition-that-fails-ignored",
            json!({"failurePolicy": "Ignore", "matchConstraints": pods(), "validations": unnamed,
                "matchConditions": [{"name": "owner", "expression": "object.metadata.labels.owner == 'pay'"}]}),
            json!({}),
        ),
        case(
            "error",
            json!({"matchConstraints": pods(), "validations": [{"expression": "object.metadata.labels.owner == 'pay'", "message": "not pay"}]}),
            json!({}),
        ),
        case(
            "error-ignored",
            json!({"failurePolicy": "Ignore", "matchConstraints": pods(),
                "validations": [{"expression": "object.metadata.labels.owner == 'pay'", "message": "not pay"}]}),
            json!({}),
        ),
        case(
            "params-of-a-name",
            json!({"paramKind": config_maps(), "matchConstraints": pods(),
                "validations": [{"expression": "object.metadata.name != params.data.bad", "messageExpression": "'not ' + params.data.bad"}]}),
            json!({"paramRef": {"name": "{run}-one", "namespace": "{a}", "parameterNotFoundAction": "Deny"}}),
        ),
        case(
            "params-of-a-selector",
            json!({"paramKind": config_maps(), "matchConstraints": pods(),
                "validations": [{"expression": "object.metadata.name != params.data.bad", "messageExpression": "'not ' + params.data.bad"}]}),
            json!({"paramRef": {"selector": {"matchLabels": {"run": "{run}"}}, "namespace": "{a}", "parameterNotFoundAction": "Deny"}}),
        ),
        case(
            "params-of-its-namespace",
            json!({"paramKind": config_maps(), "matchConstraints": pods(),
                "validations": [{"expression": "object.metadata.name != params.data.bad", "message": "is bad"}]}),
            json!({"paramRef": {"name": "{run}-one", "parameterNotFoundAction": "Allow"}}),
        ),
        case(
            "params-not-there",
            json!({"paramKind": config_maps(), "matchConstraints": pods(), "validations": unnamed}),
            json!({"paramRef": {"name": "{run}-none", "namespace": "{a}", "parameterNotFoundAction": "Allow"}}),
        ),
        case(
            "params-must-be-there",
            json!({"paramKind": config_maps(),
                "matchConstraints": {"resourceRules": pods()["resourceRules"], "objectSelector": {"matchLabels": {"owner": "shop"}}},
                "validations": unnamed}),
            json!({"paramRef": {"name": "{run}-one", "parameterNotFoundAction": "Deny"}}),
        ),
        case(
            "params-must-be-there-ignored",
            json!({"failurePolicy": "Ignore", "paramKind": config_maps(), "matchConstraints": pods(), "validations": unnamed}),
            json!({"paramRef": {"name": "{run}-none", "namespace": "{a}", "parameterNotFoundAction": "Deny"}}),
        ),
        case(
            "params-of-no-reference",
            json!({"paramKind": config_maps(), "matchConstraints": pods(),
                "validations": [{"expression": "params != null", "message": "no params"}]}),
            json!({}),
        ),
    ]
}

/// The documents of a run: policies and bindings, and objects of parameters.
struct Documents {
    policies: Vec<Value>,
    bindings: Vec<Value>,
    params: Vec<Value>,
}

impl Documents {
    fn new(a: &str, b: &str, run: &str) -> Self {
        let filled = |value: &Value| -> Value {
            let text = value.to_string().replace("{a}", a).replace("{b}", b).replace("{run}", run);
            serde_json::from_str(&text).unwrap_or_default()
        };
        let here = json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": [a, b]}]});
        let (mut policies, mut bindings) = (Vec::new(), Vec::new());
        for Case { name, policy, binding } in cases() {
            let name = format!("{run}-{name}");
            policies.push(filled(&json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": name}, "spec": policy})));
            let mut spec = binding;
            spec["policyName"] = json!(name);
            spec["validationActions"] = json!(["Warn"]);
            spec["matchResources"]["namespaceSelector"] = here.clone();
            bindings.push(filled(&json!({"apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": format!("{name}-here")}, "spec": spec})));
        }
        let param = |name: &str, bad: &str| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"bad": bad},
                "metadata": {"name": format!("{run}-{name}"), "namespace": a, "labels": {"run": run}}})
        };
        Self { policies, bindings, params: vec![param("one", "web-bad"), param("two", "web")] }
    }

    fn compiled(&self) -> Result<PolicySet> {
        let all = self.policies.iter().chain(&self.bindings).chain(&self.params);
        let text: Vec<String> = all.map(|document| format!("---\n{document}\n")).collect();
        let source = Source { name: "policies.yaml".to_owned(), text: text.concat() };
        let options = Options { admission_policies: true, ..Options::at(Timestamp::UNIX_EPOCH) };
        match policy::compile(&[source], &options) {
            Ok((set, _)) => Ok(set),
            Err(problems) => bail!("{problems:#?}"),
        }
    }

    fn apply(&self) -> Result<()> {
        let client = server().client();
        for param in &self.params {
            let namespace = param["metadata"]["namespace"].as_str().context("a namespace")?;
            let _ = client
                .create(&format!("/api/v1/namespaces/{namespace}/configmaps"), param)?
                .accepted()?;
        }
        for (kind, list) in self.kinds() {
            for document in list {
                let _ = client.create(&format!("{API}/{kind}"), document)?.accepted()?;
            }
        }
        Ok(())
    }

    fn remove(&self) -> Result<()> {
        for (kind, list) in self.kinds().into_iter().rev() {
            for document in list {
                let name = document["metadata"]["name"].as_str().unwrap_or_default();
                let _ = server().client().delete(&format!("{API}/{kind}/{name}"))?.accepted()?;
            }
        }
        Ok(())
    }

    fn kinds(&self) -> [(&'static str, &Vec<Value>); 2] {
        [
            ("validatingadmissionpolicies", &self.policies),
            ("validatingadmissionpolicybindings", &self.bindings),
        ]
    }
}

/// What was said of an object, by policy: messages, or `error` where there was no answer. `refused` are those of the policy
/// that the API server named when it refused.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    warned: BTreeMap<String, Vec<String>>,
    refused: bool,
}

impl Said {
    fn add(&mut self, policy: &str, message: &str) {
        let messages = self.warned.entry(policy.to_owned()).or_default();
        messages.push(message.to_owned());
        messages.sort();
    }
}

const ERROR: &str = "error";

/// An object, where it is created, and what it is called there.
struct Subject {
    collection: String,
    namespace: String,
    resource: Value,
    object: Value,
    /// As the API server hands it to policies: with its defaults.
    complete: Value,
}

fn subjects(namespaces: [&str; 2]) -> Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for namespace in namespaces {
        let at = e2e::Namespace { name: namespace.to_owned() };
        let mut objects: Vec<(String, &str, &str, Value)> = [
            pod("web"),
            pod("web-bad"),
            labelled(pod("web-pay"), "owner", "pay"),
            labelled(privileged(pod("web-shop")), "owner", "shop"),
        ]
        .into_iter()
        .map(|object| (at.pods(), "", "pods", object))
        .collect();
        for workload in workloads(&pod("web-of-workload")) {
            let path = at.path(workload.api, workload.resource);
            let group =
                workload.api.split('/').nth(2).filter(|_| workload.api.starts_with("/apis/"));
            objects.push((path, group.unwrap_or_default(), workload.resource, workload.object));
        }
        for (collection, group, resource, object) in objects {
            let answer = server().client().create(&format!("{collection}?dryRun=All"), &object)?;
            subjects.push(Subject {
                collection,
                namespace: namespace.to_owned(),
                resource: json!({"group": group, "version": "v1", "resource": resource}),
                object,
                complete: answer.accepted()?.body,
            });
        }
    }
    Ok(subjects)
}

/// What the API server says of an object.
fn theirs(subject: &Subject) -> Result<Said> {
    let path = format!("{}?dryRun=All", subject.collection);
    let answer = server().client().create(&path, &subject.object)?;
    // The code goes by the reason that a validation names, which is Invalid where it names none.
    let mut said = Said { refused: answer.code == 422, ..Said::default() };
    for warning in &answer.warnings {
        let Some(rest) = warning.strip_prefix("Validation failed for ValidatingAdmissionPolicy '")
        else {
            continue;
        };
        let (policy, rest) = rest.split_once("' with binding '").context("a binding")?;
        let (_, message) = rest.split_once("': ").context("a message")?;
        let is_error = message.contains("resulted in error");
        said.add(policy, if is_error { ERROR } else { message });
    }
    Ok(said)
}

/// What Podgate says of it.
fn ours(set: &PolicySet, subject: &Subject) -> Result<Said> {
    let kind = &subject.complete["kind"];
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "kind": {"group": subject.resource["group"], "version": "v1", "kind": kind}, "resource": subject.resource,
        "name": subject.complete["metadata"]["name"], "namespace": subject.namespace, "operation": "CREATE",
        "userInfo": {"username": "ada"}, "dryRun": true, "object": subject.complete,
    }})
    .to_string();
    let review = Review::decode(&review)?;
    let decision = engine::decide(set, &review.attributes, Scope::All, "u", Timestamp::UNIX_EPOCH);
    let mut said = Said::default();
    for violation in &decision.violations {
        if violation.enforcement == Enforcement::Deny {
            said.refused = true;
            continue;
        }
        let Found::Told(message) = &violation.finding.found else { bail!("{violation:?}") };
        let (policy, _) = violation.policy.split_once('/').context("a binding")?;
        let is_error = message.contains("cannot be evaluated");
        said.add(policy, if is_error { ERROR } else { message });
    }
    Ok(said)
}

#[test]
fn a_validating_admission_policy_says_the_same_here_as_there() -> Outcome {
    let run = server().unique("vap");
    let client = server().client();
    let [a, b] = [format!("{run}-a"), format!("{run}-b")];
    for name in [&a, &b] {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let _ = client.create("/api/v1/namespaces", &namespace)?.accepted()?;
    }
    let subjects = subjects([&a, &b])?;
    let documents = Documents::new(&a, &b, &run);
    let set = documents.compiled()?;
    documents.apply()?;

    let compare = || -> Result<Vec<String>> {
        let mut differences = Vec::new();
        for subject in &subjects {
            let (theirs, ours) = (theirs(subject)?, ours(&set, subject)?);
            if theirs != ours {
                differences.push(format!(
                    "{}/{}: theirs {theirs:#?}\nours {ours:#?}",
                    subject.namespace, subject.complete["metadata"]["name"]
                ));
            }
        }
        Ok(differences)
    };
    // The API server takes policies and parameters up a moment later, one after the other.
    let _ = wait_for("the policies", Duration::from_mins(1), || {
        Ok(compare()?.is_empty().then_some(()))
    });
    let differences = compare()?;
    let said: Vec<Said> = subjects.iter().map(theirs).collect::<Result<_>>()?;
    documents.remove()?;
    assert!(differences.is_empty(), "{}", differences.join("\n"));

    // Each case shows something, and something is refused.
    let (mut silent, mut all) = (Vec::new(), 0);
    for Case { name, .. } in cases() {
        let policy = format!("{run}-{name}");
        let count = said.iter().filter(|said| said.warned.contains_key(&policy)).count();
        all += subjects.len();
        if count == 0 {
            silent.push(name);
        }
    }
    assert_eq!(
        silent,
        ["one-subresource", "of-the-cluster", "params-not-there", "params-must-be-there-ignored"]
    );
    let refused = said.iter().filter(|said| said.refused).count();
    assert!(refused > 0 && refused < subjects.len(), "{refused}");
    println!("{all} judgements compared");
    Ok(())
}
