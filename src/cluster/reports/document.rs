//! What a Report says.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

use super::{MANAGED_BY, NAME};
use crate::cluster::{MANAGER, events};
use crate::ledger::entry::{Decision, Violation};
use crate::ledger::store::{Decided, Incident};

/// Results of one Report. More make no object that anybody reads, and etcd takes no object past 1.5 MiB.
pub(super) const MOST_RESULTS: usize = 250;
/// What its results may take as JSON, in bytes.
const MOST_BYTES: usize = 512 * 1024;
/// What a result's message may take, in bytes.
const MESSAGE_LIMIT: usize = 1024;
/// Says, with `true`, that more was found than the Report holds.
const CUT: &str = "podgate.dev/cut";
/// How bad a result is, worst first: the words of `OpenReports`.
const RESULTS: [&str; 4] = ["fail", "error", "warn", "skip"];

/// A Report's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document(Map<String, Value>);

impl Document {
    /// What the Report of `namespace` is to say; none where there is nothing to say.
    pub(super) fn of(namespace: &str, incidents: &[Incident]) -> Option<Self> {
        let found = incidents.iter().filter_map(|incident| {
            let newest = incident.newest.as_ref()?;
            Some((incident, newest, newest.decision()?))
        });
        let results = found.flat_map(|(incident, newest, decision)| {
            by_rule(decision).map(move |rule| result(incident, newest, decision, &rule))
        });
        let (mut kept, mut bytes, mut is_cut) = (Vec::new(), 0, false);
        for result in results {
            bytes += result.to_string().len();
            is_cut = kept.len() == MOST_RESULTS || bytes > MOST_BYTES;
            if is_cut {
                break;
            }
            kept.push(result);
        }
        if kept.is_empty() {
            return None;
        }
        // Worst first, and else in an order that does not change from one time to the next.
        kept.sort_by_cached_key(|result| {
            let badness = RESULTS.iter().position(|word| result["result"] == *word);
            let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
            (badness, text("policy"), text("rule"), result["properties"]["incident"].to_string())
        });
        let mut annotations = json!({});
        if is_cut {
            annotations[CUT] = json!("true");
        }
        let document = json!({
            "apiVersion": "openreports.io/v1alpha1",
            "kind": "Report",
            "metadata": {
                "name": NAME,
                "namespace": namespace,
                "labels": {MANAGED_BY: MANAGER},
                "annotations": annotations,
            },
            "source": MANAGER,
            "scope": {"apiVersion": "v1", "kind": "Namespace", "name": namespace},
            "configuration": {"limits": {"maxResults": MOST_RESULTS, "statusFilter": RESULTS}},
            "summary": summary(&kept),
            "results": kept,
        });
        match document {
            Value::Object(document) => Some(Self(document)),
            _ => None,
        }
    }

    /// The whole object, to be applied.
    pub(super) fn object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Whether `report` says just this already.
    pub(super) fn is_in(&self, report: &DynamicObject) -> bool {
        let cut = report.metadata.annotations.as_ref().and_then(|all| all.get(CUT));
        let is_cut = self.0["metadata"]["annotations"].get(CUT).is_some();
        let mut content = self
            .0
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata"));
        cut.is_some() == is_cut && content.all(|(key, value)| report.data.get(key) == Some(value))
    }
}

/// What of a decision becomes one result: a rule of a policy, however many fields break it.
struct Broken<'d> {
    policy: &'d str,
    rule: Option<&'d str>,
    result: &'static str,
    message: String,
}

fn by_rule(decision: &Decision) -> impl Iterator<Item = Broken<'_>> {
    let failure = decision.failure.as_deref().map(|why| Broken {
        policy: MANAGER,
        rule: None,
        result: "error",
        message: cut(why.to_owned()),
    });
    let mut rules: BTreeMap<(&str, &str), Vec<&Violation>> = BTreeMap::new();
    for violation in &decision.violations {
        rules.entry((&violation.policy, &violation.rule)).or_default().push(violation);
    }
    let broken = rules.into_iter().map(|((policy, rule), violations)| Broken {
        policy,
        rule: Some(rule),
        result: worst(&violations),
        message: message(&violations),
    });
    failure.into_iter().chain(broken)
}

