//! `restrictedVolumes`: only volumes that Kubernetes manages.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.volumes[*]` | a source among configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected, secret |
//!
//! One revision: v1.0. Replaces `hostPathVolumes`.
//!
//! A volume without a source, or with one that Podgate does not know, is refused as `unknown`; the API
//! server has made the former an emptyDir before any webhook sees it. A volume with two sources passes
//! where one of them is allowed; the API server refuses such volumes.

use std::collections::BTreeSet;

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words::{plural, quoted};
use super::{Finding, Found, Remedy};
use crate::pod::{PodView, Subject, VolumeSource};

pub(super) static RULE: Rule = Rule {
    id: "restrictedVolumes",
    title: "Volumes must be of the types that Kubernetes manages",
    reads: &["spec.volumes[*]"],
    allows: "Volumes of type configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, \
             projected or secret.",
    why: "A hostPath volume hands out the node's files. The in-line network volumes make the node's root \
          mount whatever server the author names: an NFS share with set-uid files, an iSCSI disk whose broken \
          file system attacks the kernel's parser, a flexVolume driver or git clone that runs on the node.",
    fix: "Have an administrator make a PersistentVolume, or a StorageClass with a CSI driver, and claim it.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_HOST_PATH,
        controls::NSA_POD_ENFORCEMENT,
        controls::NIST_HOST_FILES,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(RestrictedVolumes),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Restricted,
        revisions: &[0],
        replaces: Some("hostPathVolumes"),
        build: |_| Box::new(RestrictedVolumes),
        explain,
    }),
};

const ALLOWED: [VolumeSource; 9] = [
    VolumeSource::ConfigMap,
    VolumeSource::Csi,
    VolumeSource::DownwardApi,
    VolumeSource::EmptyDir,
    VolumeSource::Ephemeral,
    VolumeSource::Image,
    VolumeSource::PersistentVolumeClaim,
    VolumeSource::Projected,
    VolumeSource::Secret,
];

#[derive(Debug)]
struct RestrictedVolumes;

impl Check for RestrictedVolumes {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        for (index, volume) in pod.volumes().iter().enumerate() {
            if ALLOWED.iter().any(|source| volume.has(*source)) {
                continue;
            }
            // None of the allowed sources is present, so the first present one is the one upstream names.
            let source = volume.sources().next();
            findings.push(Finding {
                path: pod.volume_path(index, source.map_or("", VolumeSource::name)),
                found: source.map_or(Found::Absent, |_| Found::Present),
                allowed: if source.is_some() {
                    "absent".into()
                } else {
                    let names = ALLOWED.map(VolumeSource::name).join(", ");
                    format!("a volume of one of the types {names}").into()
                },
                remedy: Remedy::Advice(
                    "use an emptyDir, persistentVolumeClaim, configMap, secret, projected or csi volume".into(),
                ),
                clause: source.map_or("unknown", VolumeSource::name),
            });
        }
    }
}

fn explain(findings: &[Finding]) -> (String, String) {
    let names = findings.iter().filter_map(|finding| match finding.path.subject() {
        Subject::Volume { name, .. } => Some(name),
        _ => None,
    });
    let types: BTreeSet<_> = findings.iter().map(|finding| finding.clause).collect();
    let detail = format!(
        "{} {} {} {} {}",
        plural(findings.len(), "volume", "volumes"),
        quoted(names),
        plural(findings.len(), "uses", "use"),
        plural(types.len(), "restricted volume type", "restricted volume types"),
        quoted(types)
    );
    ("restricted volume types".to_owned(), detail)
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED, RULE};
    use crate::pod::VolumeSource;
    use crate::rules::testing::{lines, said};

    #[test]
    fn names_stand_in_order_and_types_are_sorted_and_named_once() {
        let spec = r#"{"volumes": [{"name": "c", "nfs": {}}, {"name": "a", "hostPath": {}},
            {"name": "ok", "emptyDir": {}}, {"name": "b", "nfs": {}}]}"#;
        assert_eq!(
            said(&RULE, 0, spec),
            r#"restricted volume types (volumes "c", "a", "b" use restricted volume types "hostPath", "nfs")"#
        );
    }

    #[test]
    fn exactly_nine_sources_are_allowed() {
        for source in VolumeSource::ALL {
            let name = source.name();
            let expected = if ALLOWED.contains(source) {
                String::new()
            } else {
                format!(
                    r#"restricted volume types (volume "v" uses restricted volume type "{name}")"#
                )
            };
            let spec = format!(r#"{{"volumes": [{{"name": "v", "{name}": {{}}}}]}}"#);
            assert_eq!(said(&RULE, 0, &spec), expected);
        }
    }

    #[test]
    fn no_source_and_an_unknown_source_are_unknown() {
        for volume in [
            r#"{"name": "v"}"#,
            r#"{"name": "v", "next": {}}"#,
            r#"{"name": "v", "emptyDir": null}"#,
        ] {
            assert_eq!(
                said(&RULE, 0, &format!(r#"{{"volumes": [{volume}]}}"#)),
                r#"restricted volume types (volume "v" uses restricted volume type "unknown")"#
            );
        }
    }

    #[test]
    fn of_two_sources_one_allowed_is_enough() {
        assert_eq!(
            said(&RULE, 0, r#"{"volumes": [{"name": "v", "hostPath": {}, "configMap": {}}]}"#),
            ""
        );
        assert_eq!(
            said(&RULE, 0, r#"{"volumes": [{"name": "v", "storageos": {}, "gitRepo": {}}]}"#),
            r#"restricted volume types (volume "v" uses restricted volume type "gitRepo")"#
        );
    }

    #[test]
    fn the_finding_names_the_source() {
        assert_eq!(
            lines(&RULE, &[], r#"{"volumes": [{"name": "data", "nfs": {"server": "s"}}]}"#),
            ["volumes[data].nfs is set, must be absent; \
                 use an emptyDir, persistentVolumeClaim, configMap, secret, projected or csi volume"]
        );
    }
}
