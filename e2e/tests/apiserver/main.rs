//! Podgate behind a real API server, asked through the real `kubectl`.
//!
//! Every refusal is checked for its code, its reason, the webhook and policy it names, and its text: a pod that is
//! refused for the wrong reason looks the same as one refused for the right one.

mod admission_policies;
mod callers;
mod debug;
mod deletion;
mod denial;
mod exception;
mod expressions;
mod fields;
mod fix;
mod fixtures;
mod metrics;
mod observe;
mod outage;
mod prove;
mod record;
mod reload;
mod requester;
mod size;
mod update;
mod workload;

use std::sync::OnceLock;

use e2e::{ApiServer, Outcome, Rejection, decision_id};

/// Two rules that deny.
const SHARED_KERNEL: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata:
  name: shared-kernel
spec:
  description: Pods share the node's kernel, so nothing may reach past its own namespaces.
  enforcement: Deny
  rules:
  - privileged: {}
  - hostNamespaces: {}
";

/// The API server that all tests share.
fn server() -> &'static ApiServer {
    // What it failed with is kept, or every test would try again.
    static SERVER: OnceLock<Result<ApiServer, String>> = OnceLock::new();
    let started = SERVER.get_or_init(|| ApiServer::start().map_err(|error| format!("{error:#}")));
    started.as_ref().expect("the API server starts")
}

/// The whole text about a pod with a privileged first container and the host's process ids, whose spec is at `spec`.
fn two_violations(spec: &str, decision: &str) -> String {
    format!(
        "\
admission webhook \"deny.podgate.dev\" denied the request: 2 violations of policy shared-kernel (decision {decision})
  privileged: containers[app].securityContext.privileged is true, must be absent or false
    fix: remove {spec}.containers[0].securityContext.privileged
  hostNamespaces: {spec}.hostPID is true, must be absent or false
    fix: remove {spec}.hostPID
  more: podgate explain privileged | podgate explain {decision}"
    )
}

/// The same about a pod with a privileged container only, which `container` names and which is at `path`.
fn one_violation(container: &str, path: &str, decision: &str) -> String {
    format!(
        "\
admission webhook \"deny.podgate.dev\" denied the request: 1 violation of policy shared-kernel (decision {decision})
  privileged: {container}.securityContext.privileged is true, must be absent or false
    fix: remove {path}.securityContext.privileged
  more: podgate explain privileged | podgate explain {decision}"
    )
}

/// Checks that `refusal` is a denial with the text that `expected` makes of its decision id.
#[track_caller]
fn assert_denied(refusal: &Rejection, expected: impl Fn(&str) -> String) {
    let id = decision_id(&refusal.message).expect("a denial names its decision");
    assert_eq!((refusal.code, refusal.reason.as_str()), (403, "Forbidden"), "{refusal:?}");
    assert_eq!(refusal.message, expected(id));
}
