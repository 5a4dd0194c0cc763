//! The decoder meets whatever may arrive: it answers, with an error or a review, and never panics.

use podgate::admission::{Response, Review, Warning};
use proptest::prelude::*;

const REVIEWS: [&str; 3] = [
    include_str!("../e2e/reviews/small.json"),
    include_str!("../e2e/reviews/ephemeral.json"),
    include_str!("../e2e/reviews/namespace.json"),
];

proptest! {
    #[test]
    fn a_truncated_review_is_an_error(which in 0..REVIEWS.len(), share in 0.0..1.0_f64) {
        let body = REVIEWS[which].trim_end();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small length")]
        #[expect(clippy::cast_precision_loss, reason = "lengths are small")]
        let mut end = (body.len() as f64 * share) as usize;
        while !body.is_char_boundary(end) {
            end -= 1;
        }
        prop_assert!(Review::decode(&body[..end]).is_err());
    }

    #[test]
    fn a_damaged_review_is_read_or_refused(
        which in 0..REVIEWS.len(),
        place in any::<prop::sample::Index>(),
        damage in "[\\[\\]{}:,\"0-9a-z\\\\]{1,8}",
    ) {
        let body = REVIEWS[which];
        let at = place.index(body.len());
        prop_assume!(body.is_char_boundary(at));
        let damaged = format!("{}{damage}{}", &body[..at], &body[at..]);
        if let Err(error) = Review::decode(&damaged) {
            prop_assert!(!error.reason.is_empty() && !error.message.is_empty());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,400}") {
        prop_assert!(Review::decode(&text).is_err());
    }

    #[test]
    fn a_warning_is_printable_and_fits(text in "\\PC{0,400}|.{0,400}", times in 1..20_usize) {
        let warning = Warning::new(&text.repeat(times));
        prop_assert!(warning.as_str().len() <= 4096);
        prop_assert!(!warning.as_str().contains(char::is_control));
    }

    #[test]
    fn warnings_together_fit_and_none_is_left_out_in_silence(count in 0..200_usize, length in 0..300_usize) {
        let texts = vec!["w".repeat(length); count];
        let answer: serde_json::Value =
            serde_json::from_slice(&Response::allowed("u").warnings(&texts).to_json()).unwrap();
        let warnings = answer["response"]["warnings"].as_array().cloned().unwrap_or_default();
        let total: usize = warnings.iter().map(|w| w.as_str().unwrap().len()).sum();
        prop_assert!(total <= 4096);
        // Only where they do not fit as they are is anything cut.
        prop_assert!(count * length > 4096 || total == count * length);
        if warnings.len() < count {
            let rest = count - (warnings.len() - 1);
            prop_assert_eq!(
                warnings.last().unwrap().as_str().unwrap(),
                format!("podgate: {rest} more warnings left out")
            );
        }
    }
}

#[test]
fn nesting_is_bounded_where_it_is_read_and_costs_nothing_where_it_is_skipped() {
    let review = |object: &str| {
        format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE","kind":{{"group":"","version":"v1","kind":"Pod"}},"object":{object}}}}}"#
        )
    };
    let deep = |open: &str, close: &str| open.repeat(100_000) + "null" + &close.repeat(100_000);
    let read = review(&deep(r#"{"spec":{"template":"#, "}}"));
    assert!(Review::decode(&read).unwrap().attributes.unreadable.is_none());
    let lists = review(&format!(r#"{{"spec":{{"containers":{}}}}}"#, deep("[", "]")));
    let unreadable = Review::decode(&lists).unwrap().attributes.unreadable.unwrap();
    assert!(unreadable.contains("spec.containers[0]"), "{unreadable}");
    let skipped = review(&format!(r#"{{"status":{}}}"#, deep("[", "]")));
    assert!(Review::decode(&skipped).unwrap().attributes.unreadable.is_none());
}

#[test]
fn a_key_that_stands_twice_is_refused_where_it_would_be_read() {
    let review = |object: &str| {
        format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE","kind":{{"group":"","version":"v1","kind":"Pod"}},"object":{object}}}}}"#
        )
    };
    for object in [
        r#"{"spec":{},"spec":{"hostPID":true}}"#,
        r#"{"spec":{"hostPID":true,"hostPID":false}}"#,
        r#"{"spec":{"containers":[{"securityContext":{"privileged":true,"privileged":false}}]}}"#,
        r#"{"spec":{"volumes":[{"hostPath":{},"hostPath":null}]}}"#,
    ] {
        let body = review(object);
        let unreadable = Review::decode(&body).unwrap().attributes.unreadable;
        assert!(unreadable.is_some_and(|error| error.contains("duplicate field")), "{object}");
    }
    let twice = review("{}").replace(r#""uid":"u""#, r#""uid":"u","uid":"v""#);
    assert_eq!(Review::decode(&twice).unwrap_err().reason, "InvalidReview");
}

#[test]
fn a_field_of_the_request_stands_once_even_where_it_is_null() {
    let body = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u",
        "object":null,"object":{"spec":{}}}}"#;
    let error = Review::decode(body).unwrap_err();
    assert!(error.message.contains("duplicate field `object`"), "{error}");
}
