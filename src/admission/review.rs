//! `AdmissionReview` of `admission.k8s.io/v1`, read in one pass.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::attributes::{Attributes, Operation, Source, User};
use super::request::Request;
use crate::pod::{Object, Text};

/// A review that can be answered: its uid is known.
#[derive(Debug)]
pub struct Review<'a> {
    /// The uid that the answer must carry.
    pub uid: Text<'a>,
    /// The facts of the request.
    pub attributes: Attributes<'a>,
    /// The JSON of the object, exactly as it stands in the body.
    pub object_json: Option<&'a str>,
}

/// A body that is not a review, so that there is nobody to answer by uid: HTTP 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReviewError {
    /// One word for programs.
    pub reason: &'static str,
    /// What was wrong, where, and what would be right.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a, O> {
    #[serde(borrow)]
    api_version: Option<Text<'a>>,
    #[serde(borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow, bound(deserialize = "O: Deserialize<'de>"))]
    request: Option<Request<'a, O>>,
}

impl<'a> Review<'a> {
    /// Reads a review from the body of a request.
    ///
    /// A review whose envelope can be read but whose object cannot is still a review: its
    /// [`Attributes::unreadable`] says why, and the answer can carry its uid.
    ///
    /// # Errors
    /// Where the body is not an `AdmissionReview` of `admission.k8s.io/v1` with a uid.
    pub fn decode(body: &'a str) -> Result<Self, ReviewError> {
        match serde_json::from_str::<Envelope<'a, Object<'a>>>(body) {
            Ok(envelope) => Self::from_envelope(envelope, body),
            Err(error) => Self::decode_envelope(body, &error),
        }
    }

    /// The slow path: something in the body is not as expected. Where it is only the object, the review
    /// can still be answered; kinds that carry no pod may use the same names for other things.
    fn decode_envelope(body: &'a str, error: &serde_json::Error) -> Result<Self, ReviewError> {
        let envelope = match serde_json::from_str::<Envelope<'a, &'a RawValue>>(body) {
            Ok(envelope) => envelope,
            Err(envelope_error) => return Err(not_json(&envelope_error)),
        };
        let request = envelope.request;
        let Some(mut request) = request else { return Err(not_json(error)) };
        let object = request.object.take();
        let old_object = request.old_object.take();
        let mut review = Self::from_envelope(
            Envelope {
                api_version: envelope.api_version,
                kind: envelope.kind,
                request: Some(Request {
                    object: None::<Object<'a>>,
                    old_object: None,
                    uid: request.uid,
                    kind: request.kind,
                    resource: request.resource,
                    sub_resource: request.sub_resource,
                    name: request.name,
                    namespace: request.namespace,
                    operation: request.operation,
                    user_info: request.user_info,
                    dry_run: request.dry_run,
                    around_object: None,
                }),
            },
            body,
        )?;
        review.object_json = object.map(RawValue::get);
        let attributes = &mut review.attributes;
        for (name, raw, place) in [
            ("object", object, &mut attributes.object),
            ("oldObject", old_object, &mut attributes.old_object),
        ] {
            match raw.map(|raw| Object::decode(raw.get())).transpose() {
                Ok(read) => *place = read,
                Err(error) => attributes.unreadable = Some(format!("request.{name}: {error}")),
            }
        }
        Ok(review)
    }

    fn from_envelope(
        envelope: Envelope<'a, Object<'a>>,
        body: &'a str,
    ) -> Result<Self, ReviewError> {
        let api_version = envelope.api_version.unwrap_or_default();
        let kind = envelope.kind.unwrap_or_default();
        if &*kind != "AdmissionReview" {
            return Err(ReviewError {
                reason: "NotAdmissionReview",
                message: format!("kind is {:?}, must be \"AdmissionReview\"", &*kind),
            });
        }
        if &*api_version != "admission.k8s.io/v1" {
            return Err(ReviewError {
                reason: "UnsupportedVersion",
                message: format!(
                    "apiVersion is {:?}, must be \"admission.k8s.io/v1\": list only v1 in the webhook's \
                     admissionReviewVersions",
                    &*api_version
                ),
            });
        }
        let missing = |field: &str| ReviewError {
            reason: "MissingField",
            message: format!("{field} is missing"),
        };
        let request = envelope.request.ok_or_else(|| missing("request"))?;
        let uid =
            request.uid.filter(|uid| !uid.is_empty()).ok_or_else(|| missing("request.uid"))?;
        let operation = request.operation.ok_or_else(|| missing("request.operation"))?;
        let operation =
            Operation::ALL.into_iter().find(|o| o.as_str() == &*operation).ok_or_else(|| {
                ReviewError {
                    reason: "UnknownOperation",
                    message: format!(
                        "request.operation is {:?}, must be CREATE, UPDATE, DELETE or CONNECT",
                        &*operation
                    ),
                }
            })?;
        let kind = request.kind.ok_or_else(|| missing("request.kind"))?;
        let user = request.user_info.unwrap_or_default();
        let attributes = Attributes {
            operation,
            group: kind.group.unwrap_or_default(),
            version: kind.version.unwrap_or_default(),
            kind: kind.kind.unwrap_or_default(),
            resource: request.resource.and_then(|r| r.resource).unwrap_or_default(),
            subresource: request.sub_resource.unwrap_or_default(),
            name: request.name.unwrap_or_default(),
            namespace: request.namespace.unwrap_or_default(),
            namespace_labels: None,
            user_namespaces: None,
            user: User {
                username: user.username.unwrap_or_default(),
                uid: user.uid.unwrap_or_default(),
                groups: user.groups.unwrap_or_default(),
            },
            dry_run: request.dry_run.unwrap_or_default(),
            object: request.object,
            old_object: request.old_object,
            unreadable: None,
            source: Source::Review(body),
        };
        let object_json = match (&attributes.object, request.around_object) {
            (None, _) => None,
            (Some(_), Some(around)) => around.between(body),
            (Some(_), None) => object_json(body),
        };
        Ok(Self { uid, attributes, object_json })
    }
}

/// The same by reading once more, for a body that an API server would have ordered otherwise.
fn object_json(body: &str) -> Option<&str> {
    let envelope = serde_json::from_str::<Envelope<'_, &RawValue>>(body).ok()?;
    envelope.request?.object.map(RawValue::get)
}

/// The JSON of the object before an update, in the body of a review.
#[must_use]
pub fn old_object_json(body: &str) -> Option<&str> {
    let envelope = serde_json::from_str::<Envelope<'_, &RawValue>>(body).ok()?;
    envelope.request?.old_object.map(RawValue::get)
}

fn not_json(error: &serde_json::Error) -> ReviewError {
    let reason = if error.is_data() { "InvalidReview" } else { "InvalidJson" };
    ReviewError { reason, message: format!("the body is not an AdmissionReview: {error}") }
}
