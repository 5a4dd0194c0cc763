//! Pods as Podgate repairs them, for others to judge.

use anyhow::{Context as _, Result, anyhow};
use podgate::admission::Review;
use podgate::engine::{self, Decision, Scope};
use podgate::policy::{self, Options, PolicySet, Source};
use serde_json::Value;
use serde_json::value::RawValue;

/// A pod, what was wrong with it by a standard, and what is left of that.
#[derive(Debug)]
pub struct Repaired {
    /// What was wrong, and how each of it is settled.
    pub decision: Decision,
    /// The pod with all filled in that may be.
    pub pod: Value,
    /// Whether anything was filled in.
    pub changed: bool,
}

impl Repaired {
    /// Fills `pod` in by a policy that asks for a Pod Security Standard and has `fix: All`.
    pub fn by_standard(level: &str, version: &str, pod: &RawValue) -> Result<Self> {
        Self::by(&format!("{{fix: All, standard: {{level: {level}, version: {version}}}}}"), pod)
    }

    /// Fills `pod` in by a policy of this `spec`.
    pub fn by(spec: &str, pod: &RawValue) -> Result<Self> {
        let set = set(spec)?;
        let body = review(pod);
        let review = Review::decode(&body)?;
        let now = jiff::Timestamp::UNIX_EPOCH;
        let decision = engine::decide(&set, &review.attributes, Scope::All, &review.uid, now);
        let (_, patch) = engine::fix(&set, &review.attributes, &review.uid, now);
        let mut pod: Value = serde_json::from_str(pod.get())?;
        let operations: json_patch::Patch = serde_json::from_slice(&patch.to_json())?;
        json_patch::patch(&mut pod, &operations).context("the patch does not fit the pod")?;
        Ok(Self { decision, pod, changed: !patch.is_empty() })
    }

    /// Whether all that was wrong is right now.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.decision.violations.iter().all(|violation| violation.settled.is_some())
    }
}

fn set(spec: &str) -> Result<PolicySet> {
    let text = format!(
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {{name: repair}}\nspec: {spec}\n"
    );
    let options = Options::at(jiff::Timestamp::UNIX_EPOCH);
    let sources = [Source { name: "repair.yaml".to_owned(), text }];
    let compiled = policy::compile(&sources, &options);
    compiled.map(|(set, _)| set).map_err(|problems| anyhow!("{problems:?}"))
}

/// The pod's bytes are kept: they are what somebody else judged.
fn review(pod: &RawValue) -> String {
    format!(
        r#"{{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {{"uid": "u", "operation": "CREATE",
            "namespace": "shop", "kind": {{"group": "", "version": "v1", "kind": "Pod"}},
            "resource": {{"group": "", "version": "v1", "resource": "pods"}}, "object": {}}}}}"#,
        pod.get()
    )
}
