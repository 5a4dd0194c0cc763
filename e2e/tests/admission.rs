//! The referee's second part: policies that read the labels of namespaces, against upstream's whole
//! admission plugin.
//!
//! `oracle/` makes up requests, labels, defaults and exemptions, and asks the plugin. Podgate must give the
//! same verdict, code, reason, warnings and audit annotations. To see one request alone, run
//! `go run . admission -seed S -first N -count 1` in `e2e/oracle`, or set the variables below.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, anyhow, ensure};
use e2e::oracle;
use jiff::Timestamp;
use podgate::admission::{NamespaceLabels, Review};
use podgate::engine::{self, Decision, Outcome, Scope};
use podgate::policy::{self, Options, PolicySet, Source};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// How many requests: 60,000 unless set, and never fewer.
const COUNT: &str = "PODGATE_ORACLE_REQUESTS";
/// Which requests: the same seed makes the same ones.
const SEED: &str = "PODGATE_ORACLE_SEED";
const LEAST: u64 = 60_000;
/// Differences shown in full; the rest are only counted.
const SHOWN: usize = 10;

/// The keys that upstream annotates with. The others are Podgate's own.
const KEYS: [&str; 4] = ["audit-violations", "enforce-policy", "error", "exempt"];

#[test]
fn oracle_admission() {
    let (count, seed) = (setting(COUNT, LEAST), setting(SEED, 1));
    println!("{count} requests of seed {seed} ({COUNT}, {SEED})");
    let mut tally = BTreeMap::<String, usize>::new();
    let (mut differing, mut shown) = (0, String::new());
    let args = ["admission", "-count", &count.to_string(), "-seed", &seed.to_string()];
    oracle::judgements(&args, |line| {
        let case: Case<'_> = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let expected = case.expected()?;
        let found = case.judge().with_context(|| case.id.clone())?;
        for fact in expected.facts() {
            *tally.entry(format!("{} {fact}", case.request.kind.kind)).or_default() += 1;
        }
        if found != expected {
            differing += 1;
            if differing <= SHOWN {
                writeln!(
                    shown,
                    "{}\n  upstream: {expected:?}\n  podgate:  {found:?}\n  {line}",
                    case.id
                )?;
            }
        }
        Ok(())
    })
    .unwrap();
    for (fact, times) in &tally {
        println!("{times:>8} {fact}");
    }
    assert!(differing == 0, "{differing} of {count} differ:\n{shown}");

    // Requests that are all alike would agree about nothing.
    assert!(count >= LEAST, "only {count} requests");
    let often = |fact: &str| tally.get(fact).copied().unwrap_or_default() >= 100;
    for fact in
        ["allowed", "403", "warned", "audit-violations", "enforce-policy", "error", "exempt"]
    {
        assert!(often(&format!("Pod {fact}")), "Pod {fact}: {tally:?}");
    }
    for kind in WORKLOADS {
        for fact in ["allowed", "warned", "audit-violations", "error", "exempt"] {
            assert!(often(&format!("{kind} {fact}")), "{kind} {fact}: {tally:?}");
        }
        assert!(!tally.contains_key(&format!("{kind} 403")), "{kind}");
    }
    for fact in ["allowed", "422", "warned"] {
        assert!(often(&format!("Namespace {fact}")), "Namespace {fact}: {tally:?}");
    }
}

const WORKLOADS: [&str; 8] = [
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Job",
    "PodTemplate",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
];

/// A request as upstream answered it.
#[derive(Deserialize)]
struct Case<'a> {
    id: String,
    configuration: Value,
    labels: BTreeMap<String, String>,
    #[serde(borrow)]
    request: Request<'a>,
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    kind: GroupVersionKind,
    resource: Value,
    #[serde(default)]
    sub_resource: String,
    #[serde(default)]
    name: String,
    namespace: String,
    operation: String,
    username: String,
    #[serde(borrow)]
    object: &'a RawValue,
    #[serde(borrow)]
    old_object: Option<&'a RawValue>,
}

#[derive(Deserialize, Serialize)]
struct GroupVersionKind {
    group: String,
    version: String,
    kind: String,
}

#[derive(Deserialize)]
struct Response {
    allowed: bool,
    code: u16,
    message: String,
    warnings: Option<Vec<String>>,
    annotations: Option<BTreeMap<String, String>>,
}

