//! `shareProcessNamespace`: containers do not see each other's processes.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.shareProcessNamespace` | absent, false |

use super::controls;
use super::rule::{Check, FILLS_NOTHING, Rule};
use super::{Finding, Found, Remedy};
use crate::pod::PodView;

pub(super) static RULE: Rule = Rule {
    id: "shareProcessNamespace",
    title: "Containers must not share one process namespace",
    reads: &["spec.shareProcessNamespace"],
    allows: "`shareProcessNamespace` absent or false.",
    why: "In a shared process namespace every container sees the others' processes. One that runs as the \
          same user reads their environment and, through /proc/PID/root, their files, secrets among them, and \
          may signal or trace them; a compromised side-car then owns the program it stands beside.",
    fix: "Remove `shareProcessNamespace`. Containers that must work together can talk over localhost or an \
          emptyDir.",
    fills: FILLS_NOTHING,
    controls: &[controls::NIST_RUNTIME],
    parameters: &[],
    build: |_| Box::new(OwnProcesses),
    pod_security: None,
};

#[derive(Debug)]
struct OwnProcesses;

impl Check for OwnProcesses {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if pod.spec().share_process_namespace == Some(true) {
            let path = pod.path("shareProcessNamespace");
            findings.push(Finding {
                remedy: Remedy::Remove(path.clone()),
                path,
                found: Found::Bool(true),
                allowed: "absent or false".into(),
                clause: "",
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::lines;

    #[test]
    fn only_true_is_refused() {
        assert_eq!(
            lines(&RULE, &[], r#"{"shareProcessNamespace": true}"#),
            [
                "spec.shareProcessNamespace is true, must be absent or false; remove spec.shareProcessNamespace"
            ]
        );
        assert!(lines(&RULE, &[], r#"{"shareProcessNamespace": false}"#).is_empty());
        assert!(lines(&RULE, &[], "{}").is_empty());
    }
}
