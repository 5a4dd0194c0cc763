//! The same rules in CEL, asked by the API server's own `ValidatingAdmissionPolicy` and by Podgate of the same request.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use e2e::objects::{host_pid, labelled, pod, privileged, workloads};
use e2e::{Gate, Namespace, wait_for};
use serde_json::{Value, json};

use crate::{Outcome, server};

/// What is asked of each object. All of it is known to Kubernetes 1.30.
const RULES: [&str; 40] = [
    "has(object.metadata.labels)",
    "has(object.metadata.labels) && 'owner' in object.metadata.labels",
    "object.metadata.labels.owner == 'pay'",
    "object.metadata.labels['owner'] == 'pay'",
    "object.?metadata.?labels[?'owner'].orValue('pay') == 'pay'",
    "object.metadata.name.startsWith('web')",
    "object.metadata.name.matches('^[a-z-]+$')",
    "object.metadata.name.size() < 12",
    "object.kind == 'Pod'",
    "object.apiVersion == 'v1' || object.apiVersion.startsWith('apps/')",
    "object.metadata.namespace == request.namespace",
    "request.operation == 'CREATE'",
    "request.operation in ['UPDATE', 'DELETE']",
    "request.kind.kind == object.kind",
    "request.resource.resource.startsWith(request.kind.kind.lowerAscii())",
    "request.name == object.metadata.name",
    "request.dryRun == true",
    "!request.dryRun || request.dryRun",
    "request.userInfo.username != ''",
    "'system:masters' in request.userInfo.groups",
    "request.userInfo.groups.exists(g, g.startsWith('system:'))",
    "has(request.options) && request.options.kind == 'CreateOptions'",
    "oldObject == null",
    "oldObject.metadata.name == 'web'",
    "namespaceObject.metadata.name == request.namespace",
    "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == request.namespace",
    "'team' in namespaceObject.metadata.labels",
    "object.spec.containers.all(c, c.image.contains(':'))",
    "object.spec.containers.exists(c, c.name == 'app')",
    "object.spec.containers.all(c, !has(c.securityContext) || !has(c.securityContext.privileged) || !c.securityContext.privileged)",
    "!has(object.spec.hostPID) || !object.spec.hostPID",
    "has(object.spec.template) ? object.spec.template.spec.containers.size() == 1 : object.spec.containers.size() == 1",
    "object.spec.terminationGracePeriodSeconds <= 30",
    "object.spec.terminationGracePeriodSeconds == 30.0",
    "object.spec.restartPolicy == 'Always'",
    "object.spec.replicas > 0",
    "quantity('1Gi').isGreaterThan(quantity('500Mi'))",
    "sets.contains(['web', 'api'], [object.metadata.name])",
    "object.spec['nothing'].at.all == 1",
    "object.spec.containers[0].image in ['registry.example.com/app:1']",
];

#[test]
fn a_rule_says_the_same_as_in_a_validating_admission_policy() -> Outcome {
    let rules: Vec<(String, &str)> = RULES
        .iter()
        .enumerate()
        .map(|(number, rule)| (format!("rule-{number:02}"), *rule))
        .collect();
    let gate = Gate::in_cluster(server(), &[&policy(&rules)], &["--watch-namespaces"])?;
    let namespace = gate.guarded()?;
    let vap = Vap::new(&namespace, &rules)?;

    let mut compared = 0;
    let mut differences = Vec::new();
    for (name, collection, object) in objects(&namespace) {
        let path = format!("{collection}?dryRun=All");
        let answer = server().client().create(&path, &object)?.accepted()?;
        let theirs = vap.broken(&answer.warnings, &rules);
        let ours = broken(&gate, &name)?;
        for (rule, expression) in &rules {
            compared += 1;
            let (theirs, ours) = (theirs.get(rule), ours.get(rule));
            if theirs != ours {
                differences.push(format!("{name}: {expression}: theirs {theirs:?}, ours {ours:?}"));
            }
        }
        assert!(!theirs.is_empty() && theirs.len() < rules.len(), "{name}: {theirs:?}");
    }
    vap.remove()?;
    println!("{compared} judgements compared");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(compared >= 200, "{compared}");
    Ok(())
}

/// How a rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Fails,
    CannotBeEvaluated,
}

fn policy(rules: &[(String, &str)]) -> String {
    let rules: Vec<Value> = rules
        .iter()
        .map(|(name, rule)| json!({"cel": {"name": name, "expression": rule}}))
        .collect();
    json!({
        "apiVersion": "podgate.dev/v1",
        "kind": "PodPolicy",
        "metadata": {"name": "own"},
        "spec": {"enforcement": "Audit", "rules": rules},
    })
    .to_string()
}

