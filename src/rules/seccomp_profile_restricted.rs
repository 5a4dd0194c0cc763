//! `seccompProfile_restricted`: every container's system calls are filtered.
//!
//! | Field | Allowed | From |
//! |---|---|---|
//! | `spec.securityContext.seccompProfile.type` | `RuntimeDefault`, `Localhost`; an absent profile where every container has one | v1.19 |
//! | `{c}.securityContext.seccompProfile.type` | `RuntimeDefault`, `Localhost`; an absent profile where the pod has one | v1.19 |
//! | both, where `spec.os.name` is `windows` | anything | v1.25 |
//!
//! `{c}` is every init, main and ephemeral container. Replaces `seccompProfile_baseline`.
//!
//! The Windows exemption trusts `os.name`: only the API server's validation keeps a pod that calls
//! itself a Windows pod from asking for `Unconfined`. Input that no API server has validated should be
//! held to `seccompProfile_baseline` too.

use super::controls;
use super::rule::{Check, PodSecurityCheck, PodSecurityLevel, Rule};
use super::seccomp_profile_baseline::{
    FIELD, POD_ANNOTATION, TYPE, bad_type, explain_types, is_allowed,
};
use super::words;
use super::{Fill, Finding, Found, Remedy};
use crate::pod::PodView;

pub(super) static RULE: Rule = Rule {
    id: "seccompProfile_restricted",
    title: "Containers must have a seccomp profile",
    reads: &[
        "spec.os.name",
        "spec.securityContext.seccompProfile.type",
        "spec.initContainers[*].securityContext.seccompProfile.type",
        "spec.containers[*].securityContext.seccompProfile.type",
        "spec.ephemeralContainers[*].securityContext.seccompProfile.type",
    ],
    allows: "`RuntimeDefault` or `Localhost`, in the pod or in every container, and nothing else anywhere. \
             Windows pods are exempt: seccomp does not exist there.",
    why: "Where no profile is asked for, most nodes filter nothing, and each of the kernel's several hundred \
          system calls is open to any process in the container. Many kernel exploits that led out of \
          containers began with a call that the runtime's default profile refuses.",
    fix: "Set `securityContext.seccompProfile: {type: RuntimeDefault}` on the pod.",
    fills: "Where neither pod nor container has a profile, `{type: RuntimeDefault}` in the pod: safe. A profile \
            that somebody wrote stays. Not beside the old annotation for a profile, since the API server refuses \
            a field that says otherwise.",
    controls: &[
        controls::CIS_SECCOMP,
        controls::NSA_HARDENING,
        controls::NIST_RUNTIME,
        controls::NIST_SHARED_KERNEL,
        controls::MITRE_KERNEL,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(Required { windows_is_exempt: true }),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Restricted,
        revisions: &[19, 25],
        replaces: Some("seccompProfile_baseline"),
        build: |revision| Box::new(Required { windows_is_exempt: revision >= 25 }),
        explain,
    }),
};

const PROFILE: &str = "securityContext.seccompProfile";
/// The profile that is filled in.
const DEFAULT: &str = r#"{"type":"RuntimeDefault"}"#;

/// The clause that a profile is given.
const UNSET: &str = "unset";

#[derive(Debug)]
struct Required {
    windows_is_exempt: bool,
}

impl Check for Required {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if self.windows_is_exempt && pod.is_windows() {
            return;
        }
        let of_pod = pod.security_context().and_then(|context| context.seccomp_profile.as_ref());
        if let Some(profile) = of_pod
            && !is_allowed(profile)
        {
            findings.push(bad_type(profile, pod.path(FIELD)));
        }
        for container in pod.containers() {
            match container.security_context().and_then(|context| context.seccomp_profile.as_ref())
            {
                Some(profile) if is_allowed(profile) => {}
                Some(profile) => {
                    findings.push(bad_type(profile, pod.container_path(container, FIELD)));
                }
                // Where the pod has a profile the container has it too, and a bad one is told of the pod.
                None if of_pod.is_some() => {}
                None => findings.push(Finding {
                    path: pod.container_path(container, FIELD),
                    found: Found::Absent,
                    allowed:
                        "\"RuntimeDefault\" or \"Localhost\", here or in the pod's securityContext"
                            .into(),
                    remedy: remedy(pod),
                    clause: UNSET,
                }),
            }
        }
    }
}

