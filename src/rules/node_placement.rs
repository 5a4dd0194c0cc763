//! `nodePlacement`: the scheduler decides where the pod runs, and not on the control plane.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.nodeName` | absent, empty |
//! | `spec.tolerations[*]` | any with a key, but not `node-role.kubernetes.io/control-plane` or `…/master` |
//!
//! A pod that was bound to its node carries `nodeName` ever after, so a policy with this rule should
//! judge the creation of pods, not their changes. Controllers, the `DaemonSet` controller included,
//! place pods by affinity and are not touched.

use super::controls;
use super::rule::{Check, FILLS_NOTHING, Rule};
use super::{Finding, Found, Remedy};
use crate::pod::{PodView, Toleration};

pub(super) static RULE: Rule = Rule {
    id: "nodePlacement",
    title: "Pods must leave their node to the scheduler and stay off the control plane",
    reads: &["spec.nodeName", "spec.tolerations[*].key", "spec.tolerations[*].operator"],
    allows: "`nodeName` absent, and tolerations that name a taint other than the control plane's.",
    why: "`nodeName` goes past the scheduler and every taint, and a toleration of the control plane's taint \
          goes past that one. A pod beside etcd and the API server needs only one way out of its container to \
          own the whole cluster rather than one node.",
    fix: "Remove `nodeName` and use node affinity. Remove the toleration, or name the taint of the nodes that \
          are meant for the workload.",
    fills: FILLS_NOTHING,
    controls: &[controls::NIST_SENSITIVITY, controls::MITRE_DEPLOY],
    parameters: &[],
    build: |_| Box::new(Placement),
    pod_security: None,
};

const CONTROL_PLANE: [&str; 2] =
    ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

#[derive(Debug)]
struct Placement;

impl Check for Placement {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        let spec = pod.spec();
        if let Some(node) = spec.node_name.as_deref().filter(|node| !node.is_empty()) {
            findings.push(Finding {
                path: pod.path("nodeName"),
                found: Found::Text(node.to_owned()),
                allowed: "absent".into(),
                remedy: Remedy::Remove(pod.path("nodeName")),
                clause: "node",
            });
        }
        for (index, toleration) in
            spec.tolerations.as_deref().unwrap_or_default().iter().enumerate()
        {
            let entry = pod.path(format!("tolerations[{index}]"));
            let (path, found, allowed) = match reach(toleration) {
                Reach::Elsewhere => continue,
                Reach::ControlPlane(key) => (
                    pod.path(format!("tolerations[{index}].key")),
                    Found::Text(key.to_owned()),
                    "the key of a taint that is not the control plane's",
                ),
                Reach::Everywhere => (
                    pod.path(format!("tolerations[{index}].key")),
                    Found::Absent,
                    "set, as without a key every taint is tolerated",
                ),
            };
            findings.push(Finding {
                path,
                found,
                allowed: allowed.into(),
                remedy: Remedy::Remove(entry),
                clause: "toleration",
            });
        }
    }
}

/// Where a toleration lets a pod go.
enum Reach<'t> {
    Elsewhere,
    ControlPlane(&'t str),
    Everywhere,
}

fn reach<'t>(toleration: &'t Toleration<'_>) -> Reach<'t> {
    match toleration.key.as_deref().unwrap_or_default() {
        "" if toleration.operator.as_deref() == Some("Exists") => Reach::Everywhere,
        key if CONTROL_PLANE.contains(&key) => Reach::ControlPlane(key),
        _ => Reach::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::lines;

    #[test]
    fn a_chosen_node_is_refused() {
        assert_eq!(
            lines(&RULE, &[], r#"{"nodeName": "cp-1"}"#),
            ["spec.nodeName is \"cp-1\", must be absent; remove spec.nodeName"]
        );
        assert!(lines(&RULE, &[], r#"{"nodeName": ""}"#).is_empty());
    }

    #[test]
    fn tolerations_of_the_control_plane_and_of_everything_are_refused() {
        let spec = r#"{"tolerations": [
            {"key": "dedicated", "operator": "Exists"},
            {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
            {"key": "node-role.kubernetes.io/master", "operator": "Exists"},
            {"operator": "Exists"}, {"key": "", "operator": "Exists"}]}"#;
        let lines = lines(&RULE, &[], spec);
        assert_eq!(lines.len(), 4);
        for (line, index) in lines.iter().zip(1..) {
            assert!(line.ends_with(&format!("; remove spec.tolerations[{index}]")), "{line}");
        }
    }
}
