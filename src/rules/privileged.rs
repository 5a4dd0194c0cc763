//! `privileged`: no container runs privileged.
//!
//! | Field | Allowed |
//! |---|---|
//! | `{c}.securityContext.privileged` | absent, false |
//!
//! `{c}` is every init, main and ephemeral container. One revision: v1.0.

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words;
use super::{Finding, Found, Remedy};
use crate::pod::PodView;

pub(super) static RULE: Rule = Rule {
    id: "privileged",
    title: "Containers must not be privileged",
    reads: &[
        "spec.initContainers[*].securityContext.privileged",
        "spec.containers[*].securityContext.privileged",
        "spec.ephemeralContainers[*].securityContext.privileged",
    ],
    allows: "`privileged` absent or false in every container.",
    why: "A privileged container has every capability, every device of the node, and no seccomp, AppArmor \
          or SELinux confinement. Whoever runs code in it mounts the node's disk or loads a kernel module and \
          is root on the node, with the kubelet's credentials and every other pod's secrets.",
    fix: "Remove `privileged: true`. Where a program needs one thing of it, grant that one thing: a device \
          through a device plugin, a single capability, or a sysctl.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_PRIVILEGED,
        controls::NSA_POD_ENFORCEMENT,
        controls::NIST_RUNTIME,
        controls::MITRE_DEPLOY,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(Privileged),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[0],
        replaces: None,
        build: |_| Box::new(Privileged),
        explain,
    }),
};

#[derive(Debug)]
struct Privileged;

impl Check for Privileged {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        for container in pod.containers() {
            if container.security_context().is_some_and(|context| context.privileged == Some(true))
            {
                let path = pod.container_path(container, "securityContext.privileged");
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
}

fn explain(findings: &[Finding]) -> (String, String) {
    let containers = words::name_containers(&words::containers(findings));
    ("privileged".to_owned(), format!("{containers} must not set securityContext.privileged=true"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{lines, said};

    #[test]
    fn every_list_of_containers_is_read_in_order() {
        let spec = r#"{
            "containers": [{"name": "b", "securityContext": {"privileged": true}}, {"name": "ok"}],
            "ephemeralContainers": [{"name": "c", "securityContext": {"privileged": true}}],
            "initContainers": [{"name": "a", "securityContext": {"privileged": true}}]
        }"#;
        assert_eq!(
            said(&RULE, 0, spec),
            r#"privileged (containers "a", "b", "c" must not set securityContext.privileged=true)"#
        );
    }

    #[test]
    fn absent_null_and_false_are_allowed() {
        let spec = r#"{"containers": [{}, {"securityContext": {"privileged": false}},
            {"securityContext": {"privileged": null}}, {"securityContext": null}]}"#;
        assert_eq!(said(&RULE, 0, spec), "");
    }

    #[test]
    fn the_finding_names_field_and_fix() {
        let spec = r#"{"containers": [{"name": "app", "securityContext": {"privileged": true}}]}"#;
        assert_eq!(
            lines(&RULE, &[], spec),
            ["containers[app].securityContext.privileged is true, must be absent or false; \
                 remove spec.containers[0].securityContext.privileged"]
        );
    }
}