/// `fail` where it is in the way, `warn` where it is only told of, `skip` where an exception or a fix settled it.
fn worst(violations: &[&Violation]) -> &'static str {
    let word = |violation: &&Violation| match (&violation.settled, violation.enforcement.as_str()) {
        (Some(_), _) => "skip",
        (None, "Deny") => "fail",
        (None, _) => "warn",
    };
    let words: Vec<&str> = violations.iter().map(word).collect();
    RESULTS.into_iter().find(|word| words.contains(word)).unwrap_or("skip")
}

fn message(violations: &[&Violation]) -> String {
    let mut message = String::new();
    for violation in violations {
        let Violation { path, found, allowed, .. } = violation;
        let more = format!("{path} is {found}, allowed: {allowed}");
        if !message.is_empty() {
            message.push_str("; ");
        }
        if message.len() + more.len() > MESSAGE_LIMIT - 8 {
            message.push_str("more");
            break;
        }
        message.push_str(&more);
    }
    cut(message)
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MESSAGE_LIMIT));
    text
}

fn result(
    incident: &Incident,
    newest: &Decided,
    decision: &Decision,
    broken: &Broken<'_>,
) -> Value {
    let repeat = &incident.repeat;
    let mut properties = json!({
        "count": repeat.count.to_string(),
        "first": repeat.first.to_string(),
        "last": repeat.last.to_string(),
        "decision": decision.decision,
        "decisionId": decision.decision_id,
        "incident": incident.key,
        "policySet": decision.policy_set.digest,
        "user": decision.user.name,
    });
    if let Some(actor) = &newest.actor {
        properties["changedBy"] = json!(actor.changed_by);
    }
    if !decision.exceptions.is_empty() {
        properties["exceptions"] = json!(decision.exceptions.join(", "));
    }
    let mut result = json!({
        "policy": broken.policy,
        "result": broken.result,
        "message": broken.message,
        "scored": broken.result == "fail",
        "timestamp": {"seconds": repeat.last.as_second(), "nanos": repeat.last.subsec_nanosecond()},
        "resources": [subject(decision)],
        "properties": properties,
    });
    if let Some(rule) = broken.rule {
        result["rule"] = json!(rule);
    }
    result
}

/// What it is about: the owner that makes such pods, or the object.
fn subject(decision: &Decision) -> ObjectReference {
    let object = &decision.object;
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    events::regarding(decision).unwrap_or_else(|| ObjectReference {
        api_version: text(&object.api_version),
        kind: text(&object.kind),
        name: text(object.shown_name()),
        namespace: text(&object.namespace),
        ..ObjectReference::default()
    })
}

