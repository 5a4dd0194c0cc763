//! `appArmorProfile`: `AppArmor` is not turned off.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.securityContext.appArmorProfile.type`, `{c}.securityContext.appArmorProfile.type` | absent profile, `RuntimeDefault`, `Localhost` |
//! | `metadata.annotations["container.apparmor.security.beta.kubernetes.io/*"]` | empty, `runtime/default`, `localhost/*` |
//!
//! `{c}` is every init, main and ephemeral container. One revision: v1.0.

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words::{self, plural, quoted};
use super::{Finding, Found, Remedy};
use crate::pod::{AppArmorProfile, FieldPath, PodView, Subject};

pub(super) static RULE: Rule = Rule {
    id: "appArmorProfile",
    title: "AppArmor profiles must be the runtime's or one of the node's",
    reads: &[
        "metadata.annotations[container.apparmor.security.beta.kubernetes.io/*]",
        "spec.securityContext.appArmorProfile.type",
        "spec.initContainers[*].securityContext.appArmorProfile.type",
        "spec.containers[*].securityContext.appArmorProfile.type",
        "spec.ephemeralContainers[*].securityContext.appArmorProfile.type",
    ],
    allows: "No profile given, or `RuntimeDefault` or `Localhost`; in annotations `runtime/default`, \
             `localhost/…` or nothing.",
    why: "The runtime's AppArmor profile refuses mounts, writes under /proc and /sys, and ptrace across \
          containers. Unconfined, a root process has those back, and a kernel interface that the profile \
          kept out of reach, such as /proc/sys/kernel/core_pattern, becomes a way onto the node.",
    fix: "Remove the profile, or set its type to `RuntimeDefault`. A program that needs more gets a profile \
          of its own, installed on the nodes and named with `Localhost`.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_SECURITY_CONTEXT,
        controls::NSA_HARDENING,
        controls::NIST_RUNTIME,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(AppArmor),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[0],
        replaces: None,
        build: |_| Box::new(AppArmor),
        explain,
    }),
};

pub(super) const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
const FIELD: &str = "securityContext.appArmorProfile.type";

#[derive(Debug)]
struct AppArmor;

impl Check for AppArmor {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        // Every annotation of the prefix counts, even one that names no container of the pod.
        for (key, value) in pod.annotations() {
            if key.starts_with(ANNOTATION) && !annotation_is_allowed(value) {
                findings.push(Finding {
                    path: pod.annotation_path(key),
                    found: Found::Text(value.to_owned()),
                    allowed: "absent, empty, \"runtime/default\" or \"localhost/…\"".into(),
                    remedy: Remedy::Remove(pod.annotation_path(key)),
                    clause: "",
                });
            }
        }
        if let Some(profile) =
            pod.security_context().and_then(|context| context.app_armor_profile.as_ref())
            && !is_allowed(profile)
        {
            findings.push(bad_type(profile, pod.path(FIELD)));
        }
        for container in pod.containers() {
            if let Some(profile) =
                container.security_context().and_then(|context| context.app_armor_profile.as_ref())
                && !is_allowed(profile)
            {
                findings.push(bad_type(profile, pod.container_path(container, FIELD)));
            }
        }
    }
}

fn annotation_is_allowed(value: &str) -> bool {
    value.is_empty() || value == "runtime/default" || value.starts_with("localhost/")
}

fn is_allowed(profile: &AppArmorProfile<'_>) -> bool {
    matches!(profile.kind.as_deref(), Some("RuntimeDefault" | "Localhost"))
}

fn bad_type(profile: &AppArmorProfile<'_>, path: FieldPath) -> Finding {
    Finding {
        remedy: match profile.kind {
            Some(_) => Remedy::Set(path.clone(), "\"RuntimeDefault\"".into()),
            None => Remedy::Advice(
                format!("complete the profile: set {path} to \"RuntimeDefault\"").into(),
            ),
        },
        path,
        found: profile.kind.as_deref().map_or(Found::Absent, |kind| Found::Text(kind.to_owned())),
        allowed: "\"RuntimeDefault\" or \"Localhost\"".into(),
        clause: "",
    }
}

fn explain(findings: &[Finding]) -> (String, String) {
    let (annotations, fields): (Vec<_>, Vec<_>) =
        findings.iter().partition(|finding| *finding.path.subject() == Subject::Metadata);
    let mut setters = Vec::new();
    if !fields.is_empty() {
        setters.push(words::setters(fields.iter().copied()));
    }
    let mut values: Vec<_> = words::values(fields).into_iter().map(str::to_owned).collect();
    let annotated = words::annotations(annotations);
    if !annotated.is_empty() {
        setters.push(plural(annotated.len(), "annotation", "annotations").to_owned());
    }
    values.extend(annotated);
    let reason = plural(values.len(), "forbidden AppArmor profile", "forbidden AppArmor profiles");
    let detail = format!(
        "{} must not set AppArmor profile type to {}",
        setters.join(" and "),
        quoted(values)
    );
    (reason.to_owned(), detail)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{lines, said, said_of_pod};

    #[test]
    fn fields_are_read_in_pod_and_containers() {
        let spec = r#"{"securityContext": {"appArmorProfile": {"type": "Unconfined"}},
            "containers": [{"name": "a", "securityContext": {"appArmorProfile": {}}},
                           {"name": "b", "securityContext": {"appArmorProfile": {"type": "Localhost"}}}],
            "ephemeralContainers": [{"name": "c", "securityContext": {"appArmorProfile": {"type": "x"}}}]}"#;
        assert_eq!(
            said(&RULE, 0, spec),
            r#"forbidden AppArmor profiles (pod and containers "a", "c" must not set AppArmor profile type to "", "Unconfined", "x")"#
        );
    }

    #[test]
    fn annotations_come_last_and_show_nested_quotes() {
        let pod = r#"{"metadata": {"annotations": {
                "container.apparmor.security.beta.kubernetes.io/gone": "unconfined",
                "container.apparmor.security.beta.kubernetes.io/ok": "localhost/",
                "container.apparmor.security.beta.kubernetes.io/none": null,
                "unrelated": "unconfined"}},
            "spec": {"containers": [{"name": "a", "securityContext": {"appArmorProfile": {"type": "Unconfined"}}}]}}"#;
        assert_eq!(
            said_of_pod(&RULE, 0, pod),
            r#"forbidden AppArmor profiles (container "a" and annotation must not set AppArmor profile type to "Unconfined", "container.apparmor.security.beta.kubernetes.io/gone="unconfined"")"#
        );
    }

    #[test]
    fn one_annotation_alone_is_singular() {
        let pod = r#"{"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/a": "Runtime/default"}}, "spec": {}}"#;
        assert_eq!(
            said_of_pod(&RULE, 0, pod),
            r#"forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="Runtime/default"")"#
        );
    }

    #[test]
    fn the_finding_names_field_and_fix() {
        let spec = r#"{"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}"#;
        assert_eq!(
            lines(&RULE, &[], spec),
            [
                "spec.securityContext.appArmorProfile.type is \"Unconfined\", must be \"RuntimeDefault\" or \
                 \"Localhost\"; set spec.securityContext.appArmorProfile.type to \"RuntimeDefault\""
            ]
        );
    }
}
