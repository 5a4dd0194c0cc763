//! From a decision to what the API server reads, and from a rejection to what a client reads.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::metrics::{Endpoint, Rejection};
use crate::admission::{self, MutateResponse};
use crate::engine::{Decision, Outcome, Patch};

/// The answer to a review.
pub(super) fn review(endpoint: Endpoint, uid: &str, decision: &Decision) -> Vec<u8> {
    match endpoint {
        Endpoint::Validate => annotated(validate(uid, decision), decision).to_json(),
        Endpoint::Observe => annotated(observe(uid, decision), decision).to_json(),
        // Nothing is decided about a pod there.
        Endpoint::Mutate => unchanged(uid),
        Endpoint::Policies => admission::Response::allowed(uid).to_json(),
    }
}

/// An answer of `/mutate` without a patch.
fn unchanged(uid: &str) -> Vec<u8> {
    MutateResponse::unchanged(admission::Response::allowed(uid)).to_json()
}

/// The answer of `/mutate`: each field that is filled in is told to the sender.
pub(super) fn fixed(uid: &str, decision: &Decision, patch: &Patch) -> Vec<u8> {
    if patch.is_empty() {
        return unchanged(uid);
    }
    let response = admission::Response::allowed(uid).warnings(&decision.fix_warnings());
    MutateResponse::patched(annotated(response, decision), &patch.to_json()).to_json()
}

/// Warnings of rules are left to `/observe`, so that each is shown once. Only here it is known what an exception lets in.
fn validate<'a>(uid: &'a str, decision: &Decision) -> admission::Response<'a> {
    let denied = |code, reason| admission::Response::denied(uid, code, reason, decision.message());
    match decision.outcome {
        outcome if outcome.is_allowed() => {
            admission::Response::allowed(uid).warnings(&decision.ending_warnings())
        }
        Outcome::Failed => denied(500, "InternalError"),
        _ if decision.failure.is_some() => denied(400, "BadRequest"),
        _ if decision.is_invalid() => denied(422, "Invalid"),
        _ => denied(403, "Forbidden"),
    }
}

/// Nothing is ever refused here: a rule that only warns must not be able to freeze a cluster.
fn observe<'a>(uid: &'a str, decision: &Decision) -> admission::Response<'a> {
    let response = admission::Response::allowed(uid);
    match &decision.failure {
        Some(failure) => {
            response.warnings(&[format!("podgate: not judged, the pod cannot be read: {failure}")])
        }
        None => response.warnings(&decision.warnings()),
    }
}

fn annotated<'a>(
    response: admission::Response<'a>,
    decision: &Decision,
) -> admission::Response<'a> {
    decision
        .audit_annotations()
        .into_iter()
        .fold(response, |response, (key, value)| response.annotation(key, value))
}

/// The answer where judging failed by our own fault. `/validate` refuses, since what was not judged must
/// not pass. The others answer no review at all, so that `failurePolicy: Ignore` lets the request pass.
pub(super) fn fault(endpoint: Endpoint, uid: &str) -> Response {
    const MESSAGE: &str = "podgate failed while judging this request and has logged where: the request \
                           was not judged, and is refused";
    match endpoint {
        Endpoint::Validate => {
            let refused =
                admission::Response::denied(uid, 500, "InternalError", MESSAGE.to_owned());
            json(StatusCode::OK, refused.to_json())
        }
        Endpoint::Observe | Endpoint::Mutate | Endpoint::Policies => problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "podgate failed while judging this request and has logged where",
        ),
    }
}

/// The answer where the record could not be kept, and no request may pass without one.
pub(super) fn unrecorded(uid: &str) -> Response {
    const MESSAGE: &str = "podgate could not keep the record of this request, and lets nothing pass unrecorded: \
                           its log says why the spool cannot be written";
    let refused = admission::Response::denied(uid, 500, "InternalError", MESSAGE.to_owned());
    json(StatusCode::OK, refused.to_json())
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer that is no review: one word for programs, one sentence for people.
pub(super) fn problem(status: StatusCode, reason: &str, message: &str) -> Response {
    let body = serde_json::json!({"reason": reason, "message": message});
    json(status, body.to_string().into_bytes())
}

/// The answer to a request that was turned away before it was read as a review.
pub(super) fn rejection(rejection: Rejection) -> Response {
    let (status, reason, message) = match rejection {
        Rejection::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "BodyTooLarge",
            "the body is larger than 8388608 bytes, more than two objects at the API server's own limit",
        ),
        Rejection::BrokenBody => {
            (StatusCode::BAD_REQUEST, "BrokenBody", "the body ended before its announced length")
        }
        Rejection::InvalidReview => {
            (StatusCode::BAD_REQUEST, "InvalidReview", "the body is not an AdmissionReview")
        }
        Rejection::MediaType => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "Content-Type must be application/json",
        ),
        Rejection::NotFound => (
            StatusCode::NOT_FOUND,
            "NotFound",
            "no such path: reviews go to /validate, /observe, /mutate or /policies",
        ),
        Rejection::Method => {
            (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "only POST is answered here")
        }
        Rejection::Busy | Rejection::Connections => (
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "as many requests as --max-in-flight allows are being answered: try again",
        ),
        Rejection::Timeout => (
            StatusCode::GATEWAY_TIMEOUT,
            "Timeout",
            "the request's ?timeout= was nearly over before it could be answered",
        ),
        Rejection::Internal | Rejection::Handshake => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "podgate failed while reading this request and has logged where",
        ),
    };
    let mut response = problem(status, reason, message);
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
