//! `hostPaths`: which directories of the node may be mounted, and only to read.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.volumes[*].hostPath.path` | a path at or under one of the parameter `allowed`, without `..` |
//! | `{c}.volumeMounts[*].readOnly` of such a volume | true, unless the parameter `readOnly` is false |
//!
//! `{c}` is every init, main and ephemeral container. Paths are compared by whole segments: `/var/log`
//! allows `/var/log/pods`, not `/var/logs`. Links on the node are followed by the kubelet and cannot be
//! seen here, so an allowed directory should be one that pods cannot write.

use super::controls;
use super::rule::{Arguments, Check, Parameter, Rule, Shape, Value};
use super::{Fill, Finding, Found, Remedy};
use crate::pod::{PodView, VolumeSource};

pub(super) static RULE: Rule = Rule {
    id: "hostPaths",
    title: "Only listed directories of the node may be mounted, and read-only",
    reads: &[
        "spec.volumes[*].hostPath.path",
        "spec.initContainers[*].volumeMounts[*]",
        "spec.containers[*].volumeMounts[*]",
        "spec.ephemeralContainers[*].volumeMounts[*]",
    ],
    allows: "hostPath volumes at or under a directory of `allowed`, mounted with `readOnly: true` by every \
             container. Without `allowed`, none.",
    why: "A directory of the node carries the node's secrets out and, where it can be written, code in: the \
          kubelet's static pods, cron jobs, the runtime's socket. Agents for logs and metrics need a few \
          directories, and almost always only to read them.",
    fix: "Mount one of the allowed directories, with `readOnly: true` on every mount; or use an emptyDir or a \
          persistentVolumeClaim.",
    fills: "An absent `readOnly` of a mount becomes `true`: risky, since the program may write there.",
    controls: &[
        controls::CIS_HOST_PATH,
        controls::NSA_POD_ENFORCEMENT,
        controls::NIST_HOST_FILES,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[
        Parameter {
            name: "allowed",
            shape: Shape::Texts,
            doc: "Directories of the node that may be mounted, with all that is under them. Default none.",
        },
        Parameter {
            name: "readOnly",
            shape: Shape::Bool,
            doc: "Whether every mount of them must be read-only. Default true.",
        },
    ],
    build: |arguments: &Arguments| {
        Box::new(HostPaths {
            allowed: arguments.texts("allowed").unwrap_or_default().to_vec(),
            read_only: arguments.0.get("readOnly") != Some(&Value::Bool(false)),
        })
    },
    pod_security: None,
};

#[derive(Debug)]
struct HostPaths {
    allowed: Vec<String>,
    read_only: bool,
}

impl Check for HostPaths {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        let mut any = false;
        for (index, volume) in pod.volumes().iter().enumerate() {
            if !volume.has(VolumeSource::HostPath) {
                continue;
            }
            any = true;
            let path = volume.host_path.as_ref().and_then(|source| source.path.as_deref());
            if path.is_some_and(|path| self.allowed.iter().any(|prefix| is_under(path, prefix))) {
                continue;
            }
            findings.push(Finding {
                path: pod.volume_path(index, "hostPath.path"),
                found: path.map_or(Found::Absent, |path| Found::Text(path.to_owned())),
                allowed: if self.allowed.is_empty() {
                    "absent, as is the whole hostPath".into()
                } else {
                    format!("at or under one of {}", self.allowed.join(", ")).into()
                },
                remedy: Remedy::Advice(
                    "use an emptyDir, persistentVolumeClaim, configMap, secret or projected volume"
                        .into(),
                ),
                clause: "path",
            });
        }
        if any && self.read_only {
            check_mounts(pod, findings);
        }
    }
}

fn check_mounts(pod: &PodView<'_>, findings: &mut Vec<Finding>) {
    for container in pod.containers() {
        for (index, mount) in
            container.volume_mounts.as_deref().unwrap_or_default().iter().enumerate()
        {
            let name = mount.name.as_deref().unwrap_or_default();
            let is_of_node =
                pod.volumes().iter().any(|v| v.has(VolumeSource::HostPath) && &*v.name == name);
            if is_of_node && mount.read_only != Some(true) {
                let path = pod.container_path(container, format!("volumeMounts[{index}].readOnly"));
                findings.push(Finding {
                    remedy: Remedy::set_or_fill(
                        mount.read_only.is_some(),
                        path.clone(),
                        "true",
                        |path, value| {
                            Fill::risky(path, value, "a program that writes there cannot any more")
                        },
                    ),
                    path,
                    found: mount.read_only.map_or(Found::Absent, Found::Bool),
                    allowed: "true".into(),
                    clause: "readOnly",
                });
            }
        }
    }
}

