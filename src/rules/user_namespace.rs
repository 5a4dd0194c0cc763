//! `userNamespace`: the pod's root is nobody on the node.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.hostUsers` | false |
//!
//! Not a Pod Security check: there `hostUsers: false` only relaxes others. The API server refuses
//! `hostUsers: false` together with host namespaces and raw block devices, and on Windows.

use super::controls;
use super::rule::{Check, Rule};
use super::{Finding, Found, Remedy};
use crate::pod::PodView;

pub(super) static RULE: Rule = Rule {
    id: "userNamespace",
    title: "Pods must have a user namespace of their own",
    reads: &[
        "spec.hostUsers",
        "spec.os.name",
        "spec.hostNetwork",
        "spec.hostPID",
        "spec.hostIPC",
        "spec.containers[*].volumeDevices",
    ],
    allows: "`hostUsers: false`; absent counts as true.",
    why: "Without a user namespace, uid 0 in the container is uid 0 on the node. A process that gets out \
          through a bug of the kernel or the runtime is then root there at once, and files that it wrote to \
          a shared volume belong to root. In a user namespace the same process comes out as a user who owns \
          nothing.",
    fix: "Set `hostUsers: false`. It needs nodes with Linux 6.3 or newer and a runtime that knows it; pods \
          in a host namespace and Windows pods cannot have it and belong under an exception.",
    controls: &[
        controls::NSA_HARDENING,
        controls::NIST_SHARED_KERNEL,
        controls::MITRE_KERNEL,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(UserNamespace),
    pod_security: None,
};

#[derive(Debug)]
struct UserNamespace;

impl Check for UserNamespace {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if pod.has_user_namespace() {
            return;
        }
        findings.push(Finding {
            path: pod.path("hostUsers"),
            found: pod.spec().host_users.map_or(Found::Absent, Found::Bool),
            allowed: "false".into(),
            remedy: match obstacle(pod) {
                Some(advice) => Remedy::Advice(advice.into()),
                None => Remedy::Set(pod.path("hostUsers"), "false".into()),
            },
            clause: "",
        });
    }
}

/// What keeps the API server from taking `hostUsers: false` for this pod.
fn obstacle(pod: &PodView<'_>) -> Option<&'static str> {
    let spec = pod.spec();
    if pod.is_windows() {
        Some("except the pod: Windows has no user namespaces")
    } else if [spec.host_network, spec.host_pid, spec.host_ipc].contains(&Some(true)) {
        Some(
            "remove hostNetwork, hostPID and hostIPC, which exclude it, then set spec.hostUsers to false",
        )
    } else if pod.containers().any(|c| c.volume_devices.as_deref().is_some_and(|d| !d.is_empty())) {
        Some(
            "mount volumes as file systems: volumeDevices exclude it, then set spec.hostUsers to false",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::lines;

    #[test]
    fn absent_and_true_are_refused() {
        assert_eq!(
            lines(&RULE, &[], "{}"),
            ["spec.hostUsers is absent, must be false; set spec.hostUsers to false"]
        );
        assert_eq!(
            lines(&RULE, &[], r#"{"hostUsers": true}"#),
            ["spec.hostUsers is true, must be false; set spec.hostUsers to false"]
        );
        assert!(lines(&RULE, &[], r#"{"hostUsers": false}"#).is_empty());
    }

    #[test]
    fn what_excludes_a_user_namespace_is_named() {
        for (spec, word) in [
            (r#"{"os": {"name": "windows"}}"#, "Windows"),
            (r#"{"hostPID": true}"#, "hostPID"),
            (r#"{"hostNetwork": true}"#, "hostNetwork"),
            (r#"{"containers": [{"volumeDevices": [{"name": "disk"}]}]}"#, "volumeDevices"),
        ] {
            let lines = lines(&RULE, &[], spec);
            assert!(lines[0].contains(word) && !lines[0].contains("; set"), "{lines:?}");
        }
    }
}