/// The pod has no profile, and a container of it has none either.
fn remedy(pod: &PodView<'_>) -> Remedy {
    // Only the first revision asks it of them.
    if pod.is_windows() {
        return Remedy::Advice(
            "except the pod: the API server refuses a seccomp profile on Windows".into(),
        );
    }
    // It does nothing any more, and yet the API server refuses a field that says otherwise.
    if pod.annotations().any(|(key, _)| key == POD_ANNOTATION) {
        let (annotation, profile) = (pod.annotation_path(POD_ANNOTATION), pod.path(PROFILE));
        return Remedy::Advice(
            format!(
                "remove {annotation}, which must say the same, then set {profile} to {DEFAULT}"
            )
            .into(),
        );
    }
    Remedy::Fill(Fill::safe(
        pod.path(PROFILE),
        DEFAULT,
        "the runtime's default profile refuses no system call that ordinary programs make",
    ))
}

fn explain(findings: &[Finding]) -> (String, String) {
    let bad = findings.iter().filter(|finding| finding.clause == TYPE);
    let detail = if bad.clone().next().is_some() {
        // Upstream speaks of containers without a profile only where nobody gave a bad one.
        explain_types(bad)
    } else {
        let containers = words::name_containers(&words::containers(findings));
        format!(r#"pod or {containers} must set {FIELD} to "RuntimeDefault" or "Localhost""#)
    };
    ("seccompProfile".to_owned(), detail)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::Arguments;
    use crate::rules::testing::{WRITTEN, fills, fills_at, judge_pod, lines, said};

    #[test]
    fn the_pod_answers_for_containers_without_a_profile() {
        let spec = r#"{"containers": [{"name": "a"}, {"name": "b", "securityContext": {"seccompProfile": {"type": "Localhost"}}}],
            "ephemeralContainers": [{"name": "c"}]}"#;
        assert_eq!(
            said(&RULE, 19, spec),
            r#"seccompProfile (pod or containers "a", "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")"#
        );
        let spec = spec.replacen(
            '{',
            r#"{"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},"#,
            1,
        );
        assert_eq!(said(&RULE, 19, &spec), "");
    }

    #[test]
    fn where_somebody_gave_a_bad_profile_the_unset_are_not_told() {
        let spec = r#"{"containers": [{"name": "a"}, {"name": "b", "securityContext": {"seccompProfile": {"type": "Unconfined"}}}]}"#;
        assert_eq!(
            said(&RULE, 25, spec),
            r#"seccompProfile (container "b" must not set securityContext.seccompProfile.type to "Unconfined")"#
        );
    }

    #[test]
    fn a_bad_profile_of_the_pod_is_told_once() {
        let spec = r#"{"securityContext": {"seccompProfile": {}}, "containers": [{"name": "a"},
            {"name": "b", "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}]}"#;
        assert_eq!(
            said(&RULE, 25, spec),
            r#"seccompProfile (pod must not set securityContext.seccompProfile.type to "")"#
        );
    }

    #[test]
    fn windows_is_exempt_from_the_second_revision() {
        let spec = r#"{"os": {"name": "windows"}, "containers": [{"name": "a"}]}"#;
        assert!(!said(&RULE, 19, spec).is_empty());
        assert_eq!(said(&RULE, 25, spec), "");
        assert!(!said(&RULE, 25, &spec.replace(r#"{"name": "windows"}"#, "{}")).is_empty());
    }

    #[test]
    fn the_fix_is_at_the_pod() {
        assert_eq!(
            lines(&RULE, &[], r#"{"containers": [{"name": "a"}]}"#),
            [
                "containers[a].securityContext.seccompProfile.type is absent, must be \"RuntimeDefault\" or \
                 \"Localhost\", here or in the pod's securityContext; \
                 set spec.securityContext.seccompProfile to {\"type\":\"RuntimeDefault\"}"
            ]
        );
    }

    #[test]
    fn the_default_profile_is_filled_in_once_for_all_containers() {
        let spec = r#"{"containers": [{"name": "a"}, {"name": "b"}]}"#;
        let fill = r#"spec.securityContext.seccompProfile={"type":"RuntimeDefault"} safe"#;
        assert_eq!(fills(&RULE, &[], spec), [fill, fill]);
        let spec = r#"{"securityContext": {"seccompProfile": {"type": "Unconfined"}}}"#;
        assert_eq!(fills(&RULE, &[], spec), [WRITTEN]);
        let annotated = r#"{"metadata": {"annotations": {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}},
            "spec": {"containers": [{"name": "a"}]}}"#;
        let findings = judge_pod(&*(RULE.build)(&Arguments::default()), annotated);
        assert!(findings[0].remedy.why_not().unwrap().starts_with("remove metadata.annotations["));
        let windows = r#"{"os": {"name": "windows"}, "containers": [{"name": "a"}]}"#;
        assert!(fills_at(&RULE, 19, windows)[0].contains("on Windows"));
    }
}
