//! The pods that the chart makes keep the strictest rules themselves.

use e2e::podgate_check;
use serde_json::{Value, json};

use crate::{
    KUBERNETES, all_values, arguments, object, of_kind, render, render_for, template, texts, values,
};

#[test]
fn every_pod_keeps_the_restricted_standard_and_baseline() {
    for (name, values) in all_values() {
        for kubernetes in KUBERNETES {
            let text = template(&values, kubernetes).succeeded().unwrap();
            let pods = pod_specs(&e2e::yaml_objects(&text).unwrap()).len();
            for standard in ["restricted", "baseline"] {
                let checked = podgate_check(&["--standard", standard], &text).unwrap();
                let judged: Vec<_> =
                    checked.iter().filter(|entry| entry["skipped"].is_null()).collect();
                let refused: Vec<_> =
                    judged.iter().filter(|entry| entry["allowed"] != true).collect();
                assert!(refused.is_empty(), "{name}, {standard}: {refused:#?}");
                let decided = judged.iter().filter(|entry| entry["decision"].is_string()).count();
                assert_eq!(decided, pods, "{name}: every pod is judged: {checked:#?}");
            }
        }
    }
}

/// Pain 24: the engine itself was the risk: an account with a token, many rights, a root file system to write to.
#[test]
fn pods_have_no_more_than_they_use() {
    for (name, values) in all_values() {
        for (pod, spec) in pod_specs(&render(&values)) {
            let name = format!("{name}: {pod}");
            assert_eq!(spec["hostUsers"], false, "{name}");
            for field in ["hostNetwork", "hostPID", "hostIPC"] {
                assert_eq!(spec[field], Value::Null, "{name}");
            }
            for container in spec["containers"].as_array().unwrap() {
                let security = &container["securityContext"];
                assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}), "{name}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
                assert_eq!(container["resources"]["limits"]["cpu"], Value::Null, "{name}");
                assert_eq!(
                    container["image"], "ghcr.io/podgate/podgate:0.1.0",
                    "{name}: one image"
                );
                for mount in container["volumeMounts"].as_array().into_iter().flatten() {
                    // Records are all that is written.
                    let writable = mount["mountPath"] == "/var/lib/podgate";
                    assert_eq!(mount["readOnly"] == true, !writable, "{name}");
                }
            }
            for volume in spec["volumes"].as_array().into_iter().flatten() {
                let kinds: &[&str] = if volume["name"] == "ledger" {
                    &["emptyDir", "persistentVolumeClaim"]
                } else {
                    &["configMap", "secret", "projected"]
                };
                assert!(kinds.iter().any(|kind| volume[kind].is_object()), "{name}: {volume}");
            }
        }
    }
}

/// Pain 24, and the rule of the design: no API token where none is needed.
#[test]
fn a_token_is_mounted_only_where_the_api_server_is_talked_to() {
    let cases = [
        (json!({}), "podgate-webhook", true),
        (json!({"policies": {"watch": false}}), "podgate-webhook", true),
        (json!({"webhook": {"watchNamespaces": false}}), "podgate-webhook", true),
        (
            json!({"policies": {"watch": false}, "webhook": {"watchNamespaces": false, "watchNodes": false}}),
            "podgate-webhook",
            false,
        ),
        (
            json!({"policies": {"watch": false}, "webhook": {"watchNamespaces": false, "watchNodes": false}}),
            "podgate-controller",
            true,
        ),
    ];
    for (mut values, deployment, token) in cases {
        values["ledger"] = json!({"enabled": false});
        let objects = render(&values);
        let spec = &object(&objects, "Deployment", deployment)["spec"]["template"]["spec"];
        assert_eq!(spec["automountServiceAccountToken"], token, "{values}: {deployment}");
        // Nor is there a way out on the network for a pod that talks to nobody.
        let policy = &object(&objects, "NetworkPolicy", deployment)["spec"];
        assert_eq!(
            policy["egress"].as_array().unwrap().is_empty(),
            !token,
            "{values}: {deployment}"
        );
        let watches =
            arguments(&objects, deployment).iter().any(|argument| argument.starts_with("--watch"));
        assert!(token || !watches, "{values}: {deployment}");
    }
    for (name, values) in all_values() {
        for account in of_kind(&render(&values), "ServiceAccount") {
            assert_eq!(account["automountServiceAccountToken"], false, "{name}");
        }
    }
}

