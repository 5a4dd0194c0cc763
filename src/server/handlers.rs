//! One review: read, judge, record, answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use jiff::Timestamp;

use super::app::{Recording, State};
use super::clock;
use super::limits::{self, Deadline};
use super::metrics::{Endpoint, Rejection};
use super::store::InForce;
use super::{policies, respond};
use crate::admission::{self, Review, ReviewError};
use crate::engine::{self, Decision, Outcome, Scope};
use crate::ledger::{self, Record};

/// Bodies past this are judged on a thread that may block: a large one would hold up every connection
/// that shares the worker.
const LARGE: usize = 512 * 1024;

pub(super) async fn validate(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    answer(state, Endpoint::Validate, request).await
}

pub(super) async fn observe(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    answer(state, Endpoint::Observe, request).await
}

pub(super) async fn mutate(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    answer(state, Endpoint::Mutate, request).await
}

pub(super) async fn policies(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    answer(state, Endpoint::Policies, request).await
}

async fn answer(state: Arc<State>, endpoint: Endpoint, request: Request) -> Response {
    let result = match state.in_flight.try_acquire() {
        // Held until the answer is made, its way back not counted.
        Ok(_permit) => read_and_judge(&state, endpoint, request).await,
        Err(_) => Err(Rejection::Busy.into()),
    };
    result.unwrap_or_else(|refusal| {
        let Refusal { rejection, detail } = refusal;
        state.metrics.rejected(rejection);
        match detail {
            Some(detail) => {
                respond::problem(StatusCode::BAD_REQUEST, detail.reason, &detail.message)
            }
            None => respond::rejection(rejection),
        }
    })
}

/// A request that gets no review back.
struct Refusal {
    rejection: Rejection,
    detail: Option<ReviewError>,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, detail: None }
    }
}

impl From<ReviewError> for Refusal {
    fn from(detail: ReviewError) -> Self {
        Self { rejection: Rejection::InvalidReview, detail: Some(detail) }
    }
}

async fn read_and_judge(
    state: &Arc<State>,
    endpoint: Endpoint,
    request: Request,
) -> Result<Response, Refusal> {
    let deadline = Deadline::of(request.uri().query());
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(Rejection::MediaType.into());
    }
    let body = limits::read_body(&parts.headers, body, &deadline).await?;
    if body.len() <= LARGE {
        return judge(state, endpoint, &body, &deadline);
    }
    let state = Arc::clone(state);
    tokio::task::spawn_blocking(move || judge(&state, endpoint, &body, &deadline))
        .await
        .unwrap_or_else(|_| Err(Rejection::Internal.into()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return false };
    let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

fn judge(
    state: &State,
    endpoint: Endpoint,
    body: &Bytes,
    deadline: &Deadline,
) -> Result<Response, Refusal> {
    let text = std::str::from_utf8(body).map_err(|error| ReviewError {
        reason: "InvalidUtf8",
        message: format!("the body is not UTF-8: byte {} is wrong", error.valid_up_to()),
    })?;
    let lean = admission::without_managed_fields(text);
    // An error names a place in what was sent, so that is what it is looked for in.
    let read = || Review::decode(&lean).or_else(|_| Review::decode(text));
    let Ok(review) = catch_unwind(read) else {
        state.metrics.panicked();
        return Err(Rejection::Internal.into());
    };
    let mut review = review?;
    if endpoint == Endpoint::Policies {
        return Ok(judge_policy(state, &review, deadline));
    }
    let attributes = &mut review.attributes;
    attributes.namespace_labels =
        state.namespaces.as_ref().and_then(|namespaces| namespaces.labels(&attributes.namespace));
    attributes.user_namespaces = *state.user_namespaces.borrow();
    let in_force = state.store.load();
    let time = clock::now();
    let judged =
        catch_unwind(AssertUnwindSafe(|| decide(state, &in_force, endpoint, &review, time)));
    let took = deadline.started().elapsed();
    let Ok((decision, answer)) = judged else {
        state.metrics.panicked();
        state.metrics.counted(endpoint, review.attributes.operation, Outcome::Failed, took);
        return Ok(respond::fault(endpoint, &review.uid));
    };
    if deadline.passed() {
        // Nobody reads the answer any more, and what was not answered was not decided.
        return Err(Rejection::Timeout.into());
    }
    // An object that is left alone is decided about elsewhere.
    if endpoint != Endpoint::Mutate || decision.outcome == Outcome::Fixed {
        record(state, &in_force, &review, &decision, &Moment { time, took });
    }
    state.metrics.reviewed(endpoint, review.attributes.operation, &decision, took);
    Ok(respond::json(StatusCode::OK, answer))
}

/// The decision of a pod's endpoint, and the answer that tells it.
fn decide(
    state: &State,
    in_force: &InForce,
    endpoint: Endpoint,
    review: &Review<'_>,
    time: Timestamp,
) -> (Decision, Vec<u8>) {
    let Review { uid, attributes, .. } = review;
    if endpoint == Endpoint::Mutate {
        let (decision, patch) = engine::fix(&in_force.set, attributes, uid, time);
        let answer = respond::fixed(uid, &decision, &patch);
        return (decision, answer);
    }
    let scope = if endpoint == Endpoint::Validate { Scope::Deny } else { Scope::Observe };
    let decision = (state.decide)(&in_force.set, attributes, scope, uid, time);
    let answer = respond::review(endpoint, uid, &decision);
    (decision, answer)
}

/// A policy is no pod: there is no decision about it, and no record.
fn judge_policy(state: &State, review: &Review<'_>, deadline: &Deadline) -> Response {
    let operation = review.attributes.operation;
    let in_force = state.store.load();
    let judged = catch_unwind(AssertUnwindSafe(|| {
        policies::judge(state, &in_force, review, review.object_json)
    }));
    let took = deadline.started().elapsed();
    let Ok((outcome, answer)) = judged else {
        state.metrics.panicked();
        state.metrics.counted(Endpoint::Policies, operation, Outcome::Failed, took);
        return respond::fault(Endpoint::Policies, &review.uid);
    };
    state.metrics.counted(Endpoint::Policies, operation, outcome, took);
    respond::json(StatusCode::OK, answer)
}

/// What the record tells beside review and decision.
struct Moment {
    time: Timestamp,
    took: std::time::Duration,
}

/// Hands the record over before the answer leaves.
fn record(
    state: &State,
    in_force: &InForce,
    review: &Review<'_>,
    decision: &Decision,
    moment: &Moment,
) {
    let Some(ledger) = &state.ledger else { return };
    let notable = decision.outcome != Outcome::Allowed
        || !decision.violations.is_empty()
        || decision.failure.is_some();
    if state.recording == Recording::Notable && !notable {
        return;
    }
    let request = ledger::Request {
        uid: &review.uid,
        attributes: &review.attributes,
        object_json: review.object_json,
        instance: ledger.instance(),
        generation: in_force.generation,
        time: moment.time,
        latency: moment.took,
    };
    let body = catch_unwind(AssertUnwindSafe(|| Record::new(decision, &request).to_body()));
    if body.is_err() {
        state.metrics.panicked();
    }
    state.metrics.recorded(body.is_ok_and(|body| ledger.append(&body)));
}
