//! `procMount_restricted`: `/proc` is masked as usual, also inside a user namespace.
//!
//! | Field | Allowed |
//! |---|---|
//! | `{c}.securityContext.procMount` | absent, `Default` |
//!
//! `{c}` is every init, main and ephemeral container. One revision: v1.35. Replaces `procMount`.

use super::controls;
use super::proc_mount::{ProcMount, explain};
use super::rule::{FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};

pub(super) static RULE: Rule = Rule {
    id: "procMount_restricted",
    title: "Containers must keep the default masks of /proc, even in a user namespace",
    reads: &[
        "spec.initContainers[*].securityContext.procMount",
        "spec.containers[*].securityContext.procMount",
        "spec.ephemeralContainers[*].securityContext.procMount",
    ],
    allows: "`procMount` absent or `Default`, whatever `hostUsers` says.",
    why: "A user namespace takes root's power over most of /proc away, but what is unmasked can still be read \
          by everyone who may: kernel addresses, keys and timers of the whole node, which is what an exploit \
          of the kernel looks for first.",
    fix: "Remove `procMount`.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_SECURITY_CONTEXT,
        controls::NSA_HARDENING,
        controls::NIST_RUNTIME,
        controls::MITRE_KERNEL,
    ],
    parameters: &[],
    build: |_| Box::new(ProcMount { user_namespace_is_exempt: false }),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Restricted,
        revisions: &[35],
        replaces: Some("procMount"),
        build: |_| Box::new(ProcMount { user_namespace_is_exempt: false }),
        explain,
    }),
};

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::said;

    #[test]
    fn a_user_namespace_makes_no_difference() {
        let spec = r#"{"hostUsers": false, "ephemeralContainers": [
            {"name": "a", "securityContext": {"procMount": "Unmasked"}}]}"#;
        assert_eq!(
            said(&RULE, 35, spec),
            r#"procMount (container "a" must not set securityContext.procMount to "Unmasked")"#
        );
    }
}
