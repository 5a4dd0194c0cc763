//! The webhook configurations: which requests come to podgate, and what happens where it does not answer.

use serde_json::Value;

use super::cluster::Cluster;
use super::selector::takes;
use super::{Finding, Options};

const CHECK: &str = "webhooks";
/// Longer than this, and a stalled gate stalls whoever waits for it.
const PATIENCE: u64 = 10;

/// An entry that an installation has.
struct Wanted {
    kind: &'static str,
    name: &'static str,
    policy: &'static str,
    /// What is lost where `failurePolicy` is the other one.
    otherwise: &'static str,
    /// Whether podgate guards nothing without it.
    needed: bool,
}

pub(super) const KINDS: [(&str, &str); 2] = [
    ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
    ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
];

const FREEZES: &str =
    "it can stop every change while podgate is down, for a rule that stops nothing";

const WANTED: [Wanted; 4] = [
    Wanted {
        kind: KINDS[0].0,
        name: "deny.podgate.dev",
        policy: "Fail",
        otherwise: "pods pass unjudged while podgate does not answer",
        needed: true,
    },
    Wanted {
        kind: KINDS[0].0,
        name: "observe.podgate.dev",
        policy: "Ignore",
        otherwise: FREEZES,
        needed: false,
    },
    Wanted {
        kind: KINDS[0].0,
        name: "policies.podgate.dev",
        policy: "Ignore",
        otherwise: "policies cannot be corrected while podgate is down",
        needed: false,
    },
    Wanted {
        kind: KINDS[1].0,
        name: "fix.podgate.dev",
        policy: "Ignore",
        otherwise: FREEZES,
        needed: false,
    },
];

/// The entries of podgate's configurations, with the kind that each stands in.
pub(super) async fn entries(
    cluster: &Cluster,
    options: &Options,
) -> kube::Result<Vec<(&'static str, Value)>> {
    let mut found = Vec::new();
    for (kind, resource) in KINDS {
        let name = &options.webhook_configuration;
        let path = format!("/apis/admissionregistration.k8s.io/v1/{resource}/{name}");
        if let Some(configuration) = cluster.get(&path).await? {
            let entries = configuration["webhooks"].as_array().cloned().unwrap_or_default();
            found.extend(entries.into_iter().map(|entry| (kind, entry)));
        }
    }
    Ok(found)
}

pub(super) async fn look(cluster: &Cluster, options: &Options) -> Vec<Finding> {
    match entries(cluster, options).await {
        Ok(entries) => judge(&entries, options),
        Err(error) => vec![Finding::unknown(CHECK, "podgate's webhook configurations", &error)],
    }
}

