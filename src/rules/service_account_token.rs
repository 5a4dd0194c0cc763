//! `serviceAccountToken`: the pod gets no credentials of the Kubernetes API.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.automountServiceAccountToken` | false |
//! | `spec.volumes[*].projected.sources[*].serviceAccountToken` | absent |
//!
//! An absent `automountServiceAccountToken` is refused, because then the service account decides, which
//! cannot be seen here. Where it is not false, the API server has put a volume named
//! `kube-api-access-…` into the pod; that volume is the same violation and is not told twice. In a pod
//! where it is false nobody but the author writes such a volume, so there the name excuses nothing.

use super::controls;
use super::rule::{Check, Rule};
use super::{Fill, Finding, Found, Remedy};
use crate::pod::{FieldPath, PodView};

pub(super) static RULE: Rule = Rule {
    id: "serviceAccountToken",
    title: "Pods must not be given a service account token",
    reads: &[
        "spec.automountServiceAccountToken",
        "spec.volumes[*].projected.sources[*].serviceAccountToken",
    ],
    allows: "`automountServiceAccountToken: false`, and no projected volume with a token.",
    why: "A mounted token lets whoever runs code in the pod speak to the API server as its service account. \
          Most programs never do, but the token is there for an attacker, who lists secrets, starts pods or \
          reads other namespaces with whatever was granted to the account.",
    fix: "Set `automountServiceAccountToken: false` on the pod. Programs that use the API get a service \
          account of their own with the least rights, under an exception.",
    fills: "An absent `automountServiceAccountToken` becomes `false` in templates and manifests: risky. In a pod \
            on its way in it is too late where the API server has already added the token.",
    controls: &[controls::CIS_SERVICE_ACCOUNT_TOKENS, controls::NSA_TOKENS, controls::MITRE_TOKEN],
    parameters: &[],
    build: |_| Box::new(NoToken),
    pod_security: None,
};

/// What the API server calls the volume that it adds.
const ADDED: &str = "kube-api-access-";

#[derive(Debug)]
struct NoToken;

impl Check for NoToken {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        let automount = pod.spec().automount_service_account_token;
        if automount != Some(false) {
            let path = pod.path("automountServiceAccountToken");
            findings.push(Finding {
                remedy: remedy(pod, path.clone()),
                path,
                found: automount.map_or(Found::Absent, Found::Bool),
                allowed: "false".into(),
                clause: "automount",
            });
        }
        for (index, volume) in pod.volumes().iter().enumerate() {
            let was_added = automount != Some(false) && volume.name.starts_with(ADDED);
            if volume.projects_token && !was_added {
                findings.push(Finding {
                    path: pod.volume_path(index, "projected.sources[*].serviceAccountToken"),
                    found: Found::Present,
                    allowed: "absent".into(),
                    remedy: Remedy::Advice(
                        "remove the serviceAccountToken source from the volume".into(),
                    ),
                    clause: "projected",
                });
            }
        }
    }
}

fn remedy(pod: &PodView<'_>, path: FieldPath) -> Remedy {
    let automount = pod.spec().automount_service_account_token;
    if automount.is_none() && pod.volumes().iter().any(|volume| volume.projects_token) {
        // The volume would stay, and then nobody would have added it but the author.
        return Remedy::Advice(
            format!(
                "where the pod is made from, set {path} to false: a token is in this one already"
            )
            .into(),
        );
    }
    Remedy::set_or_fill(automount.is_some(), path, "false", |path, value| {
        let reason = "a program that speaks to the Kubernetes API cannot do so any more";
        Fill { reaches_pods: false, ..Fill::risky(path, value, reason) }
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{WRITTEN, fills, lines};

    fn spec(automount: &str, volume: &str) -> String {
        format!(
            r#"{{"automountServiceAccountToken": {automount}, "volumes": [{{"name": "{volume}",
                "projected": {{"sources": [{{"configMap": {{}}}}, {{"serviceAccountToken": {{"path": "t"}}}}]}}}}]}}"#
        )
    }

    #[test]
    fn absent_and_true_are_refused_once() {
        for (automount, found, remedy) in [
            (
                "null",
                "absent",
                "where the pod is made from, set spec.automountServiceAccountToken to false: \
                 a token is in this one already",
            ),
            ("true", "true", "set spec.automountServiceAccountToken to false"),
        ] {
            assert_eq!(
                lines(&RULE, &[], &spec(automount, "kube-api-access-x7z2b")),
                [format!("spec.automountServiceAccountToken is {found}, must be false; {remedy}")]
            );
        }
    }

    #[test]
    fn a_projected_token_is_found_under_any_name() {
        for name in ["token", "kube-api-access-mine"] {
            assert_eq!(
                lines(&RULE, &[], &spec("false", name)),
                [format!(
                    "volumes[{name}].projected.sources[*].serviceAccountToken is set, must be absent; \
                     remove the serviceAccountToken source from the volume"
                )]
            );
        }
    }

    #[test]
    fn false_without_tokens_is_allowed() {
        let spec = r#"{"automountServiceAccountToken": false, "volumes": [{"name": "v", "projected": {}}]}"#;
        assert!(lines(&RULE, &[], spec).is_empty());
    }

    #[test]
    fn an_absent_field_may_be_filled_in_while_no_token_is_there() {
        let fill = "spec.automountServiceAccountToken=false risky";
        assert_eq!(fills(&RULE, &[], "{}"), [fill]);
        let late = fills(&RULE, &[], &spec("null", "kube-api-access-x7z2b"));
        assert!(late.len() == 1 && late[0].contains("already"), "{late:?}");
        assert_eq!(fills(&RULE, &[], &spec("true", "kube-api-access-x7z2b")), [WRITTEN]);
    }
}
