//! The chart on a real API server: what it makes is taken, upgrades leave alone what others keep, and nothing is left that
//! could hold up the cluster. There is no node, so nothing runs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::objects::pod;
use e2e::{ApiServer, HelmOutput, helm};
use serde_json::{Value, json};

use crate::{PEM, everything, values};

const VALIDATING: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/podgate";
const MUTATING: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/podgate";

struct Release {
    server: ApiServer,
}

impl Release {
    /// Runs `helm <command> podgate <arguments>` against the server.
    fn helm(&self, command: &str, arguments: &[&str], values: &Value) -> HelmOutput {
        let kubeconfig = self.server.kubectl().kubeconfig().to_str().unwrap();
        let common = [command, "podgate", "--namespace", "podgate", "--kubeconfig", kubeconfig];
        helm(&[&common, arguments].concat(), values).unwrap()
    }

    fn with_chart(&self, command: &str, arguments: &[&str], values: &Value) {
        let chart = e2e::chart();
        let arguments = [&[chart.to_str().unwrap()], arguments].concat();
        self.helm(command, &arguments, values).succeeded().unwrap();
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.server.client().get(path).unwrap();
        (answer.code, answer.body)
    }

    /// Whether the API server lets a pod in that Podgate, which does not run, would have to be asked about.
    fn lets_pods_in(&self) -> bool {
        let answer = self
            .server
            .client()
            .create("/api/v1/namespaces/default/pods?dryRun=All", &pod("any"))
            .unwrap();
        match answer.code {
            201 => true,
            500 => false,
            _ => panic!("{answer:?}"),
        }
    }

    /// What the controller does: it writes every `caBundle`, and nothing else.
    fn keep_ca_bundles(&self) {
        for (kind, path) in [
            ("validatingwebhookconfiguration", VALIDATING),
            ("mutatingwebhookconfiguration", MUTATING),
        ] {
            let entries = self.get(path).1["webhooks"].as_array().unwrap().len();
            let patch = |index| json!({"op": "add", "path": format!("/webhooks/{index}/clientConfig/caBundle"), "value": STANDARD.encode(PEM)});
            let patch = Value::Array((0..entries).map(patch).collect()).to_string();
            let arguments =
                ["patch", kind, "podgate", "--type=json", "--field-manager=podgate", "-p", &patch];
            let _ = self.server.kubectl().run(&arguments).unwrap().succeeded().unwrap();
        }
    }

    fn ca_bundles(&self) -> Vec<Value> {
        [VALIDATING, MUTATING]
            .into_iter()
            .flat_map(|path| self.get(path).1["webhooks"].as_array().unwrap().clone())
            .map(|entry| entry["clientConfig"]["caBundle"].clone())
            .collect()
    }
}

/// Pains 3, 17 and 22, and the emergency switch, from beginning to end.
#[test]
fn install_upgrade_rollback_switch_off_and_uninstall() {
    let release = Release { server: ApiServer::start().unwrap() };
    assert!(release.lets_pods_in());

    release.with_chart("install", &["--create-namespace", "-f", "-"], &values("ha", "managed"));
    assert!(
        !release.lets_pods_in(),
        "Podgate does not run, and the entry that denies fails closed"
    );
    release.keep_ca_bundles();
    let kept = vec![json!(STANDARD.encode(PEM)); 4];
    assert_eq!(release.ca_bundles(), kept);

    // The same values, then others: what the controller keeps stays.
    release.with_chart("upgrade", &["-f", "-"], &values("ha", "managed"));
    assert_eq!(release.ca_bundles(), kept);
    let mut others = values("ha", "managed");
    others["webhook"] =
        json!({"timeoutSeconds": 3, "replicas": 4, "autoscaling": {"enabled": false}});
    release.with_chart("upgrade", &["-f", "-"], &others);
    assert_eq!(release.ca_bundles(), kept);
    assert_eq!(release.get(VALIDATING).1["webhooks"][0]["timeoutSeconds"], 3);
    release.helm("rollback", &[], &json!({})).succeeded().unwrap();
    assert_eq!(release.ca_bundles(), kept);
    assert_eq!(release.get(VALIDATING).1["webhooks"][0]["timeoutSeconds"], 5);

    // The emergency switch of docs/install.md, and the way back.
    let page = std::fs::read_to_string(e2e::chart().join("../../docs/install.md")).unwrap();
    assert!(page.contains("\nkubectl delete validatingwebhookconfiguration podgate\n"));
    let _ = release
        .server
        .kubectl()
        .run(&["delete", "validatingwebhookconfiguration", "podgate"])
        .unwrap()
        .succeeded()
        .unwrap();
    assert!(release.lets_pods_in());
    assert!(page.contains("\nhelm upgrade podgate charts/podgate -n podgate --reuse-values\n"));
    release.with_chart("upgrade", &["--reuse-values"], &json!({}));
    assert!(!release.lets_pods_in());

    release.helm("uninstall", &[], &json!({})).succeeded().unwrap();
    assert!(release.lets_pods_in());
    for path in [VALIDATING, MUTATING] {
        assert_eq!(release.get(path).0, 404);
    }
    let (_, left) = release.get("/apis/apps/v1/namespaces/podgate/deployments");
    assert_eq!(left["items"], json!([]));
}

/// Every object of every profile and certificate mode is one that the API server knows, with no field that it does not.
#[test]
fn everything_is_taken_by_the_api_server_as_it_is() {
    let server = ApiServer::start().unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "podgate", "labels": {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
    }}});
    let _ = server.client().create("/api/v1/namespaces", &namespace).unwrap().accepted().unwrap();
    // What is made by a dry run is not there for what is made in it.
    let proof =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "podgate-proof"}});
    let _ = server.client().create("/api/v1/namespaces", &proof).unwrap().accepted().unwrap();
    for profile in crate::PROFILES {
        for mode in crate::MODES {
            for values in [values(profile, mode), everything(profile, mode)] {
                let mut objects = crate::render(&values);
                objects.retain(|object| object["kind"] != "Namespace");
                // Their definitions come with cert-manager and the Prometheus operator.
                objects.retain(|object| {
                    let kind = object["kind"].as_str().unwrap();
                    !matches!(kind, "Certificate" | "Issuer" | "ServiceMonitor" | "PrometheusRule")
                });
                let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
                let arguments = ["create", "--dry-run=server", "--validate=strict"];
                let output =
                    server.kubectl().run_on(&arguments, &list).unwrap().succeeded().unwrap();
                assert_eq!(output.stderr, "", "{profile}, {mode}: a warning");
            }
        }
    }
}