pub(super) fn judge(entries: &[(&'static str, Value)], options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for wanted in &WANTED {
        let entry = entries
            .iter()
            .find(|(kind, entry)| *kind == wanted.kind && entry["name"] == wanted.name);
        let Some((_, entry)) = entry else {
            if wanted.needed {
                let found = format!(
                    "{} {} has no entry {}: no pod is judged",
                    wanted.kind, options.webhook_configuration, wanted.name
                );
                let advice =
                    "install the chart, or name the configuration with --webhook-configuration";
                findings.push(Finding::wrong(CHECK, found, advice));
            }
            continue;
        };
        let before = findings.len();
        failure_policy(wanted, entry, &mut findings);
        scope(wanted, entry, options, &mut findings);
        target(wanted, entry, options, &mut findings);
        if findings.len() == before {
            findings.push(Finding::fine(CHECK, format!("{} is as designed", wanted.name)));
        }
    }
    findings
}

fn failure_policy(wanted: &Wanted, entry: &Value, findings: &mut Vec<Finding>) {
    let name = wanted.name;
    let policy = entry["failurePolicy"].as_str().unwrap_or("Fail");
    if policy != wanted.policy {
        let found = format!("{name} has failurePolicy {policy}: {}", wanted.otherwise);
        let advice = format!("set it to {}", wanted.policy);
        // The emergency switch sets Ignore on purpose.
        findings.push(Finding::wrong(CHECK, found, advice));
    }
    let timeout = entry["timeoutSeconds"].as_u64().unwrap_or(PATIENCE);
    if timeout > PATIENCE {
        let found = format!("{name} waits {timeout} seconds");
        findings.push(Finding::doubtful(CHECK, found, "set timeoutSeconds to 10 or less"));
    }
    if entry["matchPolicy"] == "Exact" {
        let found = format!("{name} has matchPolicy Exact: other versions of a kind pass it by");
        findings.push(Finding::wrong(CHECK, found, "set it to Equivalent"));
    }
}

fn scope(wanted: &Wanted, entry: &Value, options: &Options, findings: &mut Vec<Finding>) {
    let name = wanted.name;
    let own = &options.namespace;
    let labels = [("kubernetes.io/metadata.name", own.as_str())];
    // Podgate's own resources are in no namespace, which selectors do not touch.
    if wanted.name != "policies.podgate.dev" && takes(&entry["namespaceSelector"], &labels) {
        let found = format!("{name} is asked about podgate's own namespace {own}");
        let advice = format!(
            "add {{key: kubernetes.io/metadata.name, operator: NotIn, values: [{own}]}} to its namespaceSelector: podgate could not \
             start where it is down"
        );
        findings.push(if wanted.policy == "Fail" {
            Finding::wrong(CHECK, found, advice)
        } else {
            Finding::doubtful(CHECK, found, advice)
        });
    }
    let rules = entry["rules"].as_array().map_or(&[][..], Vec::as_slice);
    let lists = |rule: &Value, field: &str, word: &str| {
        rule[field].as_array().is_some_and(|values| values.iter().any(|value| value == word))
    };
    for field in ["apiGroups", "apiVersions", "operations", "resources"] {
        let all = rules.iter().any(|rule| {
            let values = rule[field].as_array().into_iter().flatten();
            values.into_iter().filter_map(Value::as_str).any(|value| value.contains('*'))
        });
        if all {
            let found =
                format!("{name} has * in {field}: requests come to podgate that it does not judge");
            let advice = "list what carries a pod, as the chart does";
            findings.push(Finding::wrong(CHECK, found, advice));
        }
    }
    if wanted.needed {
        let asked = |resource: &str, operation: &str| {
            rules.iter().any(|rule| {
                (lists(rule, "resources", resource) || lists(rule, "resources", "*"))
                    && (lists(rule, "operations", operation) || lists(rule, "operations", "*"))
            })
        };
        for (resource, operation) in
            [("pods", "CREATE"), ("pods", "UPDATE"), ("pods/ephemeralcontainers", "UPDATE")]
        {
            if !asked(resource, operation) {
                let found = format!("{name} is not asked about {operation} of {resource}");
                findings.push(Finding::wrong(CHECK, found, "add it to its rules"));
            }
        }
    }
    if !entry["objectSelector"].is_null() && !takes(&entry["objectSelector"], &[]) {
        let found =
            format!("{name} has an objectSelector: whoever writes a pod's labels can leave it out");
        findings.push(Finding::wrong(
            CHECK,
            found,
            "remove it; exceptions are PodPolicyExceptions",
        ));
    }
}

/// Where the API server sends the reviews.
fn target(wanted: &Wanted, entry: &Value, options: &Options, findings: &mut Vec<Finding>) {
    let service = &entry["clientConfig"]["service"];
    let Options { namespace, service: name, .. } = options;
    if service.is_null() {
        let url = entry["clientConfig"]["url"].as_str().unwrap_or_default();
        let found = format!("{} is asked at {url}, not at a Service", wanted.name);
        let advice = format!("in a cluster, name Service {name} of namespace {namespace}");
        findings.push(Finding::doubtful(CHECK, found, advice));
    } else if service["namespace"] != **namespace || service["name"] != **name {
        let text = |field: &str| service[field].as_str().unwrap_or_default();
        let found = format!(
            "{} is asked at Service {}/{}, not {namespace}/{name}",
            wanted.name,
            text("namespace"),
            text("name")
        );
        let advice = "name the right one with --namespace and --service, or correct clientConfig";
        findings.push(Finding::wrong(CHECK, found, advice));
    }
}
