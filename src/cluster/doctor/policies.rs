//! Policies and exceptions that are resources: what their status says.

use serde_json::Value;

use super::Finding;
use super::cluster::Cluster;

const KINDS: [(&str, &str); 2] =
    [("PodPolicy", "podpolicies"), ("PodPolicyException", "podpolicyexceptions")];

pub(super) async fn look(cluster: &Cluster) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, resource) in KINDS {
        match cluster.list(&format!("/apis/podgate.dev/v1/{resource}")).await {
            Ok(objects) => findings.extend(objects.iter().map(|object| status(kind, object))),
            Err(error) => findings.push(Finding::unknown("policies", resource, &error)),
        }
    }
    findings
}

fn status(kind: &str, object: &Value) -> Finding {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let conditions = object["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    let bad = conditions.iter().find(|condition| {
        matches!(condition["type"].as_str(), Some("Compiled" | "InForce"))
            && condition["status"] != "True"
    });
    let generation = &object["metadata"]["generation"];
    if let Some(bad) = bad {
        let text = |field: &str| bad[field].as_str().unwrap_or_default();
        let found = format!("{kind} {name} is not {}: {}", text("type"), text("message"));
        let advice = format!("correct it: `kubectl describe {} {name}`", kind.to_lowercase());
        return Finding::wrong("policies", found, advice);
    }
    if conditions.is_empty() {
        let found = format!("{kind} {name} has no status");
        let advice = "see whether podgate's controller runs, and with --watch-policies";
        return Finding::doubtful("policies", found, advice);
    }
    let stale = conditions.iter().any(|condition| {
        condition["observedGeneration"].is_number()
            && condition["observedGeneration"] != *generation
    });
    if stale {
        let found = format!("the status of {kind} {name} is about an older generation");
        let advice = "see whether podgate's controller runs, and with --watch-policies";
        return Finding::doubtful("policies", found, advice);
    }
    Finding::fine("policies", format!("{kind} {name} is in force"))
}
