//! What is rendered, whole: for every profile, certificate mode and version of Kubernetes.

use std::collections::BTreeSet;

use e2e::helm;
use serde_json::{Value, json};

use crate::{KUBERNETES, all_values, everything, of_kind, render, render_for, template, values};

/// Kinds that never render unless asked for, and everything else that may.
const KINDS: &[&str] = &[
    "Certificate",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "CustomResourceDefinition",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Issuer",
    "MutatingWebhookConfiguration",
    "Namespace",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "PrometheusRule",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "Service",
    "ServiceAccount",
    "ServiceMonitor",
    "ValidatingWebhookConfiguration",
];

#[test]
fn every_profile_and_mode_renders_for_every_kubernetes_and_twice_the_same() {
    for (name, values) in all_values() {
        for kubernetes in KUBERNETES {
            let text = template(&values, kubernetes).succeeded().unwrap();
            let again = template(&values, kubernetes).succeeded().unwrap();
            assert!(text == again, "{name}, {kubernetes}: two renders differ");
            let mut names = BTreeSet::new();
            for object in e2e::yaml_objects(&text).unwrap() {
                let kind = object["kind"].as_str().unwrap();
                assert!(KINDS.contains(&kind), "{name}: {kind}");
                let namespace = &object["metadata"]["namespace"];
                let own = object["metadata"]["name"].as_str().unwrap();
                let key = format!("{kind} {own}");
                assert!(names.insert(key.clone()), "{name}: {key} twice");
                let cluster_wide = kind.starts_with("Cluster")
                    || kind.ends_with("WebhookConfiguration")
                    || matches!(kind, "CustomResourceDefinition" | "Namespace");
                let expected = match own {
                    _ if cluster_wide => Value::Null,
                    "podgate-test" if kind.starts_with("Role") => json!("default"),
                    "podgate-proof" => json!("podgate-proof"),
                    _ => json!("podgate"),
                };
                assert_eq!(*namespace, expected, "{name}: {key}");
            }
        }
    }
}

#[test]
fn lint_finds_nothing() {
    let chart = e2e::chart();
    for (name, values) in all_values() {
        let arguments = ["lint", chart.to_str().unwrap(), "--strict", "-f", "-"];
        let output = helm(&arguments, &values).unwrap();
        let said = output.succeeded().unwrap();
        assert!(!said.contains("[WARNING]") && !said.contains("[ERROR]"), "{name}: {said}");
    }
}

#[test]
fn profiles_are_what_they_say() {
    let counts = |profile| {
        let objects = render(&values(profile, "managed"));
        let deployments: Vec<_> = of_kind(&objects, "Deployment")
            .into_iter()
            .map(|deployment| {
                format!(
                    "{} {}",
                    deployment["metadata"]["name"].as_str().unwrap(),
                    deployment["spec"]["replicas"]
                )
            })
            .collect();
        (deployments.join(", "), of_kind(&objects, "PodDisruptionBudget").len())
    };
    assert_eq!(counts("small"), ("podgate 1".to_owned(), 0));
    assert_eq!(counts("ha"), ("podgate-controller 1, podgate-webhook 2".to_owned(), 1));
    assert_eq!(counts("paranoid"), ("podgate-controller 1, podgate-webhook 3".to_owned(), 1));
    let scaled = render(&everything("ha", "managed"));
    for deployment in of_kind(&scaled, "Deployment") {
        let set = !deployment["spec"]["replicas"].is_null();
        assert_eq!(
            set,
            deployment["metadata"]["name"] == "podgate-controller",
            "the autoscaler sets it"
        );
    }
}

#[test]
fn other_versions_of_kubernetes_are_refused() {
    for kubernetes in ["1.29.14", "1.38.0"] {
        let said = template(&json!({}), kubernetes).refused().unwrap();
        assert!(said.contains(">=1.30.0-0 <1.38.0-0"), "{said}");
    }
    // Builds of vendors are versions too.
    for kubernetes in ["v1.30.1-eks-036c24b", "v1.36.2+k3s1"] {
        render_for(&json!({}), kubernetes);
    }
}

#[test]
fn a_release_of_another_name_is_named_after_it() {
    let chart = e2e::chart();
    let arguments = ["template", "gate", chart.to_str().unwrap(), "-n", "security", "-f", "-"];
    let text = helm(&arguments, &json!({})).unwrap().succeeded().unwrap();
    for object in e2e::yaml_objects(&text).unwrap() {
        let name = object["metadata"]["name"].as_str().unwrap();
        let is_definition = object["kind"] == "CustomResourceDefinition";
        assert!(is_definition || name.starts_with("gate-podgate"), "{name}");
    }
    assert!(text.contains("--service=gate-podgate\n"));
    assert!(text.contains("--webhook-configuration=gate-podgate\n"));
    assert!(text.contains("name: gate-podgate-tls\n"));
}
