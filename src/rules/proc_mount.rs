//! `procMount`: `/proc` is masked as usual.
//!
//! | Field | Allowed | From |
//! |---|---|---|
//! | `{c}.securityContext.procMount` | absent, `Default` | v1.0 |
//! | the same, where `spec.hostUsers` is false | anything | v1.35 |
//!
//! `{c}` is every init, main and ephemeral container. `procMount_restricted` replaces it at the
//! restricted level from v1.35.

use super::controls;
use super::rule::{
    Arguments, Check, FILLS_NOTHING, INSIDE_USER_NAMESPACE, PodSecurityCheck, PodSecurityLevel,
    Rule,
};
use super::words::{self, quoted};
use super::{Finding, Found, Remedy};
use crate::pod::PodView;

pub(super) static RULE: Rule = Rule {
    id: "procMount",
    title: "Containers must keep the default masks of /proc",
    reads: &[
        "spec.hostUsers",
        "spec.initContainers[*].securityContext.procMount",
        "spec.containers[*].securityContext.procMount",
        "spec.ephemeralContainers[*].securityContext.procMount",
    ],
    allows: "`procMount` absent or `Default`. With `insideUserNamespace: Allow`, anything in a pod with \
             `hostUsers: false`.",
    why: "The runtime hides or write-protects the files of /proc that belong to the whole kernel. Unmasked, a \
          root process reads kernel memory and keys from /proc/kcore and /proc/keys, and writes \
          /proc/sys/kernel/core_pattern or /proc/sysrq-trigger to run code on, or crash, the node.",
    fix: "Remove `procMount`. Building containers inside containers, its one use, belongs in a user namespace \
          (`hostUsers: false`).",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_SECURITY_CONTEXT,
        controls::NSA_HARDENING,
        controls::NIST_RUNTIME,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[INSIDE_USER_NAMESPACE],
    build: |arguments: &Arguments| {
        Box::new(ProcMount { user_namespace_is_exempt: arguments.allows_inside_user_namespace() })
    },
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[0, 35],
        replaces: None,
        build: |revision| Box::new(ProcMount { user_namespace_is_exempt: revision >= 35 }),
        explain,
    }),
};

/// The check, shared with `procMount_restricted`.
#[derive(Debug)]
pub(super) struct ProcMount {
    /// Whether pods in a user namespace may do as they like.
    pub(super) user_namespace_is_exempt: bool,
}

impl Check for ProcMount {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if self.user_namespace_is_exempt && pod.has_user_namespace() {
            return;
        }
        for container in pod.containers() {
            let Some(value) =
                container.security_context().and_then(|context| context.proc_mount.as_deref())
            else {
                continue;
            };
            if value != "Default" {
                let path = pod.container_path(container, "securityContext.procMount");
                findings.push(Finding {
                    remedy: Remedy::Remove(path.clone()),
                    path,
                    found: Found::Text(value.to_owned()),
                    allowed: "absent or \"Default\"".into(),
                    clause: "",
                });
            }
        }
    }
}

/// The words, shared with `procMount_restricted`.
pub(super) fn explain(findings: &[Finding]) -> (String, String) {
    let detail = format!(
        "{} must not set securityContext.procMount to {}",
        words::name_containers(&words::containers(findings)),
        quoted(words::values(findings))
    );
    ("procMount".to_owned(), detail)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::Value;
    use crate::rules::testing::{lines, said};

    const SPEC: &str = r#"{"hostUsers": false, "containers": [
        {"name": "a", "securityContext": {"procMount": "Unmasked"}},
        {"name": "b", "securityContext": {"procMount": ""}},
        {"name": "c", "securityContext": {"procMount": "Default"}}]}"#;
    const SAID: &str = r#"procMount (containers "a", "b" must not set securityContext.procMount to "", "Unmasked")"#;

    #[test]
    fn a_user_namespace_exempts_from_the_second_revision() {
        assert_eq!(said(&RULE, 0, SPEC), SAID);
        assert_eq!(said(&RULE, 35, SPEC), "");
        assert_eq!(said(&RULE, 35, &SPEC.replace("false", "true")), SAID);
        assert_eq!(said(&RULE, 35, &SPEC.replace("false", "null")), SAID);
    }

    #[test]
    fn a_policy_must_ask_for_the_exemption() {
        assert_eq!(
            lines(&RULE, &[], SPEC)[0],
            "containers[a].securityContext.procMount is \"Unmasked\", must be absent or \"Default\"; \
             remove spec.containers[0].securityContext.procMount"
        );
        let allow = [("insideUserNamespace", Value::Text("Allow".to_owned()))];
        assert!(lines(&RULE, &allow, SPEC).is_empty());
        let deny = [("insideUserNamespace", Value::Text("Deny".to_owned()))];
        assert_eq!(lines(&RULE, &deny, SPEC).len(), 2);
    }
}