fn summary(results: &[Value]) -> Value {
    let count = |word: &str| results.iter().filter(|result| result["result"] == word).count();
    json!({
        "pass": 0,
        "fail": count("fail"),
        "warn": count("warn"),
        "error": count("error"),
        "skip": count("skip"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::chain::{self, Head};
    use crate::ledger::entry::Entry;
    use crate::ledger::store::Repeat;
    use jiff::Timestamp;

    fn violation(rule: &str, path: &str, enforcement: &str) -> Value {
        json!({"rule": rule, "path": path, "found": "true", "allowed": "false", "policy": "p", "enforcement": enforcement})
    }

    fn incident(key: usize, members: &Value) -> Incident {
        let mut body = json!({"boot": "b", "cluster": "", "replica": "r", "schema": "podgate.dev/decision/v1",
            "time": "2026-11-26T10:00:00Z", "decision": "denied", "decisionId": "7f3k-92", "operation": "CREATE",
            "object": {"apiVersion": "v1", "kind": "Pod", "generateName": "web-", "namespace": "shop"}});
        let body = body.as_object_mut().unwrap();
        body.extend(members.as_object().unwrap().clone());
        let (mut line, mut head) = (Vec::new(), Head::START);
        let canonical = chain::canonical(body).unwrap();
        chain::append(&mut line, &mut head, canonical.as_bytes());
        let entry = Entry::read(&String::from_utf8(line).unwrap()).unwrap();
        let time: Timestamp = "2026-11-26T10:00:00.5Z".parse().unwrap();
        let repeat = Repeat { count: 7, first: time, last: time };
        let newest = Some(Decided { entry, actor: None, repeat: Some(repeat) });
        Incident { key: format!("{key:04}"), repeat, newest }
    }

    #[test]
    fn a_rule_is_one_result_however_many_fields_break_it() {
        let violations = [
            violation("privileged", "spec.containers[0].securityContext.privileged", "Deny"),
            violation("privileged", "spec.containers[1].securityContext.privileged", "Deny"),
            violation("limits", "spec.containers[0].resources", "Warn"),
        ];
        let incident = incident(1, &json!({"violations": violations}));
        let document = Document::of("shop", &[incident]).unwrap();
        let object = Value::Object(document.object().clone());
        let results = object["results"].as_array().unwrap();
        assert_eq!(results.len(), 2, "{object:#}");
        assert_eq!(
            (&results[0]["rule"], &results[0]["result"]),
            (&json!("privileged"), &json!("fail"))
        );
        let message = results[0]["message"].as_str().unwrap();
        assert!(
            message.contains("containers[0]") && message.contains("containers[1]"),
            "{message}"
        );
        assert_eq!(
            (&results[1]["rule"], &results[1]["result"]),
            (&json!("limits"), &json!("warn"))
        );
        assert_eq!(results[0]["resources"][0]["name"], "web-");
        assert_eq!(results[0]["properties"]["count"], "7");
        assert_eq!(
            results[0]["timestamp"],
            json!({"seconds": 1_795_687_200, "nanos": 500_000_000})
        );
        assert_eq!(
            object["summary"],
            json!({"pass": 0, "fail": 1, "warn": 1, "error": 0, "skip": 0})
        );
    }

    #[test]
    fn what_was_settled_is_skipped_and_a_failure_is_an_error() {
        let mut settled = violation("privileged", "spec", "Deny");
        settled["settled"] = json!("exception");
        let incidents = [
            incident(
                1,
                &json!({"decision": "excepted", "violations": [settled], "exceptions": ["ci"]}),
            ),
            incident(
                2,
                &json!({"decision": "failed", "failure": "spec.containers: must be a list"}),
            ),
        ];
        let document = Document::of("shop", &incidents).unwrap();
        let results = document.object()["results"].clone();
        assert_eq!(
            (&results[0]["result"], &results[0]["policy"]),
            (&json!("error"), &json!("podgate"))
        );
        assert_eq!(
            (&results[1]["result"], &results[1]["properties"]["exceptions"]),
            (&json!("skip"), &json!("ci"))
        );
    }

    #[test]
    fn number_and_size_are_bounded_and_the_report_says_so() {
        let one = json!({"violations": [violation("privileged", "spec", "Deny")]});
        let many: Vec<Incident> = (0..=MOST_RESULTS).map(|key| incident(key, &one)).collect();
        let cut = Document::of("shop", &many).unwrap();
        assert_eq!(cut.object()["results"].as_array().unwrap().len(), MOST_RESULTS);
        assert_eq!(cut.object()["metadata"]["annotations"][CUT], "true");
        let whole = Document::of("shop", &many[..MOST_RESULTS]).unwrap();
        assert_eq!(whole.object()["metadata"]["annotations"].get(CUT), None);
        assert_ne!(cut, whole);

        let long = "é".repeat(100_000);
        let long =
            json!({"violations": [violation("privileged", &long, "Deny")], "user": {"name": long}});
        let big: Vec<Incident> = (0..10).map(|key| incident(key, &long)).collect();
        let big = Document::of("shop", &big).unwrap();
        let size = serde_json::to_string(big.object()).unwrap().len();
        assert!(size < MOST_BYTES + 4096, "{size}");
        assert_eq!(big.object()["metadata"]["annotations"][CUT], "true");
    }

    #[test]
    fn nothing_found_is_no_report() {
        assert_eq!(Document::of("shop", &[]), None);
        let gone = Incident { newest: None, ..incident(1, &json!({})) };
        assert_eq!(Document::of("shop", &[gone]), None);
    }
}
