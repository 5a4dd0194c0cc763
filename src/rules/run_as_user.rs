//! `runAsUser`: uid 0 is not asked for.
//!
//! | Field | Allowed | From |
//! |---|---|---|
//! | `spec.securityContext.runAsUser`, `{c}.securityContext.runAsUser` | absent, not 0 | v1.23 |
//! | the same, where `spec.hostUsers` is false | anything | v1.35 |
//!
//! `{c}` is every init, main and ephemeral container.

use super::controls;
use super::rule::{
    Arguments, Check, FILLS_NOTHING, INSIDE_USER_NAMESPACE, PodSecurityCheck, PodSecurityLevel,
    Rule,
};
use super::words;
use super::{Finding, Found, Remedy};
use crate::pod::{FieldPath, PodView};

pub(super) static RULE: Rule = Rule {
    id: "runAsUser",
    title: "Pods must not ask for uid 0",
    reads: &[
        "spec.hostUsers",
        "spec.securityContext.runAsUser",
        "spec.initContainers[*].securityContext.runAsUser",
        "spec.containers[*].securityContext.runAsUser",
        "spec.ephemeralContainers[*].securityContext.runAsUser",
    ],
    allows: "`runAsUser` absent or not 0, in the pod and in every container. With `insideUserNamespace: \
             Allow`, anything in a pod with `hostUsers: false`.",
    why: "A uid of 0 in the pod overrides the careful USER of an image. Without a user namespace that is the \
          node's root: it owns the node's files in every mount, and may use each capability that the runtime \
          left, so the first escape bug is enough.",
    fix: "Remove `runAsUser`, or set it to the numeric user that the image was built for.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_ROOT,
        controls::NSA_NON_ROOT,
        controls::NIST_RUNTIME,
        controls::MITRE_KERNEL,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[INSIDE_USER_NAMESPACE],
    build: |arguments: &Arguments| {
        Box::new(NotZero { user_namespace_is_exempt: arguments.allows_inside_user_namespace() })
    },
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Restricted,
        revisions: &[23, 35],
        replaces: None,
        build: |revision| Box::new(NotZero { user_namespace_is_exempt: revision >= 35 }),
        explain,
    }),
};

const FIELD: &str = "securityContext.runAsUser";

#[derive(Debug)]
struct NotZero {
    user_namespace_is_exempt: bool,
}

impl Check for NotZero {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if self.user_namespace_is_exempt && pod.has_user_namespace() {
            return;
        }
        if pod.security_context().and_then(|context| context.run_as_user) == Some(0) {
            findings.push(zero(pod.path(FIELD)));
        }
        for container in pod.containers() {
            if container.security_context().and_then(|context| context.run_as_user) == Some(0) {
                findings.push(zero(pod.container_path(container, FIELD)));
            }
        }
    }
}

fn zero(path: FieldPath) -> Finding {
    Finding {
        remedy: Remedy::Remove(path.clone()),
        path,
        found: Found::Number(0),
        allowed: "absent or not 0".into(),
        clause: "",
    }
}

fn explain(findings: &[Finding]) -> (String, String) {
    // No `securityContext.` before the field: upstream leaves it out here alone.
    ("runAsUser=0".to_owned(), format!("{} must not set runAsUser=0", words::setters(findings)))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{lines, said};

    #[test]
    fn zero_in_the_pod_fails_even_where_containers_override_it() {
        let spec = r#"{"securityContext": {"runAsUser": 0},
            "containers": [{"name": "a", "securityContext": {"runAsUser": 1000}}]}"#;
        assert_eq!(said(&RULE, 23, spec), "runAsUser=0 (pod must not set runAsUser=0)");
    }

    #[test]
    fn pod_and_containers_are_joined() {
        let spec = r#"{"securityContext": {"runAsUser": 0}, "containers": [{"name": "a", "securityContext": {"runAsUser": 0}}],
            "ephemeralContainers": [{"name": "b", "securityContext": {"runAsUser": 0}}]}"#;
        assert_eq!(
            said(&RULE, 23, spec),
            r#"runAsUser=0 (pod and containers "a", "b" must not set runAsUser=0)"#
        );
    }

    #[test]
    fn a_user_namespace_exempts_from_the_second_revision() {
        let spec = r#"{"hostUsers": false, "securityContext": {"runAsUser": 0}}"#;
        assert!(!said(&RULE, 23, spec).is_empty());
        assert_eq!(said(&RULE, 35, spec), "");
        assert_eq!(
            lines(&RULE, &[], spec),
            ["spec.securityContext.runAsUser is 0, must be absent or not 0; \
                 remove spec.securityContext.runAsUser"]
        );
    }
}
