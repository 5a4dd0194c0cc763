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
use super::{Finding, Found, Remedy};
use crate::pod::PodView;

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
                remedy: Remedy::Set(path.clone(), "false".into()),
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

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::lines;

    fn spec(automount: &str, volume: &str) -> String {
        format!(
            r#"{{"automountServiceAccountToken": {automount}, "volumes": [{{"name": "{volume}",
                "projected": {{"sources": [{{"configMap": {{}}}}, {{"serviceAccountToken": {{"path": "t"}}}}]}}}}]}}"#
        )
    }

    #[test]
    fn absent_and_true_are_refused_once() {
        for (automount, found) in [("null", "absent"), ("true", "true")] {
            assert_eq!(
                lines(&RULE, &[], &spec(automount, "kube-api-access-x7z2b")),
                [format!(
                    "spec.automountServiceAccountToken is {found}, must be false; \
                     set spec.automountServiceAccountToken to false"
                )]
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
}
