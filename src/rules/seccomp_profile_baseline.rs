//! `seccompProfile_baseline`: system call filtering is not turned off.
//!
//! | Field | Allowed | From |
//! |---|---|---|
//! | `metadata.annotations["seccomp.security.alpha.kubernetes.io/pod"]`, `metadata.annotations["container.seccomp.security.alpha.kubernetes.io/{name}"]` | absent, `runtime/default`, `docker/default`, `localhost/*` | v1.0, until v1.18 |
//! | `spec.securityContext.seccompProfile.type`, `{c}.securityContext.seccompProfile.type` | absent profile, `RuntimeDefault`, `Localhost` | v1.19 |
//!
//! `{c}` is every init, main and ephemeral container, `{name}` the name of one. `seccompProfile_restricted`
//! replaces it at the restricted level from v1.19.

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words::{self, plural, quoted};
use super::{Finding, Found, Remedy};
use crate::pod::{FieldPath, PodView, SeccompProfile};

pub(super) static RULE: Rule = Rule {
    id: "seccompProfile_baseline",
    title: "Seccomp must not be turned off",
    reads: &[
        "spec.securityContext.seccompProfile.type",
        "spec.initContainers[*].securityContext.seccompProfile.type",
        "spec.containers[*].securityContext.seccompProfile.type",
        "spec.ephemeralContainers[*].securityContext.seccompProfile.type",
    ],
    allows: "No profile given, or `RuntimeDefault` or `Localhost`. Up to v1.18 the annotations were read \
             instead of the fields.",
    why: "The runtime's seccomp profile refuses the system calls that containers never need and kernel \
          exploits often do: keyctl, bpf, userfaultfd, mount, clone with new namespaces. Unconfined, the whole \
          kernel is open to any process of the container, root or not.",
    fix: "Remove the profile or set its type to `RuntimeDefault`. A program that needs a refused call gets a \
          profile of its own, installed on the nodes and named with `Localhost`.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_SECCOMP,
        controls::NSA_HARDENING,
        controls::NIST_RUNTIME,
        controls::NIST_SHARED_KERNEL,
        controls::MITRE_KERNEL,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(Fields),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[0, 19],
        replaces: None,
        build: |revision| if revision >= 19 { Box::new(Fields) } else { Box::new(Annotations) },
        explain,
    }),
};

pub(super) const POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
pub(super) const CONTAINER_ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// The field in pod and container, shared with `seccompProfile_restricted`.
pub(super) const FIELD: &str = "securityContext.seccompProfile.type";
/// The clause that a given profile is an allowed one.
pub(super) const TYPE: &str = "type";
const ANNOTATION: &str = "annotation";

/// The first revision: annotations, and fields not at all.
#[derive(Debug)]
struct Annotations;

impl Check for Annotations {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        for (key, value) in pod.annotations() {
            // Unlike AppArmor's, annotations for containers that do not exist are not read.
            let is_read = key == POD_ANNOTATION
                || key
                    .strip_prefix(CONTAINER_ANNOTATION)
                    .is_some_and(|name| pod.containers().any(|container| container.name() == name));
            if is_read
                && !matches!(value, "runtime/default" | "docker/default")
                && !value.starts_with("localhost/")
            {
                findings.push(Finding {
                    path: pod.annotation_path(key),
                    found: Found::Text(value.to_owned()),
                    allowed: "absent, \"runtime/default\", \"docker/default\" or \"localhost/…\""
                        .into(),
                    remedy: Remedy::Remove(pod.annotation_path(key)),
                    clause: ANNOTATION,
                });
            }
        }
    }
}

/// The second revision: fields, and annotations not at all.
#[derive(Debug)]
struct Fields;

impl Check for Fields {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if let Some(profile) =
            pod.security_context().and_then(|context| context.seccomp_profile.as_ref())
            && !is_allowed(profile)
        {
            findings.push(bad_type(profile, pod.path(FIELD)));
        }
        for container in pod.containers() {
            if let Some(profile) =
                container.security_context().and_then(|context| context.seccomp_profile.as_ref())
                && !is_allowed(profile)
            {
                findings.push(bad_type(profile, pod.container_path(container, FIELD)));
            }
        }
    }
}

/// Whether a profile filters system calls.
pub(super) fn is_allowed(profile: &SeccompProfile<'_>) -> bool {
    matches!(profile.kind.as_deref(), Some("RuntimeDefault" | "Localhost"))
}

/// The finding for a profile that does not.
pub(super) fn bad_type(profile: &SeccompProfile<'_>, path: FieldPath) -> Finding {
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
        clause: TYPE,
    }
}

/// The detail for profiles that do not, shared with `seccompProfile_restricted`.
pub(super) fn explain_types<'f>(findings: impl IntoIterator<Item = &'f Finding> + Clone) -> String {
    let types = quoted(words::values(findings.clone()));
    format!("{} must not set {FIELD} to {types}", words::setters(findings))
}

fn explain(findings: &[Finding]) -> (String, String) {
    let annotations =
        words::annotations(findings.iter().filter(|finding| finding.clause == ANNOTATION));
    let detail = if annotations.is_empty() {
        explain_types(findings)
    } else {
        let noun = plural(annotations.len(), "annotation", "annotations");
        format!("forbidden {noun} {}", annotations.join(", "))
    };
    ("seccompProfile".to_owned(), detail)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{said, said_of_pod};

    #[test]
    fn the_first_revision_reads_annotations_of_existing_containers_only() {
        let pod = r#"{"metadata": {"annotations": {
                "seccomp.security.alpha.kubernetes.io/pod": "",
                "container.seccomp.security.alpha.kubernetes.io/b": "docker/default",
                "container.seccomp.security.alpha.kubernetes.io/a": "unconfined",
                "container.seccomp.security.alpha.kubernetes.io/c": "localhost/",
                "container.seccomp.security.alpha.kubernetes.io/gone": "unconfined"}},
            "spec": {"containers": [{"name": "b"}, {"name": "c"}], "ephemeralContainers": [{"name": "a"}]}}"#;
        assert_eq!(
            said_of_pod(&RULE, 0, pod),
            "seccompProfile (forbidden annotations container.seccomp.security.alpha.kubernetes.io/a=\"unconfined\", \
             seccomp.security.alpha.kubernetes.io/pod=\"\")"
        );
        assert_eq!(said_of_pod(&RULE, 19, pod), "");
    }

    #[test]
    fn one_annotation_is_singular() {
        let pod = r#"{"metadata": {"annotations": {"seccomp.security.alpha.kubernetes.io/pod": "x"}}, "spec": {}}"#;
        assert_eq!(
            said_of_pod(&RULE, 0, pod),
            "seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod=\"x\")"
        );
    }

    #[test]
    fn the_second_revision_reads_fields_only() {
        let spec = r#"{"securityContext": {"seccompProfile": {"type": "Unconfined"}}, "containers": [
            {"name": "a", "securityContext": {"seccompProfile": {}}},
            {"name": "b", "securityContext": {"seccompProfile": {"type": "Localhost"}}}]}"#;
        assert_eq!(said(&RULE, 0, spec), "");
        assert_eq!(
            said(&RULE, 19, spec),
            r#"seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "", "Unconfined")"#
        );
    }
}
