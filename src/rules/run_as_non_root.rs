//! `runAsNonRoot`: the kubelet refuses to start a container as root.
//!
//! | Field | Allowed | From |
//! |---|---|---|
//! | `spec.securityContext.runAsNonRoot` | true; absent where every container says true | v1.0 |
//! | `{c}.securityContext.runAsNonRoot` | true; absent where the pod says true | v1.0 |
//! | both, where `spec.hostUsers` is false | anything | v1.35 |
//!
//! `{c}` is every init, main and ephemeral container. Windows pods are not exempt.

use super::controls;
use super::rule::{
    Arguments, Check, INSIDE_USER_NAMESPACE, PodSecurityCheck, PodSecurityLevel, Rule,
};
use super::user;
use super::words;
use super::{Fill, Finding, Found, Remedy};
use crate::pod::PodView;

pub(super) static RULE: Rule = Rule {
    id: "runAsNonRoot",
    title: "Containers must be required to run as non-root",
    reads: &[
        "spec.hostUsers",
        "spec.securityContext.runAsNonRoot",
        "spec.initContainers[*].securityContext.runAsNonRoot",
        "spec.containers[*].securityContext.runAsNonRoot",
        "spec.ephemeralContainers[*].securityContext.runAsNonRoot",
    ],
    allows: "`runAsNonRoot: true` in the pod or in every container, and `false` nowhere. With \
             `insideUserNamespace: Allow`, anything in a pod with `hostUsers: false`.",
    why: "Root in a container is root on the node's kernel, held back only by what the runtime took away. \
          One kernel bug, one writable mount or one leaked descriptor of the runtime and it is root on the \
          node; the same hole gives an ordinary user next to nothing. Images run as root unless told not to.",
    fix: "Set `securityContext.runAsNonRoot: true` on the pod, and build the image with a numeric USER or set \
          `runAsUser`: the kubelet refuses an image whose user is root or a name.",
    fills: "Where neither pod nor container says anything, `true` in the pod: safe where every container that it \
            reaches has a `runAsUser` other than 0, else risky. Not where one of them is told to run as 0.",
    controls: &[
        controls::CIS_ROOT,
        controls::NSA_NON_ROOT,
        controls::NIST_RUNTIME,
        controls::NIST_SHARED_KERNEL,
        controls::MITRE_KERNEL,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[INSIDE_USER_NAMESPACE],
    build: |arguments: &Arguments| {
        Box::new(NonRoot { user_namespace_is_exempt: arguments.allows_inside_user_namespace() })
    },
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Restricted,
        revisions: &[0, 35],
        replaces: None,
        build: |revision| Box::new(NonRoot { user_namespace_is_exempt: revision >= 35 }),
        explain,
    }),
};

const FIELD: &str = "securityContext.runAsNonRoot";

/// The clause that nobody says `false`.
const FALSE: &str = "false";
/// The clause that somebody says `true`.
const UNSET: &str = "unset";

#[derive(Debug)]
struct NonRoot {
    user_namespace_is_exempt: bool,
}

impl Check for NonRoot {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if self.user_namespace_is_exempt && pod.has_user_namespace() {
            return;
        }
        let of_pod = pod.security_context().and_then(|context| context.run_as_non_root);
        if of_pod == Some(false) {
            findings.push(Finding {
                path: pod.path(FIELD),
                found: Found::Bool(false),
                allowed: "true".into(),
                remedy: Remedy::Set(pod.path(FIELD), "true".into()),
                clause: FALSE,
            });
        }
        for container in pod.containers() {
            match container.security_context().and_then(|context| context.run_as_non_root) {
                Some(true) => {}
                Some(false) => {
                    let path = pod.container_path(container, FIELD);
                    findings.push(Finding {
                        remedy: Remedy::Set(path.clone(), "true".into()),
                        path,
                        found: Found::Bool(false),
                        allowed: "true".into(),
                        clause: FALSE,
                    });
                }
                // Where the pod has a value the container has it too, and a bad one is told of the pod.
                None if of_pod.is_some() => {}
                None => findings.push(Finding {
                    path: pod.container_path(container, FIELD),
                    found: Found::Absent,
                    allowed: "true, here or in the pod's securityContext".into(),
                    remedy: remedy(pod),
                    clause: UNSET,
                }),
            }
        }
    }
}

/// Nobody says anything for the pod, nor for a container of it: one entry in the pod serves all those.
fn remedy(pod: &PodView<'_>) -> Remedy {
    let path = pod.path(FIELD);
    let reached = || {
        pod.containers().filter(|container| {
            container.security_context().and_then(|context| context.run_as_non_root).is_none()
        })
    };
    if let Some(root) = reached().find(|container| user::of(pod, *container) == Some(0)) {
        let name = root.name();
        return Remedy::Advice(
            format!("let container {name:?} run as a user other than 0, then set {path} to true")
                .into(),
        );
    }
    Remedy::Fill(if reached().all(|container| user::of(pod, container).is_some()) {
        let reason = "every container is told to run as a user other than root";
        Fill::safe(path, "true", reason)
    } else {
        let reason = "the kubelet refuses to start an image whose user is root or a name";
        Fill::risky(path, "true", reason)
    })
}

