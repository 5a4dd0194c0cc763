//! The record of one decision: versioned, and only ever added to.
//!
//! It never holds an environment value, a secret, `userInfo.extra` or a whole object: it is built from
//! [`Attributes`], which never read them.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::instance::Instance;
use crate::admission::Attributes;
use crate::engine::{Decision, DecisionId, Fix, RuleFault, Settled, Violation};
use crate::pod::{FieldPath, PodView};
use crate::policy::sha256;
use crate::rules::{Found, Remedy};

/// Name and version of the schema of a decision.
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
    /// Which process answered.
    pub instance: &'r Instance,
    /// Generation of the policy set, counted by the replica since it started.
    pub generation: u64,
    /// When it was decided.
    pub time: Timestamp,
    /// How long the judgement took, decoding included.
    pub latency: Duration,
}

/// The record of one decision. In every struct here the fields stand in the order of the alphabet: what is written is
/// then in the canonical form that [`super::chain`] needs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'r> {
    boot: &'r str,
    cluster: &'r str,
    decision: &'static str,
    decision_id: Shown<DecisionId>,
    dry_run: bool,
    exceptions: Vec<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'r str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<FaultRecord<'r>>,
    fixes: Vec<FixRecord<'r>>,
    images: Vec<&'r str>,
    incident: String,
    latency_micros: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    object: Object<'r>,
    operation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<OwnerRecord<'r>>,
    policy_set: PolicySet<'r>,
    replica: &'r str,
    request_uid: &'r str,
    schema: &'static str,
    subresource: &'r str,
    time: Timestamp,
    user: User<'r>,
    violations: Vec<ViolationRecord<'r>>,
}

/// Who sent the request.
#[derive(Debug, Serialize)]
pub(super) struct User<'r> {
    groups: Vec<&'r str>,
    name: &'r str,
    uid: &'r str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'r> {
    api_version: String,
    digest: Option<String>,
    generate_name: &'r str,
    kind: &'r str,
    name: &'r str,
    namespace: &'r str,
    uid: &'r str,
}

/// The object that manages another.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct OwnerRecord<'r> {
    kind: &'r str,
    name: &'r str,
    uid: &'r str,
}

#[derive(Debug, Serialize)]
struct ViolationRecord<'r> {
    allowed: &'r str,
    container: Option<&'r str>,
    enforcement: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<&'r str>,
    fix: Shown<&'r Remedy>,
    found: String,
    /// Whether `found` is what a rule of the policy's own says.
    #[serde(skip)]
    is_told: bool,
    path: String,
    policy: &'r str,
    rule: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    standard: Option<String>,
}

/// What a policy asks in CEL and could not be answered.
#[derive(Debug, Serialize)]
struct FaultRecord<'r> {
    error: &'r str,
    ignored: bool,
    policy: &'r str,
    rule: &'r str,
}

#[derive(Debug, Serialize)]
struct FixRecord<'r> {
    applicability: &'static str,
    path: Shown<&'r FieldPath>,
    policy: &'r str,
    rule: &'r str,
    value: &'r str,
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
        let (object, owner) = (Object::new(request), OwnerRecord::of(attributes));
        let violations: Vec<_> = decision.violations.iter().map(ViolationRecord::new).collect();
        Self {
            boot: &request.instance.boot,
            cluster: &request.instance.cluster,
            decision: decision.outcome.as_str(),
            decision_id: Shown(decision.id),
            dry_run: attributes.dry_run,
            exceptions,
            failure: decision.failure.as_deref(),
            faults: decision.faults.iter().map(FaultRecord::new).collect(),
            fixes: decision.fixes.iter().map(FixRecord::new).collect(),
            images: images(attributes),
            incident: incident(decision, &object, owner.as_ref(), &violations),
            latency_micros: u64::try_from(request.latency.as_micros()).unwrap_or(u64::MAX),
            note: decision.note,
            object,
            operation: attributes.operation.as_str(),
            owner,
            policy_set: PolicySet { digest: &decision.policy_set, generation: request.generation },
            replica: &request.instance.replica,
            request_uid: request.uid,
            schema: SCHEMA,
            subresource: &attributes.subresource,
            time: request.time,
            user: User::of(attributes),
            violations,
        }
    }

    /// The record as JSON in canonical form: the body that [`super::chain::append`] wants.
    ///
    /// # Panics
    /// Never: nothing in a record can fail to be written.
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        // About what one takes: growing step by step copies a long line several times.
        let mut body = Vec::with_capacity(1024 + 512 * self.violations.len());
        serde_json::to_writer(&mut body, self)
            .expect("a record holds only strings, numbers and booleans");
        body
    }
}

