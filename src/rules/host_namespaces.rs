//! `hostNamespaces`: the pod has network, process and IPC namespaces of its own.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.hostNetwork`, `spec.hostPID`, `spec.hostIPC` | absent, false |
//!
//! One revision: v1.0.

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::{Finding, Found, Remedy};
use crate::pod::{PodView, Subject};

pub(super) static RULE: Rule = Rule {
    id: "hostNamespaces",
    title: "Pods must not share the node's network, process or IPC namespace",
    reads: &["spec.hostNetwork", "spec.hostPID", "spec.hostIPC"],
    allows: "`hostNetwork`, `hostPID` and `hostIPC` absent or false.",
    why: "With hostPID a process sees every process of the node, reads their environment, and as root enters \
          their namespaces. With hostNetwork it reaches services that listen only on the node's loopback and \
          the cloud's metadata address as the node, past every NetworkPolicy. With hostIPC it reads and writes \
          the shared memory of the node's processes.",
    fix: "Remove the field. Expose ports with a Service; read another container's processes with \
          shareProcessNamespace; share memory inside the pod with an emptyDir of medium Memory.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_HOST_PID,
        controls::CIS_HOST_IPC,
        controls::CIS_HOST_NETWORK,
        controls::NSA_POD_ENFORCEMENT,
        controls::NIST_RUNTIME,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(HostNamespaces),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[0],
        replaces: None,
        build: |_| Box::new(HostNamespaces),
        explain,
    }),
};

#[derive(Debug)]
struct HostNamespaces;

impl Check for HostNamespaces {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        let spec = pod.spec();
        for (field, value) in [
            ("hostNetwork", spec.host_network),
            ("hostPID", spec.host_pid),
            ("hostIPC", spec.host_ipc),
        ] {
            if value == Some(true) {
                findings.push(Finding {
                    path: pod.path(field),
                    found: Found::Bool(true),
                    allowed: "absent or false".into(),
                    remedy: Remedy::Remove(pod.path(field)),
                    clause: "",
                });
            }
        }
    }
}

fn explain(findings: &[Finding]) -> (String, String) {
    let fields: Vec<_> = findings
        .iter()
        .filter(|finding| *finding.path.subject() == Subject::Pod)
        .map(|finding| format!("{}=true", finding.path.field()))
        .collect();
    ("host namespaces".to_owned(), fields.join(", "))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{lines, said};

    #[test]
    fn the_fields_come_in_the_order_network_process_ipc() {
        let spec = r#"{"hostIPC": true, "hostPID": true, "hostNetwork": true}"#;
        assert_eq!(
            said(&RULE, 0, spec),
            "host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)"
        );
    }

    #[test]
    fn false_and_absent_are_allowed() {
        assert_eq!(said(&RULE, 0, r#"{"hostIPC": false, "hostPID": null}"#), "");
    }

    #[test]
    fn the_finding_names_field_and_fix() {
        assert_eq!(
            lines(&RULE, &[], r#"{"hostPID": true}"#),
            ["spec.hostPID is true, must be absent or false; remove spec.hostPID"]
        );
    }
}