/// What both are held to.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    allowed: bool,
    /// 0 where it is allowed.
    code: u16,
    /// Why it is refused; empty where it is not.
    reason: String,
    warnings: Vec<String>,
    annotations: BTreeMap<String, String>,
}

impl Answer {
    fn facts(&self) -> Vec<String> {
        let verdict = if self.allowed { "allowed".to_owned() } else { self.code.to_string() };
        let warned = (!self.warnings.is_empty()).then(|| "warned".to_owned());
        [verdict].into_iter().chain(warned).chain(self.annotations.keys().cloned()).collect()
    }
}

impl Case<'_> {
    fn expected(&self) -> Result<Answer> {
        let Response { allowed, code, message, .. } = &self.response;
        // The API server's own words around a refusal name what the request was about.
        let reason = match code {
            403 => message.split_once(" is forbidden: ").context("no reason")?.1,
            _ => message,
        };
        Ok(Answer {
            allowed: *allowed,
            code: *code,
            reason: reason.to_owned(),
            warnings: self.response.warnings.clone().unwrap_or_default(),
            annotations: self.response.annotations.clone().unwrap_or_default(),
        })
    }

    /// Podgate's answer, by both endpoints, which must come to what all rules come to at once.
    fn judge(&self) -> Result<Answer> {
        let set = self.set()?;
        let body = self.review()?;
        let mut review = Review::decode(&body)?;
        let labels: NamespaceLabels =
            self.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        review.attributes.namespace_labels = Some(labels);
        let decide =
            |scope| engine::decide(&set, &review.attributes, scope, "u", Timestamp::UNIX_EPOCH);
        let all = answer(&decide(Scope::All))?;
        let validate = answer(&decide(Scope::Deny))?;
        let observe = answer(&decide(Scope::Observe))?;
        ensure!(observe.allowed && validate.warnings.is_empty(), "{validate:?} {observe:?}");
        let mut annotations = validate.annotations;
        annotations.extend(observe.annotations);
        let both = Answer { annotations, warnings: observe.warnings, ..validate };
        ensure!(both == all, "endpoints: {both:?}\n  at once: {all:?}");
        Ok(all)
    }

    fn set(&self) -> Result<PolicySet> {
        let mut standard = self.configuration.clone();
        standard["fromNamespaceLabels"] = json!(true);
        let text = json!({
            "apiVersion": "podgate.dev/v1",
            "kind": "PodPolicy",
            "metadata": {"name": "psa"},
            "spec": {"standard": standard},
        });
        let source = Source { name: "psa.yaml".to_owned(), text: text.to_string() };
        let options = Options::at(Timestamp::UNIX_EPOCH);
        let compiled = policy::compile(&[source], &options);
        Ok(compiled.map_err(|problems| anyhow!("{problems:?}"))?.0)
    }

    fn review(&self) -> Result<String> {
        let Request { kind, resource, sub_resource, name, namespace, operation, username, .. } =
            &self.request;
        let old_object = self.request.old_object.map_or("null", RawValue::get);
        let rest = json!({
            "uid": "u", "kind": kind, "resource": resource, "subResource": sub_resource, "name": name,
            "namespace": namespace, "operation": operation, "userInfo": {"username": username},
        });
        let rest = rest.to_string();
        let rest = rest.strip_prefix('{').context("an object")?;
        // The objects stay as upstream read them, byte for byte.
        Ok(format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"object":{},"oldObject":{old_object},{rest}}}"#,
            self.request.object.get()
        ))
    }
}

fn answer(decision: &Decision) -> Result<Answer> {
    ensure!(decision.failure.is_none(), "{:?}", decision.failure);
    let allowed = decision.outcome != Outcome::Denied;
    let code = match decision {
        _ if allowed => 0,
        decision if decision.is_invalid() => 422,
        _ => 403,
    };
    let refusals = decision.pod_security.iter().filter_map(|told| told.refusal.as_deref());
    let annotations = decision.audit_annotations().into_iter();
    Ok(Answer {
        allowed,
        code,
        reason: refusals.collect(),
        warnings: decision.warnings(),
        annotations: annotations
            .filter(|(key, _)| KEYS.contains(key))
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    })
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}
