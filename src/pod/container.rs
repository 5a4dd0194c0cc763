//! What rules read of a container, in any of the three lists.

use serde::Deserialize;

use super::decode::{List, Names, Present, Text};
use super::security::SecurityContext;

/// A container: init, main or ephemeral.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container<'a> {
    /// Name, unique in the pod.
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    /// Image reference.
    #[serde(borrow)]
    pub image: Option<Text<'a>>,
    /// Security settings.
    #[serde(borrow)]
    pub security_context: Option<Box<SecurityContext<'a>>>,
    /// Ports.
    pub ports: Option<List<Port>>,
    /// Probe.
    #[serde(borrow)]
    pub liveness_probe: Option<Probe<'a>>,
    /// Probe.
    #[serde(borrow)]
    pub readiness_probe: Option<Probe<'a>>,
    /// Probe.
    #[serde(borrow)]
    pub startup_probe: Option<Probe<'a>>,
    /// Lifecycle hooks.
    #[serde(borrow)]
    pub lifecycle: Option<Lifecycle<'a>>,
    /// Requests and limits.
    #[serde(borrow)]
    pub resources: Option<Resources<'a>>,
    /// Where volumes are mounted.
    #[serde(borrow)]
    pub volume_mounts: Option<List<VolumeMount<'a>>>,
    /// Raw block devices.
    pub volume_devices: Option<List<Present>>,
    /// `Always` on an init container makes it a sidecar.
    #[serde(borrow)]
    pub restart_policy: Option<Text<'a>>,
    /// Ephemeral containers only: the container whose process namespace is joined.
    #[serde(borrow)]
    pub target_container_name: Option<Text<'a>>,
}

/// One entry of `ports`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// Port on the node; 0 and absent mean none.
    pub host_port: Option<i64>,
}

/// A probe: only where it connects to is read.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe<'a> {
    /// HTTP request.
    #[serde(borrow)]
    pub http_get: Option<Handler<'a>>,
    /// TCP connection.
    #[serde(borrow)]
    pub tcp_socket: Option<Handler<'a>>,
}

/// `httpGet` or `tcpSocket`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Handler<'a> {
    /// Host to connect to; absent and empty mean the pod itself.
    #[serde(borrow)]
    pub host: Option<Text<'a>>,
}

/// `lifecycle`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle<'a> {
    /// Hook after start.
    #[serde(borrow)]
    pub post_start: Option<Probe<'a>>,
    /// Hook before stop.
    #[serde(borrow)]
    pub pre_stop: Option<Probe<'a>>,
}

/// `resources`: which ones are named, not how much.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Resources<'a> {
    /// Names under `limits`.
    #[serde(borrow)]
    pub limits: Option<Names<'a>>,
    /// Names under `requests`.
    #[serde(borrow)]
    pub requests: Option<Names<'a>>,
}

/// One entry of `volumeMounts`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeMount<'a> {
    /// Name of the volume.
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    /// Whether it is mounted read-only.
    pub read_only: Option<bool>,
    /// Path inside the volume.
    #[serde(borrow)]
    pub sub_path: Option<Text<'a>>,
}
