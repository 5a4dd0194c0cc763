//! `ephemeralContainers`: nobody puts a container into a pod that runs.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.ephemeralContainers` | absent, empty |

use super::controls;
use super::rule::{Check, FILLS_NOTHING, Rule};
use super::{Finding, Found, Remedy};
use crate::pod::{ContainerList, PodView};

pub(super) static RULE: Rule = Rule {
    id: "ephemeralContainers",
    title: "Pods must not be given ephemeral containers",
    reads: &["spec.ephemeralContainers"],
    allows: "No ephemeral containers. Those that a pod already has stay forever, so a later change to such a \
             pod is refused too.",
    why: "An ephemeral container brings an image and a user of the sender's choosing into a pod that was \
          reviewed without it. It joins the pod's network and volumes and may enter the process namespace of a \
          container, where it reads memory, environment and mounted secrets.",
    fix: "Debug a copy of the pod with `kubectl debug --copy-to`, in a namespace where that is allowed.",
    fills: FILLS_NOTHING,
    controls: &[controls::NIST_ROGUE, controls::MITRE_ADMIN_COMMAND, controls::MITRE_DEPLOY],
    parameters: &[],
    build: |_| Box::new(NoEphemeralContainers),
    pod_security: None,
};

#[derive(Debug)]
struct NoEphemeralContainers;

impl Check for NoEphemeralContainers {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        for container in
            pod.containers().filter(|container| container.list == ContainerList::Ephemeral)
        {
            findings.push(Finding {
                path: pod.container_path(container, ""),
                found: Found::Present,
                allowed: "absent".into(),
                remedy: Remedy::Advice("debug a copy of the pod: kubectl debug --copy-to".into()),
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
    fn each_ephemeral_container_is_refused() {
        let spec =
            r#"{"containers": [{"name": "a"}], "ephemeralContainers": [{"name": "debug"}, {}]}"#;
        assert_eq!(
            lines(&RULE, &[], spec),
            [
                "ephemeralContainers[debug] is set, must be absent; debug a copy of the pod: kubectl debug --copy-to",
                "spec.ephemeralContainers[1] is set, must be absent; debug a copy of the pod: kubectl debug --copy-to",
            ]
        );
    }
}
