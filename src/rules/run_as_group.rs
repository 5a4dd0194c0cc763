//! `runAsGroup`: no process is in the root group.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.securityContext.runAsGroup` | not 0; absent where every container has one |
//! | `{c}.securityContext.runAsGroup` | not 0; absent where the pod has one |
//! | `spec.securityContext.fsGroup`, `spec.securityContext.supplementalGroups[*]` | absent, not 0 |
//! | all, where `spec.os.name` is `windows` | anything |
//!
//! `{c}` is every init, main and ephemeral container. A group left to the image is refused: most images
//! that set a user leave the group at 0.

use super::controls;
use super::rule::{Check, Rule};
use super::{Finding, Found, Remedy};
use crate::pod::{FieldPath, PodView};

pub(super) static RULE: Rule = Rule {
    id: "runAsGroup",
    title: "Containers must run in a group other than root's",
    reads: &[
        "spec.os.name",
        "spec.securityContext.{runAsGroup,fsGroup,supplementalGroups}",
        "spec.initContainers[*].securityContext.runAsGroup",
        "spec.containers[*].securityContext.runAsGroup",
        "spec.ephemeralContainers[*].securityContext.runAsGroup",
    ],
    allows: "A `runAsGroup` other than 0 for every container, from the pod or its own, and no 0 among \
             `fsGroup` and `supplementalGroups`. Windows pods are exempt: groups do not exist there.",
    why: "The Pod Security Standards speak of the user alone, so a non-root user in group 0 passes them. \
          Group 0 may read and often write what root left open to its group, in the image, in volumes, and in \
          any path of the node that is mounted.",
    fix: "Set `securityContext.runAsGroup` on the pod to a group of the image's own.",
    fills: "Nothing: which group the image needs is known to nobody but the owner.",
    controls: &[controls::CIS_SECURITY_CONTEXT, controls::NSA_NON_ROOT, controls::NIST_RUNTIME],
    parameters: &[],
    build: |_| Box::new(NotRootGroup),
    pod_security: None,
};

const FIELD: &str = "securityContext.runAsGroup";

#[derive(Debug)]
struct NotRootGroup;

impl Check for NotRootGroup {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if pod.is_windows() {
            return;
        }
        let context = pod.security_context();
        let of_pod = context.and_then(|context| context.run_as_group);
        if of_pod == Some(0) {
            findings.push(zero(pod.path(FIELD), choose()));
        }
        if context.and_then(|context| context.fs_group) == Some(0) {
            let path = pod.path("securityContext.fsGroup");
            findings.push(zero(path.clone(), Remedy::Remove(path)));
        }
        let groups = context.and_then(|context| context.supplemental_groups.as_deref());
        for (index, group) in groups.unwrap_or_default().iter().enumerate() {
            if *group == 0 {
                let path = pod.path(format!("securityContext.supplementalGroups[{index}]"));
                findings.push(zero(path.clone(), Remedy::Remove(path)));
            }
        }
        for container in pod.containers() {
            let path = || pod.container_path(container, FIELD);
            match container.security_context().and_then(|context| context.run_as_group) {
                Some(0) => findings.push(zero(path(), choose())),
                Some(_) => {}
                // Where the pod has a group the container has it too, and a bad one is told of the pod.
                None if of_pod.is_some() => {}
                None => findings.push(Finding {
                    path: path(),
                    found: Found::Absent,
                    allowed: "a group other than 0, here or in the pod's securityContext".into(),
                    remedy: choose(),
                    clause: "",
                }),
            }
        }
    }
}

fn choose() -> Remedy {
    Remedy::Advice("set spec.securityContext.runAsGroup to a group of the image's own".into())
}

fn zero(path: FieldPath, remedy: Remedy) -> Finding {
    Finding {
        path,
        found: Found::Number(0),
        allowed: "a group other than 0".into(),
        remedy,
        clause: "",
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::lines;

    fn fields(spec: &str) -> Vec<String> {
        lines(&RULE, &[], spec)
            .iter()
            .map(|line| line.split(", must").next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn zero_is_refused_wherever_a_group_is_given() {
        let spec = r#"{"securityContext": {"runAsGroup": 0, "fsGroup": 0, "supplementalGroups": [7, 0]},
            "containers": [{"name": "a", "securityContext": {"runAsGroup": 0}}, {"name": "b"},
                           {"name": "c", "securityContext": {"runAsGroup": 5}}]}"#;
        assert_eq!(
            fields(spec),
            [
                "spec.securityContext.runAsGroup is 0",
                "spec.securityContext.fsGroup is 0",
                "spec.securityContext.supplementalGroups[1] is 0",
                "containers[a].securityContext.runAsGroup is 0",
            ]
        );
    }

    #[test]
    fn a_group_left_to_the_image_is_refused() {
        assert_eq!(
            fields(r#"{"containers": [{"name": "a"}], "ephemeralContainers": [{"name": "b"}]}"#),
            [
                "containers[a].securityContext.runAsGroup is absent",
                "ephemeralContainers[b].securityContext.runAsGroup is absent",
            ]
        );
        assert!(
            fields(r#"{"securityContext": {"runAsGroup": 5}, "containers": [{"name": "a"}]}"#)
                .is_empty()
        );
        assert!(fields(r#"{"os": {"name": "windows"}, "containers": [{"name": "a"}]}"#).is_empty());
    }
}
