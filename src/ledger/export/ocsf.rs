//! API Activity (class 6003) of the Open Cybersecurity Schema Framework, version 1.3.0, with the security control profile.

use serde_json::{Value, json};

use crate::ledger::entry::Decision;
use crate::ledger::store::Decided;

const VERSION: &str = "1.3.0";
const CLASS: u64 = 6003;

/// The event of a decision; `null` for what is none.
pub(super) fn event(decided: &Decided) -> Value {
    let Some(decision) = decided.decision() else { return Value::Null };
    let entry = &decided.entry;
    let (activity, activity_name) = match decision.operation.as_str() {
        "CREATE" => (1, "Create"),
        "UPDATE" => (3, "Update"),
        "DELETE" => (4, "Delete"),
        _ => (99, "Other"),
    };
    let (group, version) =
        decision.object.api_version.split_once('/').unwrap_or(("", &decision.object.api_version));
    let refused = matches!(decision.decision.as_str(), "denied" | "failed");
    let groups: Vec<Value> =
        decision.user.groups.iter().map(|group| json!({"name": group})).collect();
    let mut event = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("API Activity: {activity_name}"),
        "severity_id": severity(decision).0,
        "severity": severity(decision).1,
        "status_id": if refused { 2 } else { 1 },
        "status": if refused { "Failure" } else { "Success" },
        "status_detail": decision.decision,
        "action_id": if refused { 2 } else { 1 },
        "action": if refused { "Denied" } else { "Allowed" },
        "disposition_id": disposition(decision).0,
        "disposition": disposition(decision).1,
        "message": message(decision),
        "time": entry.time.as_millisecond(),
        "actor": {"user": {"name": decision.user.name, "uid": decision.user.uid, "groups": groups}},
        "api": {
            "operation": decision.operation,
            "service": {"name": "kubernetes"},
            "group": {"name": group},
            "version": version,
            "request": {"uid": decision.request_uid},
        },
        "src_endpoint": {"svc_name": "kubernetes"},
        "resources": [{
            "name": decision.object.shown_name(),
            "namespace": decision.object.namespace,
            "type": decision.object.kind,
            "uid": decision.object.uid,
        }],
        "metadata": {
            "version": VERSION,
            "profiles": ["security_control"],
            "uid": decision.decision_id,
            "sequence": entry.head.seq,
            "log_name": "podgate",
            "log_provider": entry.chain.replica,
            "product": {"name": "Podgate", "vendor_name": "Podgate", "version": env!("CARGO_PKG_VERSION")},
        },
        "unmapped": {
            "boot": entry.chain.boot,
            "hash": entry.head.hash,
            "incident": decision.incident,
            "policySet": decision.policy_set.digest,
            "dryRun": decision.dry_run,
        },
    });
    if let Some(violation) = decision.violations.first() {
        event["policy"] = json!({"name": violation.policy, "uid": violation.rule});
        event["unmapped"]["violations"] = decision
            .violations
            .iter()
            .map(|v| json!({"policy": v.policy, "rule": v.rule, "path": v.path, "found": v.found, "fix": v.fix}))
            .collect();
    }
    if let Some(actor) = &decided.actor {
        event["unmapped"]["actor"] = json!(actor);
    }
    event
}

fn severity(decision: &Decision) -> (u64, &'static str) {
    match decision.decision.as_str() {
        "denied" => (3, "Medium"),
        "failed" => (4, "High"),
        "warned" | "excepted" => (2, "Low"),
        _ => (1, "Informational"),
    }
}

fn disposition(decision: &Decision) -> (u64, &'static str) {
    match decision.decision.as_str() {
        "denied" => (2, "Blocked"),
        "fixed" => (11, "Corrected"),
        "excepted" => (9, "Exonerated"),
        "failed" => (25, "Error"),
        _ => (1, "Allowed"),
    }
}

fn message(decision: &Decision) -> String {
    let reasons: Vec<String> = decision
        .violations
        .iter()
        .map(|violation| format!("{}: {} is {}", violation.rule, violation.path, violation.found))
        .collect();
    reasons.join("; ")
}
