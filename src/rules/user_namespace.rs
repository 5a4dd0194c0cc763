//! `userNamespace`: the pod's root is nobody on the node.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.hostUsers` | false |
//!
//! Not a Pod Security check: there `hostUsers: false` only relaxes others. The API server refuses
//! `hostUsers: false` together with host namespaces and raw block devices, and on Windows. Where it cannot
//! work (a volume whose kind is known not to be mappable, an id past 65535) the remedy says so by name.

use super::controls;
use super::rule::{Check, Rule};
use super::{Fill, Finding, Found, Remedy};
use crate::pod::{FieldPath, PodView, VolumeSource};

/// The rule's id: it is looked for beside what the nodes of a cluster can do.
pub const ID: &str = "userNamespace";

pub(super) static RULE: Rule = Rule {
    id: ID,
    title: "Pods must have a user namespace of their own",
    reads: &[
        "spec.hostUsers",
        "spec.os.name",
        "spec.hostNetwork",
        "spec.hostPID",
        "spec.hostIPC",
        "spec.volumes[*]",
        "spec.securityContext",
        "spec.containers[*].securityContext",
        "spec.containers[*].volumeDevices",
    ],
    allows: "`hostUsers: false`; absent counts as true.",
    why: "Without a user namespace, uid 0 in the container is uid 0 on the node. A process that gets out \
          through a bug of the kernel or the runtime is then root there at once, and files that it wrote to \
          a shared volume belong to root. In a user namespace the same process comes out as a user who owns \
          nothing.",
    fix: "Set `hostUsers: false`. It needs nodes with Linux 6.3 or newer and a runtime that knows it; pods \
          in a host namespace and Windows pods cannot have it and belong under an exception.",
    fills: "An absent `hostUsers` becomes `false`: safe where nothing speaks against it; risky beside privileged \
            containers, added capabilities and volumes of which nobody can tell whether they can be mapped. \
            Not where it cannot work: beside host namespaces, block devices, ids past 65535, and volumes that \
            are known not to be mappable.",
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
            remedy: remedy(pod),
            clause: "",
        });
    }
}

fn remedy(pod: &PodView<'_>) -> Remedy {
    let path = pod.path("hostUsers");
    let obstacle = obstacle(pod).map(|advice| format!("{advice}, then set {path} to false"));
    if let Some(advice) = obstacle.or_else(|| exempt(pod)) {
        return Remedy::Advice(advice.into());
    }
    let is_written = pod.spec().host_users.is_some();
    Remedy::set_or_fill(is_written, path, "false", |path, value| {
        if let Some(reason) = doubt(pod) {
            return Fill::risky(path, value, reason);
        }
        let reason =
            "inside, the program has the ids that it had; it needs nodes that know user namespaces";
        Fill::safe(path, value, reason)
    })
}

/// What must be changed before the pod can have a user namespace.
fn obstacle(pod: &PodView<'_>) -> Option<String> {
    let spec = pod.spec();
    if pod.is_windows() {
        None
    } else if [spec.host_network, spec.host_pid, spec.host_ipc].contains(&Some(true)) {
        // The API server refuses these and the next beside `hostUsers: false`.
        Some("remove hostNetwork, hostPID and hostIPC, which exclude it".to_owned())
    } else if pod.containers().any(|c| c.volume_devices.as_deref().is_some_and(|d| !d.is_empty())) {
        Some("mount volumes as file systems: volumeDevices exclude it".to_owned())
    } else {
        unmapped_id(pod)
    }
}

/// Why the pod cannot have a user namespace at all.
fn exempt(pod: &PodView<'_>) -> Option<String> {
    if pod.is_windows() {
        return Some("except the pod: Windows has no user namespaces".to_owned());
    }
    unmapped_volume(pod)
}

/// A pod has the ids 0 to 65535 in its namespace; a process of any other does not start.
fn unmapped_id(pod: &PodView<'_>) -> Option<String> {
    const IDS: std::ops::RangeInclusive<i64> = 0..=65535;
    let of_pod = pod.security_context().into_iter().flat_map(|context| {
        let groups = context.supplemental_groups.as_deref().unwrap_or_default();
        [
            ("runAsUser", context.run_as_user),
            ("runAsGroup", context.run_as_group),
            ("fsGroup", context.fs_group),
        ]
        .into_iter()
        .chain(groups.iter().map(|group| ("supplementalGroups", Some(*group))))
        .map(|(field, id)| (pod.path(format!("securityContext.{field}")), id))
    });
    let of_containers = pod.containers().flat_map(|container| {
        let context = container.security_context();
        [
            ("runAsUser", context.and_then(|context| context.run_as_user)),
            ("runAsGroup", context.and_then(|context| context.run_as_group)),
        ]
        .map(|(field, id)| (pod.container_path(container, format!("securityContext.{field}")), id))
    });
    let (path, id): (FieldPath, i64) = of_pod
        .chain(of_containers)
        .filter_map(|(path, id)| Some((path, id?)))
        .find(|(_, id)| !IDS.contains(id))?;
    Some(format!("choose an id up to 65535, as a user namespace has no more: {path} is {id}"))
}

