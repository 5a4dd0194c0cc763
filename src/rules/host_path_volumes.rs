//! `hostPathVolumes`: no volume is a directory of the node.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.volumes[*].hostPath` | absent |
//!
//! One revision: v1.0. `restrictedVolumes` replaces it at the restricted level.

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words::{plural, quoted};
use super::{Finding, Found, Remedy};
use crate::pod::{PodView, Subject, VolumeSource};

pub(super) static RULE: Rule = Rule {
    id: "hostPathVolumes",
    title: "Volumes must not be directories of the node",
    reads: &["spec.volumes[*].hostPath"],
    allows: "Volumes of any type but hostPath.",
    why: "A hostPath volume puts the node's files into the pod. With a path such as / or /var/lib/kubelet its \
          root user reads every secret mounted on the node, takes the kubelet's credentials, and writes a \
          static pod manifest or a cron job that runs as root on the node. The container runtime's socket \
          gives the same with one request.",
    fix: "Use an emptyDir for scratch space, a persistentVolumeClaim for data, and a configMap, secret or \
          projected volume for configuration. Agents that must read the node belong in a namespace of their \
          own, under an exception that names the path.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_HOST_PATH,
        controls::NSA_POD_ENFORCEMENT,
        controls::NIST_HOST_FILES,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(HostPathVolumes),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[0],
        replaces: None,
        build: |_| Box::new(HostPathVolumes),
        explain,
    }),
};

#[derive(Debug)]
struct HostPathVolumes;

impl Check for HostPathVolumes {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        for (index, volume) in pod.volumes().iter().enumerate() {
            if volume.has(VolumeSource::HostPath) {
                let path = volume.host_path.as_ref().and_then(|source| source.path.as_deref());
                findings.push(Finding {
                    path: pod.volume_path(index, "hostPath"),
                    found: path.map_or(Found::Present, |path| Found::Text(path.to_owned())),
                    allowed: "absent".into(),
                    // Removing the source alone would leave an emptyDir, which may break the program in silence.
                    remedy: Remedy::Advice(
                        "use an emptyDir, persistentVolumeClaim, configMap, secret or projected volume".into(),
                    ),
                    clause: "",
                });
            }
        }
    }
}

fn explain(findings: &[Finding]) -> (String, String) {
    let names = findings.iter().filter_map(|finding| match finding.path.subject() {
        Subject::Volume { name, .. } => Some(name),
        _ => None,
    });
    let volumes = plural(findings.len(), "volume", "volumes");
    ("hostPath volumes".to_owned(), format!("{volumes} {}", quoted(names)))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{lines, said};

    #[test]
    fn volumes_are_named_in_order() {
        let spec = r#"{"volumes": [{"name": "b", "hostPath": {"path": "/"}}, {"name": "ok", "emptyDir": {}},
            {"name": "a", "hostPath": {}}]}"#;
        assert_eq!(said(&RULE, 0, spec), r#"hostPath volumes (volumes "b", "a")"#);
    }

    #[test]
    fn one_volume_is_singular_and_null_is_absent() {
        let spec = r#"{"volumes": [{"name": "b", "hostPath": {"path": "/"}}, {"name": "a", "hostPath": null}]}"#;
        assert_eq!(said(&RULE, 0, spec), r#"hostPath volumes (volume "b")"#);
    }

    #[test]
    fn the_finding_shows_the_path_on_the_node() {
        let spec = r#"{"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}"#;
        assert_eq!(
            lines(&RULE, &[], spec),
            ["volumes[root].hostPath is \"/\", must be absent; \
                 use an emptyDir, persistentVolumeClaim, configMap, secret or projected volume"]
        );
    }
}
