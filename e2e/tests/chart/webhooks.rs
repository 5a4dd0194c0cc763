//! What the API server is told. The pains are those of the webhooks that came before.

use serde_json::{Value, json};

use crate::{all_values, entries, entry, of_kind, render, texts, values};

/// Paths whose answer can refuse a pod.
const JUDGES: &str = "/validate";

#[test]
fn entries_are_those_of_the_design() {
    let objects = render(&values("ha", "managed"));
    let shown = |entry: &Value| {
        let client = &entry["clientConfig"]["service"];
        format!(
            "{} {} {} {}:{}{}",
            entry["name"],
            entry["failurePolicy"],
            client["namespace"],
            client["name"],
            client["port"],
            client["path"]
        )
        .replace('"', "")
    };
    let shown: Vec<_> = entries(&objects).into_iter().map(shown).collect();
    assert_eq!(
        shown,
        [
            "deny.podgate.dev Fail podgate podgate:443/validate",
            "observe.podgate.dev Ignore podgate podgate:443/observe",
            "policies.podgate.dev Ignore podgate podgate:443/policies",
            "fix.podgate.dev Ignore podgate podgate:443/mutate",
        ]
    );
    for entry in entries(&objects) {
        assert_eq!(entry["sideEffects"], "None");
        assert_eq!(entry["matchPolicy"], "Equivalent");
        assert_eq!(entry["timeoutSeconds"], 5);
        assert_eq!(entry["admissionReviewVersions"], json!(["v1"]));
    }
    let fix = entry(&objects, "fix.podgate.dev");
    assert_eq!(fix["reinvocationPolicy"], "IfNeeded");
    let rules = fix["rules"].as_array().unwrap();
    for rule in rules {
        assert_eq!(rule["operations"], json!(["CREATE"]), "an update is never repaired");
        assert_eq!(rule["scope"], "Namespaced");
    }
    let resources: Vec<_> = rules.iter().flat_map(|rule| texts(&rule["resources"])).collect();
    assert_eq!(
        resources,
        [
            "pods",
            "replicationcontrollers",
            "podtemplates",
            "deployments",
            "replicasets",
            "statefulsets",
            "daemonsets",
            "jobs",
            "cronjobs",
        ]
    );
}

/// Pain 1: the cluster froze though every policy only audited, because one entry carried all of them and failed closed.
#[test]
fn what_only_warns_or_audits_can_never_hold_up_a_cluster() {
    for (name, mut values) in all_values() {
        for failure_policy in ["Fail", "Ignore"] {
            values["webhook"]["failurePolicy"] = json!(failure_policy);
            for entry in entries(&render(&values)) {
                let path = &entry["clientConfig"]["service"]["path"];
                if entry["failurePolicy"] == "Fail" {
                    assert_eq!(path, JUDGES, "{name}: {}", entry["name"]);
                    assert_eq!(failure_policy, "Fail", "{name}: the setting is not heard");
                }
            }
        }
    }
}

/// Pain 2: a stopped cluster did not start again, because nodes, certificates and the webhook's own pods asked a webhook
/// that was not there.
#[test]
fn a_cluster_can_start_while_podgate_is_down() {
    let resources = [
        "pods",
        "replicationcontrollers",
        "podtemplates",
        "pods/ephemeralcontainers",
        "pods/resize",
        "pods/binding",
        "bindings",
        "deployments",
        "replicasets",
        "statefulsets",
        "daemonsets",
        "jobs",
        "cronjobs",
    ];
    for (name, mut values) in all_values() {
        // Whatever is left out, its own namespace is.
        values["webhook"]["excludedNamespaces"] = json!([]);
        let objects = render(&values);
        for entry in entries(&objects) {
            let wide = entry["rules"].to_string();
            assert!(!wide.contains('*'), "{name}: {wide}");
        }
        let deny = entry(&objects, "deny.podgate.dev");
        assert_eq!(excluded(deny), ["podgate"], "{name}");
        let mut asked = Vec::new();
        for rule in deny["rules"].as_array().unwrap() {
            assert_eq!(rule["scope"], "Namespaced", "{name}");
            asked.extend(texts(&rule["resources"]));
        }
        assert_eq!(asked, resources, "{name}");
    }
    let objects = render(&values("ha", "managed"));
    assert_eq!(excluded(entry(&objects, "deny.podgate.dev")), ["podgate", "kube-system"]);
}