/// Pain 24: no `NetworkPolicy` by default, so that any pod could use what the webhook may reach.
#[test]
fn traffic_is_limited_by_default() {
    for (name, values) in all_values() {
        let objects = render(&values);
        let deployments = of_kind(&objects, "Deployment").len();
        let policies = of_kind(&objects, "NetworkPolicy");
        assert_eq!(policies.len(), deployments, "{name}");
        for policy in policies {
            assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]), "{name}");
            for rule in policy["spec"]["ingress"].as_array().unwrap() {
                assert!(
                    !rule["ports"].as_array().unwrap().is_empty(),
                    "{name}: every port is named"
                );
            }
            for rule in policy["spec"]["egress"].as_array().unwrap() {
                assert!(
                    !rule["ports"].as_array().unwrap().is_empty(),
                    "{name}: every port is named"
                );
            }
        }
    }
    let mut narrow = values("ha", "managed");
    narrow["ledger"] = json!({"enabled": false});
    narrow["networkPolicy"] = json!({"apiServerCidrs": ["10.0.0.1/32"], "apiServerPorts": [6443]});
    let objects = render(&narrow);
    let egress = &object(&objects, "NetworkPolicy", "podgate-webhook")["spec"]["egress"];
    let expected = json!([{
        "ports": [{"port": 6443, "protocol": "TCP"}],
        "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}],
    }]);
    assert_eq!(*egress, expected);
    // With a ledger, a webhook sends to one place, and looks up no name.
    let objects = render(&values("ha", "managed"));
    let egress = &object(&objects, "NetworkPolicy", "podgate-webhook")["spec"]["egress"];
    let to = &egress[0]["to"][0]["podSelector"]["matchLabels"];
    assert_eq!(to["app.kubernetes.io/component"], "controller");
    let ingress = &object(&objects, "NetworkPolicy", "podgate-controller")["spec"]["ingress"];
    let from = &ingress[0]["from"][0]["podSelector"]["matchLabels"];
    assert_eq!(
        (&ingress[0]["ports"][0]["port"], &from["app.kubernetes.io/component"]),
        (&json!("ledger"), &json!("webhook"))
    );
}

#[test]
fn user_namespaces_are_used_where_every_runtime_has_them() {
    let host_users = |setting: Value, kubernetes: &str| {
        let objects = render_for(&json!({"userNamespaces": setting}), kubernetes);
        object(&objects, "Deployment", "podgate-webhook")["spec"]["template"]["spec"]["hostUsers"]
            .clone()
    };
    assert_eq!(host_users(json!("auto"), "1.35.4"), Value::Null);
    assert_eq!(host_users(json!("auto"), "1.36.0"), json!(false));
    assert_eq!(host_users(json!(true), "1.33.0"), json!(false));
    assert_eq!(host_users(json!(false), "1.37.2"), Value::Null);
}

#[test]
fn a_replica_goes_when_its_successor_is_ready_and_serves_while_the_news_spreads() {
    let objects = render(&json!({"webhook": {"shutdownGraceSeconds": 15}}));
    let webhook = object(&objects, "Deployment", "podgate-webhook");
    let rolling = &webhook["spec"]["strategy"]["rollingUpdate"];
    assert_eq!(*rolling, json!({"maxUnavailable": 0, "maxSurge": 1}));
    let spec = &webhook["spec"]["template"]["spec"];
    assert!(arguments(&objects, "podgate-webhook").contains(&"--shutdown-grace=15s"));
    assert_eq!(spec["terminationGracePeriodSeconds"], 48);
    let container = &spec["containers"][0];
    assert_eq!(container["lifecycle"], Value::Null, "the image has no shell to sleep in");
    for (probe, path) in
        [("startupProbe", "/livez"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")]
    {
        assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "admin"}));
    }
    assert_eq!(spec["priorityClassName"], "system-cluster-critical");
    let budget = &object(&objects, "PodDisruptionBudget", "podgate-webhook")["spec"];
    assert_eq!(budget["maxUnavailable"], 1);
    assert_eq!(budget["unhealthyPodEvictionPolicy"], "AlwaysAllow");
}

