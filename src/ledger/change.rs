//! The record of a workload whose template was changed: it tells later who is behind the pods made from it.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::mark;
use super::record::{OwnerRecord, Request, User};
use crate::admission::Operation;
use crate::pod::Kind;
use crate::policy::sha256;

/// Name and version of the schema.
pub const SCHEMA: &str = "podgate.dev/change/v1";

/// What controllers add to the template of what they make from another.
const ADDED_LABEL: &str = "pod-template-hash";

/// The body of the record of a workload that is created, or whose template is another after the update. `None` for
/// pods, for what is not stored, and for updates that leave the template as it was.
///
/// `old_object_json` is asked for the JSON of the object before an update.
#[must_use]
pub fn body<'o>(
    request: &Request<'_>,
    old_object_json: impl FnOnce() -> Option<&'o str>,
) -> Option<Vec<u8>> {
    let attributes = request.attributes;
    let kind = attributes.pod_kind().filter(|kind| *kind != Kind::Pod)?;
    if attributes.dry_run || !attributes.subresource.is_empty() {
        return None;
    }
    let template = template(kind, request.object_json?)?;
    let changed = match attributes.operation {
        Operation::Create => true,
        Operation::Update => {
            old_object_json().and_then(|old| self::template(kind, old)).as_ref() != Some(&template)
        }
        Operation::Delete | Operation::Connect => false,
    };
    if !changed {
        return None;
    }
    let metadata = attributes.object.as_ref().and_then(|object| object.metadata.as_ref());
    let mut members = json!({
        "object": {
            "apiVersion": attributes.api_version(),
            "kind": &*attributes.kind,
            "name": &*attributes.name,
            "namespace": &*attributes.namespace,
            "uid": metadata.and_then(|m| m.uid.as_deref()).unwrap_or_default(),
        },
        "operation": attributes.operation.as_str(),
        "requestUid": request.uid,
        "template": template,
        "user": User::of(attributes),
    });
    if let Some(owner) = OwnerRecord::of(attributes) {
        members["owner"] = json!(owner);
    }
    Some(mark::body(request.instance, request.time, SCHEMA, members))
}

/// The digest of the template in the JSON of a workload. That of a Deployment and of the `ReplicaSet` made from it are
/// the same.
fn template(kind: Kind, json: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        spec: Option<Spec<'a>>,
        #[serde(borrow)]
        template: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Spec<'a> {
        #[serde(borrow)]
        template: Option<&'a RawValue>,
        #[serde(borrow, rename = "jobTemplate")]
        job_template: Option<JobTemplate<'a>>,
    }
    #[derive(Deserialize)]
    struct JobTemplate<'a> {
        #[serde(borrow)]
        spec: Option<JobSpec<'a>>,
    }
    #[derive(Deserialize)]
    struct JobSpec<'a> {
        #[serde(borrow)]
        template: Option<&'a RawValue>,
    }
    let Object { spec, template } = serde_json::from_str(json).ok()?;
    let template = match kind {
        Kind::PodTemplate => template,
        Kind::CronJob => spec?.job_template?.spec?.template,
        _ => spec?.template,
    }?;
    let mut value: serde_json::Value = serde_json::from_str(template.get()).ok()?;
    if let Some(labels) =
        value.pointer_mut("/metadata/labels").and_then(|labels| labels.as_object_mut())
    {
        labels.remove(ADDED_LABEL);
    }
    Some(sha256(value.to_string().as_bytes()))
}