/// The rules cover the operations by which a pod comes to be or changes what it may do, and no other.
#[test]
fn operations_are_those_that_can_change_what_a_pod_may_do() {
    let objects = render(&values("ha", "managed"));
    for entry in ["deny.podgate.dev", "observe.podgate.dev"] {
        for rule in entry_rules(&objects, entry) {
            let resources = texts(&rule["resources"]);
            let expected = match resources[0] {
                "pods/ephemeralcontainers" => json!(["UPDATE"]),
                "pods/binding" => json!(["CREATE"]),
                _ => json!(["CREATE", "UPDATE"]),
            };
            assert_eq!(rule["operations"], expected, "{resources:?}");
        }
    }
}

/// Pain 3: the webhook took its own configuration away when it was scaled down or could not be reached, and everything
/// was let in.
#[test]
fn nothing_at_run_time_can_make_or_remove_a_configuration() {
    for (name, values) in all_values() {
        let objects = render(&values);
        for role in of_kind(&objects, "ClusterRole").into_iter().chain(of_kind(&objects, "Role")) {
            for rule in role["rules"].as_array().unwrap() {
                let groups = texts(&rule["apiGroups"]);
                assert!(!groups.contains(&"*") && !texts(&rule["verbs"]).contains(&"*"), "{name}");
                if groups.contains(&"admissionregistration.k8s.io") {
                    assert_eq!(texts(&rule["verbs"]), ["get", "list", "watch", "patch"], "{name}");
                    assert_eq!(texts(&rule["resourceNames"]), ["podgate"], "{name}");
                }
            }
        }
        // Nor is it collected with something that owns it.
        for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
            for configuration in of_kind(&objects, kind) {
                assert_eq!(configuration["metadata"]["ownerReferences"], Value::Null, "{name}");
            }
        }
    }
    let mut none = values("ha", "managed");
    none["webhook"] = json!({"replicas": 0});
    let said = crate::refusal(&none);
    assert!(said.contains("/webhook/replicas") && said.contains("minimum"), "{said}");
}

/// Pain 23: which namespaces are left out meant one thing here and another there.
#[test]
fn one_list_says_which_namespaces_are_left_out() {
    let list = json!({"excludedNamespaces": ["kube-system", "ci", "podgate"]});
    for profile in ["small", "ha"] {
        let mut values = values(profile, "managed");
        values["webhook"] = list.clone();
        let objects = render(&values);
        for name in ["deny.podgate.dev", "observe.podgate.dev", "fix.podgate.dev"] {
            assert_eq!(excluded(entry(&objects, name)), ["podgate", "kube-system", "ci"], "{name}");
        }
    }
    // Only by the label that the API server sets: no one who may label a namespace can take it out.
    for object in render(&values("ha", "managed")) {
        assert!(!object.to_string().contains("objectSelector"), "{object}");
    }
}

/// Profile paranoid judges the namespaces that are left out as well, but only where Podgate answers: it must start.
#[test]
fn paranoid_judges_its_own_and_the_excluded_namespaces_and_fails_open_there() {
    let objects = render(&values("paranoid", "managed"));
    let system = entry(&objects, "system.podgate.dev");
    let deny = entry(&objects, "deny.podgate.dev");
    assert_eq!(system["failurePolicy"], "Ignore");
    assert_eq!(system["clientConfig"]["service"]["path"], JUDGES);
    assert_eq!(system["rules"], deny["rules"]);
    let selector = &system["namespaceSelector"]["matchExpressions"][0];
    assert_eq!(selector["operator"], "In");
    assert_eq!(texts(&selector["values"]), excluded(deny));
    assert_eq!(entry(&objects, "observe.podgate.dev")["namespaceSelector"], Value::Null);
}

fn excluded(entry: &Value) -> Vec<&str> {
    let expressions = entry["namespaceSelector"]["matchExpressions"].as_array().unwrap();
    let [selector] = &expressions[..] else { panic!("{expressions:?}") };
    assert_eq!(selector["key"], "kubernetes.io/metadata.name");
    assert_eq!(selector["operator"], "NotIn");
    texts(&selector["values"])
}

fn entry_rules<'o>(objects: &'o [Value], name: &str) -> &'o [Value] {
    entry(objects, name)["rules"].as_array().unwrap()
}