fn explain(findings: &[Finding]) -> (String, String) {
    let refusing = findings.iter().filter(|finding| finding.clause == FALSE);
    let detail = if refusing.clone().next().is_some() {
        // Upstream speaks of containers without a value only where nobody said false.
        format!("{} must not set {FIELD}=false", words::setters(refusing))
    } else {
        let containers = words::name_containers(&words::containers(findings));
        format!("pod or {containers} must set {FIELD}=true")
    };
    ("runAsNonRoot != true".to_owned(), detail)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::Value;
    use crate::rules::testing::{WRITTEN, fills, lines, said};

    #[test]
    fn false_in_the_pod_fails_even_where_every_container_says_true() {
        let spec = r#"{"securityContext": {"runAsNonRoot": false},
            "containers": [{"name": "a", "securityContext": {"runAsNonRoot": true}}]}"#;
        assert_eq!(
            said(&RULE, 0, spec),
            "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)"
        );
    }

    #[test]
    fn where_somebody_says_false_the_unset_are_not_told() {
        let spec = r#"{"containers": [{"name": "a"}, {"name": "b", "securityContext": {"runAsNonRoot": false}}],
            "ephemeralContainers": [{"name": "c", "securityContext": {"runAsNonRoot": false}}]}"#;
        assert_eq!(
            said(&RULE, 0, spec),
            r#"runAsNonRoot != true (containers "b", "c" must not set securityContext.runAsNonRoot=false)"#
        );
        let spec = spec.replacen('{', r#"{"securityContext": {"runAsNonRoot": false},"#, 1);
        assert_eq!(
            said(&RULE, 0, &spec),
            r#"runAsNonRoot != true (pod and containers "b", "c" must not set securityContext.runAsNonRoot=false)"#
        );
    }

    #[test]
    fn the_pod_answers_for_containers_without_a_value() {
        let spec = r#"{"containers": [{"name": "a"}, {"name": "b", "securityContext": {"runAsNonRoot": true}}]}"#;
        assert_eq!(
            said(&RULE, 0, spec),
            r#"runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)"#
        );
        let spec = spec.replacen('{', r#"{"securityContext": {"runAsNonRoot": true},"#, 1);
        assert_eq!(said(&RULE, 0, &spec), "");
    }

    #[test]
    fn a_user_namespace_exempts_from_the_second_revision_and_windows_does_not() {
        let spec =
            r#"{"hostUsers": false, "os": {"name": "windows"}, "containers": [{"name": "a"}]}"#;
        assert!(!said(&RULE, 0, spec).is_empty());
        assert_eq!(said(&RULE, 35, spec), "");
        assert!(!said(&RULE, 35, &spec.replace("false", "true")).is_empty());
    }

    #[test]
    fn a_pod_without_containers_passes() {
        assert_eq!(said(&RULE, 35, "{}"), "");
    }

    #[test]
    fn a_policy_is_strict_and_the_fix_is_at_the_pod() {
        let spec = r#"{"hostUsers": false, "containers": [{"name": "a"}]}"#;
        assert_eq!(
            lines(&RULE, &[], spec),
            [
                "containers[a].securityContext.runAsNonRoot is absent, must be true, here or in the pod's \
                 securityContext; set spec.securityContext.runAsNonRoot to true"
            ]
        );
        let allow = [("insideUserNamespace", Value::Text("Allow".to_owned()))];
        assert!(lines(&RULE, &allow, spec).is_empty());
    }

    #[test]
    fn the_pod_is_filled_in_safely_where_all_whom_it_reaches_have_a_user() {
        let safe = "spec.securityContext.runAsNonRoot=true safe";
        let risky = "spec.securityContext.runAsNonRoot=true risky";
        for (pod, a, b, expected) in [
            ("{}", r#"{"runAsUser": 1}"#, r#"{"runAsUser": 2}"#, &[safe, safe][..]),
            ("{}", r#"{"runAsUser": 1}"#, "{}", &[risky, risky]),
            ("{}", r#"{"runAsUser": 1}"#, r#"{"runAsNonRoot": true}"#, &[safe]),
            (r#"{"runAsUser": 1}"#, "{}", "{}", &[safe, safe]),
            ("{}", "{}", r#"{"runAsNonRoot": false}"#, &[risky, WRITTEN]),
        ] {
            let spec = format!(
                r#"{{"securityContext": {pod}, "containers": [{{"securityContext": {a}}}, {{"securityContext": {b}}}]}}"#
            );
            assert_eq!(fills(&RULE, &[], &spec), expected, "{spec}");
        }
        let root = r#"{"containers": [{"name": "a", "securityContext": {"runAsUser": 0}}]}"#;
        assert_eq!(
            fills(&RULE, &[], root),
            [
                "let container \"a\" run as a user other than 0, then set spec.securityContext.runAsNonRoot to true"
            ]
        );
    }
}
