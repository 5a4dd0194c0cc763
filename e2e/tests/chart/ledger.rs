//! Where records go, by one value.

use serde_json::{Value, json};

use crate::{MODES, PROFILES, arguments, object, of_kind, refusal, render, values};

fn volume(objects: &[Value], deployment: &str, name: &str) -> Value {
    let spec = &object(objects, "Deployment", deployment)["spec"]["template"]["spec"];
    let volumes = spec["volumes"].as_array().unwrap();
    volumes.iter().find(|volume| volume["name"] == name).cloned().unwrap_or_default()
}

#[test]
fn switched_off_nothing_of_it_is_left() {
    for profile in PROFILES {
        for mode in MODES {
            let mut off = values(profile, mode);
            off["ledger"] = json!({"enabled": false});
            let text = serde_json::to_string(&render(&off)).unwrap();
            for word in ["--ledger", "/var/lib/podgate", "8444", "-ledger"] {
                assert!(!text.contains(word), "{profile}, {mode}: {word}");
            }
        }
    }
}

#[test]
fn one_process_stores_for_itself_and_takes_nothing_in() {
    let objects = render(&values("small", "managed"));
    let all = arguments(&objects, "podgate");
    assert!(all.contains(&"--ledger=sqlite:/var/lib/podgate/ledger.db"), "{all:?}");
    assert!(
        !all.iter().any(|a| a.starts_with("--ledger-listen") || a.starts_with("--ledger-send"))
    );
    assert_eq!(volume(&objects, "podgate", "ledger")["emptyDir"], json!({}));
}

#[test]
fn a_claim_outlives_the_release_and_is_written_by_one_at_a_time() {
    for (profile, deployment) in [("small", "podgate"), ("ha", "podgate-controller")] {
        let mut kept = values(profile, "managed");
        kept["ledger"] =
            json!({"persistence": {"enabled": true, "storageClass": "fast", "size": "5Gi"}});
        let objects = render(&kept);
        let claim = object(&objects, "PersistentVolumeClaim", "podgate-ledger");
        assert_eq!(claim["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
        assert_eq!(claim["spec"]["storageClassName"], "fast");
        let volume = volume(&objects, deployment, "ledger");
        assert_eq!(volume["persistentVolumeClaim"]["claimName"], "podgate-ledger");
        assert_eq!(
            object(&objects, "Deployment", deployment)["spec"]["strategy"]["type"],
            "Recreate"
        );
    }
    let mut existing = values("ha", "managed");
    existing["ledger"] = json!({"persistence": {"existingClaim": "mine"}});
    let objects = render(&existing);
    assert!(of_kind(&objects, "PersistentVolumeClaim").is_empty());
    let volume = volume(&objects, "podgate-controller", "ledger");
    assert_eq!(volume["persistentVolumeClaim"]["claimName"], "mine");
}

#[test]
fn postgres_is_named_by_a_secret_and_nowhere_else() {
    let mut postgres = values("ha", "managed");
    postgres["ledger"] = json!({"urlSecret": "ledger-url"});
    let objects = render(&postgres);
    let controller = arguments(&objects, "podgate-controller");
    assert!(controller.contains(&"--ledger=$(LEDGER_URL)"), "{controller:?}");
    let spec = &object(&objects, "Deployment", "podgate-controller")["spec"]["template"]["spec"];
    let env = spec["containers"][0]["env"].as_array().unwrap();
    let url = env.iter().find(|variable| variable["name"] == "LEDGER_URL").unwrap();
    assert_eq!(url["valueFrom"]["secretKeyRef"], json!({"name": "ledger-url", "key": "url"}));
    let egress = &object(&objects, "NetworkPolicy", "podgate-controller")["spec"]["egress"];
    assert!(egress.to_string().contains("5432"), "{egress}");
    postgres["ledger"]["persistence"] = json!({"enabled": true});
    let said = refusal(&postgres);
    assert!(said.contains("ledger.persistence.enabled: is for SQLite"), "{said}");
}

#[test]
fn with_ones_own_certificate_its_authority_is_the_one_of_the_values() {
    let objects = render(&values("ha", "secret"));
    for deployment in ["podgate-webhook", "podgate-controller"] {
        let sources = &volume(&objects, deployment, "tls")["projected"]["sources"];
        assert_eq!(sources[1]["configMap"]["name"], "podgate-ledger-ca", "{deployment}");
    }
    let authority = object(&objects, "ConfigMap", "podgate-ledger-ca");
    assert_eq!(authority["data"]["ca.crt"], crate::PEM);
    // Nobody makes a key there, and heads are signed where one is named.
    assert!(!arguments(&objects, "podgate-webhook").iter().any(|a| a.starts_with("--ledger-key")));
    let mut named = values("ha", "secret");
    named["ledger"] = json!({"keySecret": "key"});
    let objects = render(&named);
    assert!(
        arguments(&objects, "podgate-webhook")
            .contains(&"--ledger-key=/etc/podgate/ledger-key/key.pem")
    );
    assert_eq!(volume(&objects, "podgate-webhook", "ledger-key")["secret"]["secretName"], "key");
}

#[test]
fn the_console_is_for_those_who_say_who_they_are() {
    let mut shown = values("ha", "managed");
    shown["console"] = json!({"enabled": true});
    let objects = render(&shown);
    assert!(arguments(&objects, "podgate-controller").contains(&"--console=0.0.0.0:8445"));
    assert!(!arguments(&objects, "podgate-webhook").iter().any(|a| a.starts_with("--console")));
    let ports = &object(&objects, "Service", "podgate-controller")["spec"]["ports"];
    assert_eq!(ports[1]["port"], 8445);
    // One process has no certificate in files: it is reached by who may forward a port, and by nobody else.
    let mut small = values("small", "managed");
    small["console"] = json!({"enabled": true});
    assert!(arguments(&render(&small), "podgate").contains(&"--console=127.0.0.1:8445"));
    small["ledger"] = json!({"enabled": false});
    assert!(refusal(&small).contains("console.enabled: shows what is stored"));
}

#[test]
fn telemetry_goes_from_who_decides_and_its_secrets_with_it() {
    let mut on = values("ha", "managed");
    assert!(!serde_json::to_string(&render(&on)).unwrap().contains("otlp"));
    on["otlp"] =
        json!({"endpoint": "https://o.example.com", "headersSecret": "t", "caSecret": "c"});
    let objects = render(&on);
    for (name, secret, key) in [("otlp-headers", "t", "headers"), ("otlp-ca", "c", "ca.crt")] {
        let argument = format!("--{name}=/etc/podgate/{name}/{key}");
        assert!(arguments(&objects, "podgate-webhook").contains(&argument.as_str()), "{argument}");
        let volume = volume(&objects, "podgate-webhook", name);
        assert_eq!(volume["secret"]["secretName"], secret);
        assert_eq!(volume["secret"]["items"], json!([{"key": key, "path": key}]));
    }
    let policy = object(&objects, "NetworkPolicy", "podgate-webhook");
    let ports = serde_json::to_string(&policy["spec"]["egress"]).unwrap();
    for port in ["\"port\":53,", "\"port\":443,", "\"port\":4318,"] {
        assert!(ports.contains(port), "{port} in {ports}");
    }
    let controller = object(&objects, "Deployment", "podgate-controller").to_string();
    assert!(!controller.contains("otlp"), "which decides nothing");
    on["otlp"]["endpoint"] = json!("");
    assert!(refusal(&on).contains("otlp.endpoint"));
}