/// What selects pods can never be changed by an upgrade, so it says nothing that one could change.
#[test]
fn selectors_name_no_version_and_no_setting() {
    for (name, values) in all_values() {
        for deployment in of_kind(&render(&values), "Deployment") {
            let labels = deployment["spec"]["selector"]["matchLabels"].as_object().unwrap();
            let keys: Vec<_> = labels.keys().map(String::as_str).collect();
            let expected = [
                "app.kubernetes.io/component",
                "app.kubernetes.io/instance",
                "app.kubernetes.io/name",
            ];
            assert_eq!(keys, expected, "{name}");
            // A new chart with the same program restarts nothing.
            assert_eq!(
                deployment["spec"]["template"]["metadata"]["labels"],
                json!(labels),
                "{name}"
            );
        }
    }
}

#[test]
fn arguments_are_those_of_the_roles() {
    let objects = render(&values("ha", "managed"));
    assert_eq!(
        arguments(&objects, "podgate-webhook"),
        [
            "serve",
            "--role=webhook",
            "--policies=/etc/podgate/policies",
            "--admin-listen=0.0.0.0:8080",
            "--log-format=json",
            "--watch-policies",
            "--watch-nodes",
            "--listen=0.0.0.0:8443",
            "--record=notable",
            "--shutdown-grace=10s",
            "--watch-namespaces",
            "--ledger-key=/etc/podgate/ledger-key/key.pem",
            "--ledger-spool=/var/lib/podgate/spool",
            "--ledger-spool-max=512MiB",
            "--ledger-sync=1s",
            "--ledger-unrecorded=answer",
            "--ledger-send=https://podgate-controller.podgate.svc:8444",
            "--ledger-send-address=$(PODGATE_CONTROLLER_SERVICE_HOST)",
            "--ledger-tls=/etc/podgate/tls",
            "--tls-cert=/etc/podgate/tls/tls.crt",
            "--tls-key=/etc/podgate/tls/tls.key",
        ]
    );
    assert_eq!(
        arguments(&objects, "podgate-controller"),
        [
            "serve",
            "--role=controller",
            "--policies=/etc/podgate/policies",
            "--admin-listen=0.0.0.0:8080",
            "--log-format=json",
            "--watch-policies",
            "--watch-nodes",
            "--ledger=sqlite:/var/lib/podgate/ledger.db",
            "--ledger-keep=2160h",
            "--ledger-max-size=4GiB",
            "--ledger-listen=0.0.0.0:8444",
            "--ledger-tls=/etc/podgate/tls",
            "--ledger-client-name=podgate.podgate.svc",
            "--namespace=$(POD_NAMESPACE)",
            "--tls-managed",
            "--service=podgate",
            "--certificate-secret=podgate-tls",
            "--webhook-configuration=podgate",
            "--tls-san=podgate-controller.podgate.svc",
            "--ledger-key-secret=podgate-ledger-key",
            "--certificate-lifetime=2160h",
            "--ca-lifetime=8760h",
        ]
    );
    let objects = render(&values("small", "managed"));
    let all = arguments(&objects, "podgate");
    assert!(all.contains(&"--role=all") && all.contains(&"--tls-managed"));
    assert!(!all.iter().any(|argument| argument.starts_with("--tls-cert")), "{all:?}");
}

/// Name and pod spec of everything that runs.
fn pod_specs(objects: &[Value]) -> Vec<(String, &Value)> {
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    let deployments = of_kind(objects, "Deployment").into_iter();
    let pods = of_kind(objects, "Pod").into_iter();
    deployments
        .map(|object| (name(object), &object["spec"]["template"]["spec"]))
        .chain(pods.map(|object| (name(object), &object["spec"])))
        .collect()
}

#[test]
fn placement_is_passed_on() {
    let placed = json!({
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}],
        "podAnnotations": {"note": "kept"},
    });
    let objects = render(&json!({"webhook": placed, "controller": placed}));
    for name in ["podgate-webhook", "podgate-controller"] {
        let template = &object(&objects, "Deployment", name)["spec"]["template"];
        assert_eq!(template["metadata"]["annotations"], placed["podAnnotations"]);
        assert_eq!(template["spec"]["nodeSelector"], placed["nodeSelector"]);
        assert_eq!(template["spec"]["tolerations"], placed["tolerations"]);
    }
    let spread = &object(&objects, "Deployment", "podgate-webhook")["spec"]["template"]["spec"];
    let spread: Vec<_> = spread["topologySpreadConstraints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["topologyKey"])
        .collect();
    assert_eq!(texts(&json!(spread)), ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
}
