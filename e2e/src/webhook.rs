//! The webhook configurations, as an admin registers them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The entry whose refusals count.
pub const DENY: &str = "deny.podgate.dev";
/// The entry that warns and audits.
pub const OBSERVE: &str = "observe.podgate.dev";
/// The entry that is asked about policies themselves.
pub const POLICIES: &str = "policies.podgate.dev";
/// The entry that repairs.
pub const FIX: &str = "fix.podgate.dev";

/// Where the webhooks of one Podgate are, and what is sent there.
#[derive(Clone, Copy, Debug)]
pub struct Registration<'a> {
    /// The name of the configuration object.
    pub name: &'a str,
    /// The port on this machine.
    pub port: u16,
    /// The authority that signed the serving certificate, as PEM; absent, somebody else fills it in.
    pub authority: Option<&'a str>,
    /// The label, key and value, that a namespace must carry.
    pub label: (&'a str, &'a str),
}

impl Registration<'_> {
    /// The `ValidatingWebhookConfiguration`.
    #[must_use]
    pub fn validating(&self) -> Value {
        let webhooks =
            [self.webhook(DENY, "validate", "Fail"), self.webhook(OBSERVE, "observe", "Ignore")];
        self.configuration("ValidatingWebhookConfiguration", &webhooks)
    }

    /// The `MutatingWebhookConfiguration`.
    #[must_use]
    pub fn mutating(&self) -> Value {
        // What it could not repair, the entry that denies still judges.
        let mut webhook = self.webhook(FIX, "mutate", "Ignore");
        webhook["reinvocationPolicy"] = json!("IfNeeded");
        self.configuration("MutatingWebhookConfiguration", &[webhook])
    }

    /// A `ValidatingWebhookConfiguration` for policies themselves.
    #[must_use]
    pub fn policies(&self) -> Value {
        let mut webhook = self.webhook(POLICIES, "policies", "Ignore");
        webhook["rules"] = json!([{
            "apiGroups": ["podgate.dev"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
            "resources": ["podpolicies", "podpolicyexceptions"],
        }]);
        webhook["namespaceSelector"] = json!({});
        let mut object = self.configuration("ValidatingWebhookConfiguration", &[webhook]);
        object["metadata"]["name"] = json!(format!("{}-policies", self.name));
        object
    }

    fn configuration(&self, kind: &str, webhooks: &[Value]) -> Value {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": self.name},
            "webhooks": webhooks,
        })
    }

    fn webhook(&self, name: &str, path: &str, failure_policy: &str) -> Value {
        let url = format!("https://127.0.0.1:{}/{path}", self.port);
        let client = match self.authority {
            Some(authority) => json!({"url": url, "caBundle": STANDARD.encode(authority)}),
            None => json!({"url": url}),
        };
        json!({
            "name": name,
            "clientConfig": client,
            "rules": rules(),
            "failurePolicy": failure_policy,
            "matchPolicy": "Equivalent",
            "namespaceSelector": {
                "matchLabels": {self.label.0: self.label.1},
                "matchExpressions": [
                    {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]},
                ],
            },
            // A review of a dry run leaves a record that says so, and nothing else.
            "sideEffects": "NoneOnDryRun",
            "timeoutSeconds": 5,
            "admissionReviewVersions": ["v1"],
        })
    }
}

fn rules() -> Value {
    let rule = |groups: &[&str], operations: &[&str], resources: &[&str]| json!({"apiGroups": groups, "apiVersions": ["*"], "operations": operations, "resources": resources});
    let write = ["CREATE", "UPDATE"];
    let pods = [
        "pods",
        "pods/ephemeralcontainers",
        "pods/resize",
        "replicationcontrollers",
        "podtemplates",
    ];
    json!([
        rule(&[""], &write, &pods),
        rule(&[""], &["CREATE"], &["pods/binding"]),
        rule(&["apps"], &write, &["deployments", "replicasets", "statefulsets", "daemonsets"]),
        rule(&["batch"], &write, &["jobs", "cronjobs"]),
    ])
}
