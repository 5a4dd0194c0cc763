//! One review: read, judge, record, answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::response::Response;
use bytes::Bytes;
use jiff::Timestamp;

use super::app::{Answered, Recording, State, Unrecorded, Verdict};
use super::clock;
use super::limits::{self, Deadline};
use super::metrics::{Endpoint, Rejection};
use super::store::InForce;
use super::{policies, respond};
use crate::admission::{self, Review, ReviewError};
use crate::engine::{self, Decision, Outcome, Scope};
use crate::ledger::{self, Ledger, Record, Ticket, change};

/// Bodies past this are judged on a thread that may block: a large one would hold up every connection
/// that shares the worker.
const LARGE: usize = 512 * 1024;

/// How long an answer waits for its record, at most: a disk that is slow must not be an admission that is.
const KEPT_WITHIN: Duration = Duration::from_secs(1);

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
    let is_http1 = request.version() < Version::HTTP_2;
    let mut answer = traced(&state, endpoint, request).await;
    // HTTP/1.1, which API servers speak to webhooks, has no goodbye that a request cannot cross: one that is on its way
    // when an idle connection is closed is lost. So whoever goes asks with each last answer to be left.
    if is_http1 && state.readiness.is_stopping() {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

async fn traced(state: &Arc<State>, endpoint: Endpoint, request: Request) -> Response {
    let Some(tracer) = &state.tracer else { return untraced(state, endpoint, request).await };
    let parent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let Some(parent) = parent.map(str::to_owned) else {
        return untraced(state, endpoint, request).await;
    };
    let start = clock::now();
    let answer = untraced(state, endpoint, request).await;
    let (end, status) = (clock::now(), answer.status().as_u16());
    let verdict = answer.extensions().get().cloned();
    tracer.review(&parent, Answered { endpoint: endpoint.as_str(), start, end, status, verdict });
    answer
}

async fn untraced(state: &Arc<State>, endpoint: Endpoint, request: Request) -> Response {
    let result = match state.in_flight.try_acquire() {
        // Held until the answer is made, its way back not counted.
        Ok(_permit) => read_and_judge(state, endpoint, request).await,
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
    let judged = if body.len() <= LARGE {
        judge(state, endpoint, &body, &deadline)?
    } else {
        let state = Arc::clone(state);
        tokio::task::spawn_blocking(move || judge(&state, endpoint, &body, &deadline))
            .await
            .unwrap_or_else(|_| Err(Rejection::Internal.into()))?
    };
    Ok(recorded(state, endpoint, judged).await)
}

/// The answer, once its records are kept.
async fn recorded(state: &State, endpoint: Endpoint, judged: Judged) -> Response {
    let Judged { answer, recorded } = judged;
    let (Some(ledger), Some((recorded, uid))) = (&state.ledger, recorded) else { return answer };
    let kept = match recorded {
        Recorded::As(ticket) => {
            tokio::time::timeout(KEPT_WITHIN, ledger.kept(ticket)).await.unwrap_or(false)
        }
        Recorded::Lost => false,
    };
    // What only warns can never stop a cluster, nor can what was not filled in: `/validate` judges it again.
    if kept || state.unrecorded == Unrecorded::Answer || endpoint != Endpoint::Validate {
        return answer;
    }
    respond::unrecorded(&uid)
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return false };
    let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// An answer that waits for its records to be kept.
struct Judged {
    answer: Response,
    /// What became of its record, and the review's uid.
    recorded: Option<(Recorded, String)>,
}

/// What became of a record.
#[derive(Clone, Copy)]
enum Recorded {
    /// It is written under this ticket.
    As(Ticket),
    /// There was no room for it.
    Lost,
}

impl From<Response> for Judged {
    /// An answer of which nothing is recorded.
    fn from(answer: Response) -> Self {
        Self { answer, recorded: None }
    }
}

fn judge(
    state: &State,
    endpoint: Endpoint,
    body: &Bytes,
    deadline: &Deadline,
) -> Result<Judged, Refusal> {
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
        return Ok(judge_policy(state, &review, deadline).into());
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
    let (decision, mut answer) = judged.map_or_else(
        |_| {
            state.metrics.panicked();
            let decision = Decision::fault(&in_force.set, &review.uid);
            (decision, respond::fault(endpoint, &review.uid))
        },
        |(decision, answer)| (decision, respond::json(StatusCode::OK, answer)),
    );
    if state.tracer.is_some() {
        let outcome = decision.outcome.as_str();
        answer.extensions_mut().insert(Verdict { outcome, decision_id: decision.id.to_string() });
    }
    if deadline.passed() {
        // Nobody reads the answer any more, and what was not answered was not decided.
        return Err(Rejection::Timeout.into());
    }
    let recorded = state.ledger.as_ref().and_then(|ledger| {
        let request = ledger::Request {
            uid: &review.uid,
            attributes: &review.attributes,
            object_json: review.object_json,
            instance: ledger.instance(),
            generation: in_force.generation,
            time,
            latency: took,
        };
        let recorder = Recorder { state, ledger, request: &request };
        let old_object = || admission::old_object_json(&lean);
        // What is recorded last is kept last.
        let decision_kept = recorder.decision(endpoint, &decision);
        recorder.change(endpoint, &decision, old_object).or(decision_kept)
    });
    state.metrics.reviewed(endpoint, review.attributes.operation, &decision, took);
    let recorded = recorded.map(|recorded| (recorded, review.uid.to_string()));
    Ok(Judged { answer, recorded })
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

/// Hands records over.
struct Recorder<'r> {
    state: &'r State,
    ledger: &'r Ledger,
    request: &'r ledger::Request<'r>,
}

impl Recorder<'_> {
    /// Records the decision, where it is one to record.
    fn decision(&self, endpoint: Endpoint, decision: &Decision) -> Option<Recorded> {
        // An object that is left alone is decided about elsewhere.
        let decided = endpoint != Endpoint::Mutate
            || matches!(decision.outcome, Outcome::Fixed | Outcome::Failed);
        let notable = decision.outcome != Outcome::Allowed
            || !decision.violations.is_empty()
            || !decision.faults.is_empty()
            || decision.failure.is_some();
        let wanted = decided && (notable || self.state.recording == Recording::All);
        let body = || Some(Record::new(decision, self.request).to_body());
        wanted.then(|| self.hand_over(body)).flatten()
    }

    /// Records a workload that is let in: who is behind its pods. Once a request: `/validate` sees them all.
    fn change<'o>(
        &self,
        endpoint: Endpoint,
        decision: &Decision,
        old_object: impl FnOnce() -> Option<&'o str>,
    ) -> Option<Recorded> {
        let wanted = endpoint == Endpoint::Validate && decision.outcome.is_allowed();
        wanted.then(|| self.hand_over(|| change::body(self.request, old_object))).flatten()
    }

    fn hand_over(&self, body: impl FnOnce() -> Option<Vec<u8>>) -> Option<Recorded> {
        let Ok(body) = catch_unwind(AssertUnwindSafe(body)) else {
            self.state.metrics.panicked();
            return Some(Recorded::Lost);
        };
        Some(self.ledger.append(&body?).map_or(Recorded::Lost, Recorded::As))
    }
}
