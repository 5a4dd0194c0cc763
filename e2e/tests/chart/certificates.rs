//! One value says where the certificate comes from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{PEM, PROFILES, arguments, entries, object, of_kind, refusal, render, texts, values};

fn deployment(profile: &str) -> &'static str {
    if profile == "small" { "podgate" } else { "podgate-webhook" }
}

fn mounted_secret(objects: &[Value], deployment: &str) -> Value {
    let spec = &object(objects, "Deployment", deployment)["spec"]["template"]["spec"];
    let volumes = spec["volumes"].as_array().unwrap();
    let secret = volumes.iter().find(|volume| volume["name"] == "tls");
    secret.map_or(Value::Null, |volume| volume["projected"]["sources"][0]["secret"].clone())
}

#[test]
fn podgate_keeps_its_own_and_the_chart_writes_nothing_of_them() {
    for profile in PROFILES {
        let objects = render(&values(profile, "managed"));
        for entry in entries(&objects) {
            assert_eq!(entry["clientConfig"]["caBundle"], Value::Null, "{profile}");
        }
        assert!(
            of_kind(&objects, "Secret").is_empty() && of_kind(&objects, "Certificate").is_empty()
        );
        let secret = mounted_secret(&objects, deployment(profile));
        if profile == "small" {
            assert_eq!(secret, Value::Null, "it serves from memory");
        } else {
            assert_eq!(secret["name"], "podgate-tls");
            assert_eq!(secret["optional"], Value::Null, "the pod waits for the controller");
        }
    }
}

#[test]
fn cert_manager_makes_them_and_tells_the_api_server() {
    for profile in PROFILES {
        let objects = render(&values(profile, "certManager"));
        let leaf = &object(&objects, "Certificate", "podgate")["spec"];
        assert_eq!(
            texts(&leaf["dnsNames"]),
            [
                "podgate",
                "podgate.podgate",
                "podgate.podgate.svc",
                "podgate.podgate.svc.cluster.local"
            ]
            .into_iter()
            // Who takes records in shows it, too.
            .chain((profile != "small").then_some("podgate-controller.podgate.svc"))
            .collect::<Vec<_>>()
        );
        assert_eq!(texts(&leaf["usages"]), ["server auth", "client auth", "digital signature"]);
        assert_eq!(leaf["issuerRef"]["name"], "podgate-ca");
        assert_eq!(of_kind(&objects, "Issuer").len(), 2, "{profile}");
        for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
            let annotations = &object(&objects, kind, "podgate")["metadata"]["annotations"];
            assert_eq!(annotations["cert-manager.io/inject-ca-from"], "podgate/podgate");
        }
        assert_eq!(mounted_secret(&objects, deployment(profile))["name"], leaf["secretName"]);
        assert!(!arguments(&objects, deployment(profile)).contains(&"--tls-managed"), "{profile}");
    }
    let mut own = values("ha", "certManager");
    own["certificates"]["issuerRef"] = json!({"name": "company", "kind": "ClusterIssuer"});
    let objects = render(&own);
    let expected = json!({"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "company"});
    assert_eq!(object(&objects, "Certificate", "podgate")["spec"]["issuerRef"], expected);
    assert!(of_kind(&objects, "Issuer").is_empty());
}

#[test]
fn ones_own_secret_is_mounted_and_its_ca_told_to_the_api_server() {
    for profile in PROFILES {
        let objects = render(&values(profile, "secret"));
        for entry in entries(&objects) {
            assert_eq!(entry["clientConfig"]["caBundle"], STANDARD.encode(PEM), "{profile}");
        }
        assert_eq!(mounted_secret(&objects, deployment(profile))["name"], "mine");
        assert!(!arguments(&objects, deployment(profile)).contains(&"--tls-managed"), "{profile}");
        // Nobody may write it.
        for role in of_kind(&objects, "Role") {
            assert!(!role["rules"].to_string().contains("secrets"), "{profile}");
        }
    }
}

#[test]
fn only_the_api_server_may_call_where_a_client_ca_is_given() {
    for profile in PROFILES {
        let mut values = values(profile, "managed");
        values["clientCa"] =
            json!({"bundle": PEM, "names": ["kube-apiserver", "a name, with a comma"]});
        let objects = render(&values);
        let arguments = arguments(&objects, deployment(profile));
        for argument in [
            "--tls-client-ca=/etc/podgate/client-ca/ca.crt",
            "--tls-client-name=kube-apiserver",
            "--tls-client-name=a name, with a comma",
        ] {
            assert!(arguments.contains(&argument), "{profile}: {arguments:?}");
        }
        assert_eq!(object(&objects, "ConfigMap", "podgate-client-ca")["data"]["ca.crt"], PEM);
    }
}

#[test]
fn halves_of_a_setting_are_refused_with_the_other_half() {
    for (values, expected) in [
        (
            json!({"profile": "paranoid"}),
            "clientCa.bundle: profile paranoid lets only the API server call",
        ),
        (json!({"certificates": {"mode": "secret"}}), "certificates.secretName: mode secret needs"),
        (
            json!({"certificates": {"mode": "secret", "secretName": "mine"}}),
            "certificates.caBundle: mode secret needs the PEM",
        ),
        (
            json!({"certificates": {"caBundle": PEM}}),
            "certificates.caBundle: is for mode secret only",
        ),
        (
            json!({"clientCa": {"names": ["a"]}}),
            "clientCa.names: means nothing without clientCa.bundle",
        ),
        (
            json!({"profile": "small", "webhook": {"replicas": 2}}),
            "webhook.replicas: profile small is one process",
        ),
        (
            json!({"profile": "small", "webhook": {"autoscaling": {"enabled": true}}}),
            "webhook.autoscaling.enabled: profile small is one process",
        ),
        (
            json!({"webhook": {"autoscaling": {"minReplicas": 3, "maxReplicas": 2}}}),
            "webhook.autoscaling.minReplicas: is more than maxReplicas",
        ),
    ] {
        let said = refusal(&values);
        assert!(said.contains(expected), "{values}: {said}");
    }
}
