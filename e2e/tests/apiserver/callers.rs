//! Who may ask Podgate, where it wants to see a client certificate.

use std::time::Duration;

use e2e::objects::{pod, privileged};
use e2e::{Gate, WEBHOOK_CLIENT, wait_for};
use serde_json::{Value, json};

use crate::{Outcome, SHARED_KERNEL, server};

fn review(pod: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0d3f7a4c-8f0b-4bb5-a1a2-1f4c0d6f7e11",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "operation": "CREATE",
            "userInfo": {"username": "mallory"},
            "object": pod,
        },
    })
}

#[test]
fn only_the_api_server_is_answered() -> Outcome {
    // It returns once the API server's own calls are answered.
    let gate = Gate::for_the_apiserver_only(server(), &[SHARED_KERNEL])?;
    let review = review(&privileged(pod("bad")));
    let answer = gate.post_as(WEBHOOK_CLIENT, &review)?;
    assert_eq!(
        (answer.code, &answer.body["response"]["allowed"]),
        (200, &json!(false)),
        "{answer:?}"
    );
    // The same authority vouches for the admin's certificate, whose name is another.
    let answer = gate.post_as("somebody", &review);
    assert!(answer.is_err(), "{answer:?}");
    // The refusal is on its way before it is counted.
    wait_for("the refused handshake to be counted", Duration::from_secs(10), || {
        let series = "podgate_requests_rejected_total{reason=\"handshake\"}";
        Ok((gate.podgate().metric(series)? > 0).then_some(()))
    })?;
    Ok(())
}
