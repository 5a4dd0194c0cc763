//! Reviews as spans, children of the API server's own where it traces.

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;

use super::logs::nanos;
use super::sender::{Encoded, Signal};
use super::{Service, attribute};

/// Spans of reviews.
#[derive(Debug)]
pub struct Traces;

/// The caller's span, as W3C Trace Context has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    trace: [u8; 16],
    span: [u8; 8],
}

impl Parent {
    /// Reads a `traceparent` header. None where it is malformed, or the caller does not keep the trace: then nobody would
    /// look at a span of ours.
    #[must_use]
    pub fn read(header: &str) -> Option<Self> {
        let mut fields = header.split('-');
        let (version, trace) = (fields.next()?, fields.next()?);
        let (span, flags) = (fields.next()?, fields.next()?);
        // Of version 0 there is no more; a later one may have further fields.
        if version == "ff" || version.len() != 2 || (version == "00" && fields.next().is_some()) {
            return None;
        }
        let mut parent = Self { trace: [0; 16], span: [0; 8] };
        let mut flag = [0];
        let read = |text: &str, into: &mut [u8]| {
            let length = base16ct::lower::decode(text, into).map(<[u8]>::len).ok()?;
            (length == into.len()).then_some(())
        };
        read(version, &mut [0])?;
        read(trace, &mut parent.trace)?;
        read(span, &mut parent.span)?;
        read(flags, &mut flag)?;
        let is_known = parent.trace != [0; 16] && parent.span != [0; 8];
        (is_known && flag[0] & 1 == 1).then_some(parent)
    }
}

/// The trace is kept, and the parent is another process's.
const SAMPLED_OF_REMOTE: u32 = 0x301;

/// A review that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The caller's span.
    pub parent: Parent,
    /// The endpoint that was asked, such as `validate`.
    pub endpoint: &'static str,
    /// When the request came.
    pub start: Timestamp,
    /// When it was answered.
    pub end: Timestamp,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Outcome and short name of the decision; none where nothing was decided.
    pub decision: Option<(&'static str, String)>,
}

impl Signal for Traces {
    const NAME: &'static str = "traces";
    const PATH: &'static str = "/v1/traces";
    type Item = Review;
    const BATCH: usize = 512;

    fn bytes(_: &Review) -> usize {
        size_of::<Review>()
    }

    fn encode(items: &[Review], service: &Service) -> Encoded {
        let scope = InstrumentationScope {
            name: "podgate.server".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let spans = items.iter().map(span).collect();
        let spans = ResourceSpans {
            resource: Some(service.resource()),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        };
        let request = ExportTraceServiceRequest { resource_spans: vec![spans] };
        Encoded { body: request.encode_to_vec(), count: items.len() as u64 }
    }
}

fn span(review: &Review) -> Span {
    let Review { parent, endpoint, start, end, status, decision } = review;
    // Its last eight bytes tell it from every other.
    let id = uuid::Uuid::now_v7();
    let mut attributes = vec![
        attribute::text("http.request.method", "POST"),
        attribute::text("http.route", &format!("/{endpoint}")),
        attribute::number("http.response.status_code", i64::from(*status)),
    ];
    if let Some((outcome, id)) = decision {
        // As the log of its record calls them, so that one leads to the other.
        attributes.push(attribute::text("podgate.decision", outcome));
        attributes.push(attribute::text("podgate.decision.id", id));
    }
    let code = if *status >= 500 { StatusCode::Error } else { StatusCode::Unset };
    Span {
        trace_id: parent.trace.to_vec(),
        span_id: id.as_bytes().iter().skip(8).copied().collect(),
        parent_span_id: parent.span.to_vec(),
        name: format!("POST /{endpoint}"),
        kind: SpanKind::Server.into(),
        flags: SAMPLED_OF_REMOTE,
        start_time_unix_nano: nanos(*start),
        end_time_unix_nano: nanos(*end),
        attributes,
        status: Some(Status { code: code.into(), ..Status::default() }),
        ..Span::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn a_parent_is_one_that_is_whole_and_kept() {
        let read = |header: &str| Parent::read(&header.replace("TRACE", TRACE)).is_some();
        assert!(read("00-TRACE-b7ad6b7169203331-01"));
        assert!(read("01-TRACE-b7ad6b7169203331-03-more"));
        for bad in [
            "",
            "00-TRACE-b7ad6b7169203331-00",
            "00-TRACE-b7ad6b7169203331-01-more",
            "00-TRACE-b7ad6b7169203331",
            "00-TRACE-0000000000000000-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-TRACE-b7ad6b7169203331-01",
            "0-TRACE-b7ad6b7169203331-01",
            "zz-TRACE-b7ad6b7169203331-01",
            "00-TRACE-B7AD6B7169203331-01",
            "00-TRACEaa-b7ad6b7169203331-01",
            "00-TRACE-b7ad6b71692033-01",
            "00-TRACE-b7ad6b7169203331-1",
            "00-TRACE-b7ad6b7169203331-ü1",
        ] {
            assert!(!read(bad), "{bad}");
        }
    }

    #[test]
    fn a_span_is_a_child_of_the_callers() {
        let parent = Parent::read(&format!("00-{TRACE}-b7ad6b7169203331-01")).unwrap();
        let start = Timestamp::from_second(1_000).unwrap();
        let decision = Some(("denied", "7f3k-92".to_owned()));
        let review =
            Review { parent, endpoint: "validate", start, end: start, status: 200, decision };
        let encoded = Traces::encode(&[review.clone(), review], &Service::default());
        assert_eq!(encoded.count, 2);
        let request = ExportTraceServiceRequest::decode(&*encoded.body).unwrap();
        let spans = &request.resource_spans[0].scope_spans[0].spans;
        assert_eq!(base16ct::lower::encode_string(&spans[0].trace_id), TRACE);
        assert_eq!(spans[0].parent_span_id, parent.span);
        assert_ne!(spans[0].span_id, spans[1].span_id);
        assert_eq!(spans[0].start_time_unix_nano, 1_000_000_000_000);
    }
}