/// What Podgate's record says of the object.
fn broken(gate: &Gate<'_>, name: &str) -> Result<BTreeMap<String, Broken>> {
    // The two endpoints are asked at once; only one asks rules that audit.
    let record = wait_for("the record", Duration::from_secs(10), || {
        let is_it =
            |record: &Value| record["object"]["name"] == name && record["violations"] != json!([]);
        Ok(gate.podgate().records()?.into_iter().find(is_it))
    })?;
    let rules = |list: &str| -> Vec<String> {
        let list = record[list].as_array().into_iter().flatten();
        list.filter_map(|entry| Some(entry["rule"].as_str()?.to_owned())).collect()
    };
    let fails = rules("violations").into_iter().map(|rule| (rule, Broken::Fails));
    let faults = rules("faults").into_iter().map(|rule| (rule, Broken::CannotBeEvaluated));
    Ok(fails.chain(faults).collect())
}

/// Objects of several kinds, of which each breaks other rules; each with its name and where it is created.
fn objects(namespace: &Namespace) -> Vec<(String, String, Value)> {
    let pods = namespace.pods();
    let mut objects: Vec<(String, String, Value)> = [
        pod("web"),
        labelled(pod("web-labelled"), "owner", "pay"),
        labelled(pod("web-of-another"), "owner", "shop"),
        privileged(pod("api")),
        host_pid(labelled(pod("api-1"), "owner", "pay")),
    ]
    .into_iter()
    .map(|object| (name(&object), pods.clone(), object))
    .collect();
    for workload in workloads(&pod("web-of-workload")) {
        let path = namespace.path(workload.api, workload.resource);
        objects.push((name(&workload.object), path, workload.object));
    }
    objects
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// The policy of the API server's own, which warns of each rule that is broken.
struct Vap {
    name: String,
}

const API: &str = "/apis/admissionregistration.k8s.io/v1";

impl Vap {
    fn new(namespace: &Namespace, rules: &[(String, &str)]) -> Result<Self> {
        let name = server().unique("own");
        let validations: Vec<Value> =
            rules.iter().map(|(name, rule)| json!({"expression": rule, "message": name})).collect();
        let resources = json!({
            "apiGroups": ["", "apps", "batch"],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["*"],
        });
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [resources]},
                "validations": validations,
            },
        });
        let here = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace.name}});
        let binding = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {
                "policyName": name,
                "validationActions": ["Warn"],
                "matchResources": {"namespaceSelector": here},
            },
        });
        let client = server().client();
        let _created =
            client.create(&format!("{API}/validatingadmissionpolicies"), &policy)?.accepted()?;
        let _created = client
            .create(&format!("{API}/validatingadmissionpolicybindings"), &binding)?
            .accepted()?;
        let vap = Self { name };
        // The API server takes it up a moment later.
        let probe = format!("{}?dryRun=All", namespace.pods());
        wait_for("the policy", Duration::from_mins(1), || {
            let answer = client.create(&probe, &pod("probe"))?.accepted()?;
            Ok((!vap.broken(&answer.warnings, rules).is_empty()).then_some(()))
        })?;
        Ok(vap)
    }

    /// The rules that the API server warned of.
    fn broken(&self, warnings: &[String], rules: &[(String, &str)]) -> BTreeMap<String, Broken> {
        let prefix = format!(
            "Validation failed for ValidatingAdmissionPolicy '{0}' with binding '{0}': ",
            self.name
        );
        let mut broken = BTreeMap::new();
        for message in warnings.iter().filter_map(|warning| warning.strip_prefix(&prefix)) {
            if let Some((rule, _)) = rules.iter().find(|(name, _)| name == message) {
                broken.insert(rule.clone(), Broken::Fails);
            } else if let Some((rule, _)) = rules.iter().find(|(_, rule)| {
                message.starts_with(&format!("expression '{rule}' resulted in error"))
            }) {
                broken.insert(rule.clone(), Broken::CannotBeEvaluated);
            }
        }
        broken
    }

    fn remove(&self) -> Result<()> {
        for kind in ["validatingadmissionpolicybindings", "validatingadmissionpolicies"] {
            let _deleted =
                server().client().delete(&format!("{API}/{kind}/{}", self.name))?.accepted()?;
        }
        Ok(())
    }
}
