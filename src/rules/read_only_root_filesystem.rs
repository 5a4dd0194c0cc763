//! `readOnlyRootFilesystem`: the image's files cannot be changed at run time.
//!
//! | Field | Allowed |
//! |---|---|
//! | `{c}.securityContext.readOnlyRootFilesystem` | true |
//! | the same, where `spec.os.name` is `windows` | anything |
//!
//! `{c}` is every init, main and ephemeral container.

use super::controls;
use super::rule::{Check, Rule};
use super::{Fill, Finding, Found, Remedy};
use crate::pod::PodView;

pub(super) static RULE: Rule = Rule {
    id: "readOnlyRootFilesystem",
    title: "Containers must have a read-only root file system",
    reads: &[
        "spec.os.name",
        "spec.initContainers[*].securityContext.readOnlyRootFilesystem",
        "spec.containers[*].securityContext.readOnlyRootFilesystem",
        "spec.ephemeralContainers[*].securityContext.readOnlyRootFilesystem",
    ],
    allows: "`readOnlyRootFilesystem: true` in every container. Windows pods are exempt: it does not exist \
             there.",
    why: "An attacker who can run code in a writable container downloads tools, replaces the program or its \
          libraries, and stays until the container is replaced. On a read-only root none of that can be \
          written where it would be run again.",
    fix: "Set `readOnlyRootFilesystem: true` and mount an emptyDir where the program writes, such as /tmp.",
    fills: "An absent flag becomes `true`: risky, since most programs write somewhere.",
    controls: &[controls::CIS_SECURITY_CONTEXT, controls::NSA_IMMUTABLE, controls::NIST_APP],
    parameters: &[],
    build: |_| Box::new(ReadOnlyRoot),
    pod_security: None,
};

#[derive(Debug)]
struct ReadOnlyRoot;

impl Check for ReadOnlyRoot {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if pod.is_windows() {
            return;
        }
        for container in pod.containers() {
            let value =
                container.security_context().and_then(|context| context.read_only_root_filesystem);
            if value != Some(true) {
                let path = pod.container_path(container, "securityContext.readOnlyRootFilesystem");
                findings.push(Finding {
                    remedy: Remedy::set_or_fill(
                        value.is_some(),
                        path.clone(),
                        "true",
                        |path, value| {
                            let reason = "a program that writes into its image's files stops";
                            Fill::risky(path, value, reason)
                        },
                    ),
                    path,
                    found: value.map_or(Found::Absent, Found::Bool),
                    allowed: "true".into(),
                    clause: "",
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{WRITTEN, fills, lines};

    const SPEC: &str = r#"{"os": {"name": "linux"}, "containers": [
        {"name": "a", "securityContext": {"readOnlyRootFilesystem": true}},
        {"name": "b", "securityContext": {"readOnlyRootFilesystem": false}}],
        "ephemeralContainers": [{"name": "c"}]}"#;

    #[test]
    fn absent_and_false_are_refused_in_every_list() {
        assert_eq!(
            lines(&RULE, &[], SPEC),
            [
                "containers[b].securityContext.readOnlyRootFilesystem is false, must be true; \
                 set spec.containers[1].securityContext.readOnlyRootFilesystem to true",
                "ephemeralContainers[c].securityContext.readOnlyRootFilesystem is absent, must be true; \
                 set spec.ephemeralContainers[0].securityContext.readOnlyRootFilesystem to true",
            ]
        );
    }

    #[test]
    fn windows_is_exempt() {
        assert!(lines(&RULE, &[], &SPEC.replace("linux", "windows")).is_empty());
    }

    #[test]
    fn an_absent_flag_may_be_filled_in_at_a_risk() {
        assert_eq!(
            fills(&RULE, &[], SPEC),
            [
                WRITTEN,
                "spec.ephemeralContainers[0].securityContext.readOnlyRootFilesystem=true risky"
            ]
        );
    }
}