/// Whether `path` is `prefix` or lies under it. Both must be absolute and go nowhere by `..`.
fn is_under(path: &str, prefix: &str) -> bool {
    let (Some(mut path), Some(mut prefix)) = (segments(path), segments(prefix)) else {
        return false;
    };
    prefix.all(|segment| path.next() == Some(segment))
}

/// The segments of an absolute path, without empty ones and `.`; `None` where one of them is `..`.
fn segments(path: &str) -> Option<impl Iterator<Item = &str>> {
    let path = path.strip_prefix('/')?;
    let segments = path.split('/').filter(|segment| !matches!(*segment, "" | "."));
    (!segments.clone().any(|segment| segment == "..")).then_some(segments)
}

#[cfg(test)]
mod tests {
    use super::{RULE, is_under};
    use crate::rules::Value;
    use crate::rules::testing::{WRITTEN, fills, lines, texts};

    #[test]
    fn paths_are_compared_by_whole_segments() {
        for (path, prefix, expected) in [
            ("/var/log", "/var/log", true),
            ("/var/log/", "/var/log", true),
            ("/var/log/pods", "/var/log/", true),
            ("//var/./log/pods", "/var/log", true),
            ("/anything", "/", true),
            ("/var/logs", "/var/log", false),
            ("/var", "/var/log", false),
            ("/", "/var/log", false),
            ("/var/log/../lib", "/var/log", false),
            ("/var/log/..", "/", false),
            ("var/log", "/var/log", false),
            ("", "/", false),
            ("/var/log", "", false),
        ] {
            assert_eq!(is_under(path, prefix), expected, "{path:?} under {prefix:?}");
        }
    }

    const SPEC: &str = r#"{"volumes": [{"name": "logs", "hostPath": {"path": "/var/log/pods"}}, {"name": "tmp", "emptyDir": {}}],
        "initContainers": [{"name": "i", "volumeMounts": [{"name": "tmp"}, {"name": "logs"}]}],
        "containers": [{"name": "a", "volumeMounts": [{"name": "logs", "readOnly": true}]}],
        "ephemeralContainers": [{"name": "e", "volumeMounts": [{"name": "logs", "readOnly": false}]}]}"#;

    #[test]
    fn every_mount_must_be_read_only() {
        let arguments = [("allowed", texts(&["/var/log"]))];
        assert_eq!(
            lines(&RULE, &arguments, SPEC),
            [
                "initContainers[i].volumeMounts[1].readOnly is absent, must be true; \
                 set spec.initContainers[0].volumeMounts[1].readOnly to true",
                "ephemeralContainers[e].volumeMounts[0].readOnly is false, must be true; \
                 set spec.ephemeralContainers[0].volumeMounts[0].readOnly to true",
            ]
        );
        let [allowed] = arguments;
        assert!(lines(&RULE, &[allowed, ("readOnly", Value::Bool(false))], SPEC).is_empty());
    }

    #[test]
    fn a_directory_that_is_not_listed_is_refused() {
        let arguments = [("allowed", texts(&["/sys", "/proc"])), ("readOnly", Value::Bool(false))];
        assert_eq!(
            lines(&RULE, &arguments, SPEC),
            [
                "volumes[logs].hostPath.path is \"/var/log/pods\", must be at or under one of /sys, /proc; \
                 use an emptyDir, persistentVolumeClaim, configMap, secret or projected volume"
            ]
        );
        assert!(lines(&RULE, &[], SPEC)[0].contains("must be absent"));
        assert_eq!(lines(&RULE, &[], r#"{"volumes": [{"name": "v", "hostPath": {}}]}"#).len(), 1);
    }

    #[test]
    fn an_absent_flag_may_be_filled_in_at_a_risk() {
        let arguments = [("allowed", texts(&["/var/log"]))];
        assert_eq!(
            fills(&RULE, &arguments, SPEC),
            ["spec.initContainers[0].volumeMounts[1].readOnly=true risky", WRITTEN]
        );
    }
}