/// A volume of a kind whose file system cannot be mounted with other ids: the pod would not start.
fn unmapped_volume(pod: &PodView<'_>) -> Option<String> {
    const UNMAPPED: &[VolumeSource] = &[
        VolumeSource::Nfs,
        VolumeSource::Glusterfs,
        VolumeSource::CephFs,
        VolumeSource::AzureFile,
        VolumeSource::Quobyte,
    ];
    let named = |source: &VolumeSource| {
        let volume = pod.volumes().iter().find(|volume| volume.has(*source))?;
        Some(format!(
            "except the pod, or move volume {:?} elsewhere: {} cannot be mounted into a user namespace",
            &*volume.name,
            source.name()
        ))
    };
    UNMAPPED.iter().find_map(named)
}

/// What may keep a program from working in a user namespace.
fn doubt(pod: &PodView<'_>) -> Option<String> {
    // The node's own file systems: memory, and what holds the kubelet's directory.
    const MAPPED: &[VolumeSource] = &[
        VolumeSource::ConfigMap,
        VolumeSource::Secret,
        VolumeSource::DownwardApi,
        VolumeSource::Projected,
        VolumeSource::EmptyDir,
    ];
    for container in pod.containers() {
        let context = container.security_context();
        let name = container.name();
        if context.and_then(|context| context.privileged) == Some(true) {
            return Some(format!(
                "container {name:?} is privileged, which then ends at the namespace"
            ));
        }
        let added = context
            .and_then(|context| context.capabilities.as_ref())
            .and_then(|capabilities| capabilities.add.as_deref());
        if let Some([capability, ..]) = added {
            return Some(format!(
                "container {name:?} adds {:?}, which then ends at the namespace",
                &**capability
            ));
        }
    }
    let doubtful = pod.volumes().iter().find(|volume| {
        let mut sources = volume.sources().peekable();
        sources.peek().is_none() || sources.any(|source| !MAPPED.contains(&source))
    })?;
    let kind =
        doubtful.sources().next().map_or("a kind that podgate does not know", VolumeSource::name);
    Some(format!(
        "nobody can tell here whether volume {:?}, {kind}, can be mounted into a user namespace",
        &*doubtful.name
    ))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{WRITTEN, fills, lines};

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

    #[test]
    fn an_absent_field_is_filled_in_as_safely_as_can_be_told() {
        let safe = "spec.hostUsers=false safe";
        let risky = "spec.hostUsers=false risky";
        for (spec, expected) in [
            ("{}", safe),
            (r#"{"hostUsers": true}"#, WRITTEN),
            (r#"{"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "secret": {}}]}"#, safe),
            (r#"{"volumes": [{"name": "a", "persistentVolumeClaim": {}}]}"#, risky),
            (r#"{"volumes": [{"name": "a", "hostPath": {}}]}"#, risky),
            (r#"{"volumes": [{"name": "a"}]}"#, risky),
            (r#"{"containers": [{"securityContext": {"privileged": true}}]}"#, risky),
            (
                r#"{"containers": [{"securityContext": {"capabilities": {"add": ["KILL"]}}}]}"#,
                risky,
            ),
            (r#"{"securityContext": {"runAsUser": 65535}}"#, safe),
            (
                r#"{"hostPID": true}"#,
                "remove hostNetwork, hostPID and hostIPC, which exclude it, then set spec.hostUsers to false",
            ),
            (
                r#"{"volumes": [{"name": "a", "nfs": {}}]}"#,
                "except the pod, or move volume \"a\" elsewhere: nfs cannot be mounted into a user namespace",
            ),
            (
                r#"{"securityContext": {"fsGroup": 65536}}"#,
                "choose an id up to 65535, as a user namespace has no more: spec.securityContext.fsGroup is 65536, \
                 then set spec.hostUsers to false",
            ),
            (
                r#"{"containers": [{"securityContext": {"runAsUser": 100000}}]}"#,
                "choose an id up to 65535, as a user namespace has no more: \
                 spec.containers[0].securityContext.runAsUser is 100000, then set spec.hostUsers to false",
            ),
        ] {
            assert_eq!(fills(&RULE, &[], spec), [expected], "{spec}");
        }
    }
}