/// What is the same where a controller tries again and again: everything but the name that it makes up each time.
fn incident(
    decision: &Decision,
    object: &Object<'_>,
    owner: Option<&OwnerRecord<'_>>,
    violations: &[ViolationRecord<'_>],
) -> String {
    let named = if object.generate_name.is_empty() { object.name } else { object.generate_name };
    let who = owner.map_or(named, |owner| owner.uid);
    let mut same = [decision.outcome.as_str(), object.namespace, object.kind, who].join("\0");
    for violation in violations {
        // What a policy's own rule says may name the pod, and each try is a pod of another name.
        let found = if violation.is_told { "" } else { &violation.found };
        for part in [violation.policy, violation.rule, &violation.path, found] {
            same.push('\0');
            same.push_str(part);
        }
    }
    let digest = sha256(same.as_bytes());
    digest.trim_start_matches("sha256:").chars().take(16).collect()
}

impl<'r> User<'r> {
    /// Without `extra`, which holds credentials.
    pub(super) fn of(attributes: &'r Attributes<'r>) -> Self {
        let user = &attributes.user;
        Self {
            groups: user.groups.iter().map(|group| &**group).collect(),
            name: &user.username,
            uid: &user.uid,
        }
    }
}

impl<'r> OwnerRecord<'r> {
    /// The controlling owner of the object that is sent.
    pub(super) fn of(attributes: &'r Attributes<'r>) -> Option<Self> {
        let owner = attributes.object.as_ref()?.controlling_owner()?;
        Some(Self {
            kind: owner.kind.as_deref().unwrap_or_default(),
            name: owner.name.as_deref().unwrap_or_default(),
            uid: owner.uid.as_deref().unwrap_or_default(),
        })
    }
}

impl<'r> Object<'r> {
    fn new(request: &Request<'r>) -> Self {
        let attributes = request.attributes;
        let metadata = attributes.object.as_ref().and_then(|object| object.metadata.as_ref());
        Self {
            api_version: attributes.api_version(),
            digest: request.object_json.map(|json| sha256(json.as_bytes())),
            generate_name: metadata.and_then(|m| m.generate_name.as_deref()).unwrap_or_default(),
            kind: &attributes.kind,
            name: &attributes.name,
            namespace: &attributes.namespace,
            uid: metadata.and_then(|m| m.uid.as_deref()).unwrap_or_default(),
        }
    }
}

impl<'r> ViolationRecord<'r> {
    fn new(violation: &'r Violation) -> Self {
        let finding = &violation.finding;
        Self {
            allowed: &finding.allowed,
            container: finding.path.container(),
            enforcement: violation.enforcement.as_str(),
            exception: violation.exception(),
            fix: Shown(&finding.remedy),
            found: finding.found.to_string(),
            is_told: matches!(finding.found, Found::Told(_)),
            path: finding.path.to_string(),
            policy: &violation.policy,
            rule: &violation.rule,
            settled: violation.settled.as_ref().map(Settled::as_str),
            standard: violation.standard.map(|standard| standard.to_string()),
        }
    }
}

impl<'r> FaultRecord<'r> {
    fn new(fault: &'r RuleFault) -> Self {
        let RuleFault { policy, rule, error, ignored } = fault;
        Self { error, ignored: *ignored, policy, rule }
    }
}

impl<'r> FixRecord<'r> {
    fn new(fix: &'r Fix) -> Self {
        Self {
            applicability: fix.fill.applicability.as_str(),
            path: Shown(&fix.fill.path),
            policy: &fix.policy,
            rule: &fix.rule,
            value: &fix.fill.value,
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
