//! The kubelet.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::control_group::ControlGroup;
use super::enclosure::Link;
use super::node::NAME;
use crate::process::{End, Place, Process};
use crate::servers;

/// Writes its configuration to `folder`.
pub(crate) fn configure(
    folder: &Path,
    data: &Path,
    link: &Link,
    group: &ControlGroup,
) -> Result<()> {
    let configuration = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": link.inside,
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": folder.join("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": folder.join("kubelet.crt"),
        "tlsPrivateKeyFile": folder.join("kubelet.key"),
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        // A Secret that changed reaches its pods within this; by default within a minute.
        "syncFrequency": "10s",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": group.path(),
        "failCgroupV1": false,
        "failSwapOn": false,
        "volumePluginDir": data.join("volume-plugins"),
        // There is no DNS, and no reason to take the machine's.
        "resolvConf": "",
        // The disk is the machine's: how full it is, is not for this node to judge.
        "evictionHard": {
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
            "memory.available": "50Mi",
        },
        // Images come from nowhere once they are gone.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    });
    fs::write(folder.join("kubelet.json"), configuration.to_string())?;
    Ok(())
}

/// Starts it.
pub(crate) fn start(
    binaries: &servers::Node,
    place: Place<'_>,
    data: &Path,
    link: &Link,
) -> Result<Process> {
    let command = [
        binaries.kubernetes.join("kubelet").display().to_string(),
        format!("--config={}", place.logs.join("kubelet.json").display()),
        format!("--kubeconfig={}", place.logs.join("kubelet.kubeconfig").display()),
        format!("--root-dir={}", data.join("kubelet").display()),
        format!("--cert-dir={}", data.join("kubelet/pki").display()),
        format!("--hostname-override={NAME}"),
        format!("--node-ip={}", link.inside),
    ];
    Process::start("kubelet", End::Kill, place, &command)
}
