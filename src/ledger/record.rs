//! The record of one decision: versioned, and only ever added to.
//!
//! It never holds an environment value, a secret, `userInfo.extra` or a whole object: it is built from
//! [`Attributes`], which never read them.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::admission::Attributes;
use crate::engine::{Decision, DecisionId, Fix, Settled, Violation};
use crate::pod::{FieldPath, PodView};
use crate::policy::sha256;
use crate::rules::{Found, Remedy};

/// Name and version of the schema.
pub const SCHEMA: &str = "podgate.dev/decision/v1";

/// What the server knows of a request beside what was decided.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// The review's uid.
    pub uid: &'r str,
    /// The facts of the request.
    pub attributes: &'r Attributes<'r>,
    /// The object's JSON as it was sent but for `managedFields`, for its digest.
    pub object_json: Option<&'r str>,
    /// Which replica answered.
    pub replica: &'r str,
    /// Which cluster it is in; empty where nobody said.
    pub cluster: &'r str,
    /// Generation of the policy set, counted by the replica since it started.
    pub generation: u64,
    /// When it was decided.
    pub time: Timestamp,
    /// How long the judgement took, decoding included.
    pub latency: Duration,
}

/// One line of the ledger.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'r> {
    schema: &'static str,
    time: Timestamp,
    replica: &'r str,
    cluster: &'r str,
    decision_id: Shown<DecisionId>,
    request_uid: &'r str,
    operation: &'static str,
    subresource: &'r str,
    dry_run: bool,
    user: User<'r>,
    object: Object<'r>,
    images: Vec<&'r str>,
    decision: &'static str,
    violations: Vec<ViolationRecord<'r>>,
    fixes: Vec<FixRecord<'r>>,
    exceptions: Vec<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'r str>,
    policy_set: PolicySet<'r>,
    latency_micros: u128,
}

#[derive(Debug, Serialize)]
struct User<'r> {
    name: &'r str,
    uid: &'r str,
    groups: Vec<&'r str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'r> {
    api_version: String,
    kind: &'r str,
    namespace: &'r str,
    name: &'r str,
    generate_name: &'r str,
    uid: &'r str,
    digest: Option<String>,
}

#[derive(Debug, Serialize)]
struct ViolationRecord<'r> {
    policy: &'r str,
    rule: &'static str,
    enforcement: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    standard: Option<String>,
    path: Shown<&'r FieldPath>,
    container: Option<&'r str>,
    found: Shown<&'r Found>,
    allowed: &'r str,
    fix: Shown<&'r Remedy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<&'r str>,
}

#[derive(Debug, Serialize)]
struct FixRecord<'r> {
    policy: &'r str,
    rule: &'static str,
    path: Shown<&'r FieldPath>,
    value: &'r str,
    applicability: &'static str,
}

/// A value that is written as its text.
#[derive(Debug)]
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Escaped at once: the pieces of a path are short, and each would be escaped by itself.
        serializer.serialize_str(&self.0.to_string())
    }
}

#[derive(Debug, Serialize)]
struct PolicySet<'r> {
    digest: &'r str,
    generation: u64,
}

impl<'r> Record<'r> {
    /// The record of `decision` over `request`.
    #[must_use]
    pub fn new(decision: &'r Decision, request: &Request<'r>) -> Self {
        let attributes = request.attributes;
        let mut exceptions: Vec<&str> = Vec::new();
        for name in decision.violations.iter().filter_map(Violation::exception) {
            if !exceptions.contains(&name) {
                exceptions.push(name);
            }
        }
        Self {
            schema: SCHEMA,
            time: request.time,
            replica: request.replica,
            cluster: request.cluster,
            decision_id: Shown(decision.id),
            request_uid: request.uid,
            operation: attributes.operation.as_str(),
            subresource: &attributes.subresource,
            dry_run: attributes.dry_run,
            user: User {
                name: &attributes.user.username,
                uid: &attributes.user.uid,
                groups: attributes.user.groups.iter().map(|group| &**group).collect(),
            },
            object: Object::new(request),
            images: images(attributes),
            decision: decision.outcome.as_str(),
            violations: decision.violations.iter().map(ViolationRecord::new).collect(),
            fixes: decision.fixes.iter().map(FixRecord::new).collect(),
            exceptions,
            note: decision.note,
            failure: decision.failure.as_deref(),
            policy_set: PolicySet { digest: &decision.policy_set, generation: request.generation },
            latency_micros: request.latency.as_micros(),
        }
    }

    /// The record as one line of JSON, without the newline.
    ///
    /// # Panics
    /// Never: nothing in a record can fail to be written.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        // About what one takes: growing step by step copies a long line several times.
        let mut line = Vec::with_capacity(1024 + 512 * self.violations.len());
        serde_json::to_writer(&mut line, self)
            .expect("a record holds only strings, numbers and booleans");
        line
    }
}

impl<'r> Object<'r> {
    fn new(request: &Request<'r>) -> Self {
        let attributes = request.attributes;
        let metadata = attributes.object.as_ref().and_then(|object| object.metadata.as_ref());
        Self {
            api_version: attributes.api_version(),
            kind: &attributes.kind,
            namespace: &attributes.namespace,
            name: &attributes.name,
            generate_name: metadata.and_then(|m| m.generate_name.as_deref()).unwrap_or_default(),
            uid: metadata.and_then(|m| m.uid.as_deref()).unwrap_or_default(),
            digest: request.object_json.map(|json| sha256(json.as_bytes())),
        }
    }
}

impl<'r> ViolationRecord<'r> {
    fn new(violation: &'r Violation) -> Self {
        let finding = &violation.finding;
        Self {
            policy: &violation.policy,
            rule: violation.rule,
            enforcement: violation.enforcement.as_str(),
            standard: violation.standard.map(|standard| standard.to_string()),
            path: Shown(&finding.path),
            container: finding.path.container(),
            found: Shown(&finding.found),
            allowed: &finding.allowed,
            fix: Shown(&finding.remedy),
            settled: violation.settled.as_ref().map(Settled::as_str),
            exception: violation.exception(),
        }
    }
}

impl<'r> FixRecord<'r> {
    fn new(fix: &'r Fix) -> Self {
        Self {
            policy: &fix.policy,
            rule: fix.rule,
            path: Shown(&fix.fill.path),
            value: &fix.fill.value,
            applicability: fix.fill.applicability.as_str(),
        }
    }
}

fn images<'r>(attributes: &'r Attributes<'r>) -> Vec<&'r str> {
    let pod = attributes.pod_kind().and_then(|kind| attributes.object.as_ref()?.pod(kind));
    let mut images = Vec::new();
    for image in pod.iter().flat_map(PodView::containers).filter_map(|c| c.image()) {
        if !images.contains(&image) {
            images.push(image);
        }
    }
    images
}
