//! The nine kinds that carry a pod, and where in each it stands.

/// A kind that carries a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each variant is the API's own name")]
pub enum Kind {
    Pod,
    PodTemplate,
    ReplicationController,
    ReplicaSet,
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Pod,
        Self::PodTemplate,
        Self::ReplicationController,
        Self::ReplicaSet,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
    ];

    /// The kind named `kind` in API group `group` (empty for the core group), at any version.
    #[must_use]
    pub fn from_group(group: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == kind && k.group() == group)
    }

    /// The kind that a manifest's `apiVersion` and `kind` name.
    #[must_use]
    pub fn from_api_version(api_version: &str, kind: &str) -> Option<Self> {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        // Old API groups that a manifest may still name; the API server no longer serves them.
        let group = if group == "extensions" { "apps" } else { group };
        Self::from_group(group, kind)
    }

    /// API group; empty for the core group.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::Pod | Self::PodTemplate | Self::ReplicationController => "",
            Self::ReplicaSet | Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps",
            Self::Job | Self::CronJob => "batch",
        }
    }

    /// Name as in `kind:`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::PodTemplate => "PodTemplate",
            Self::ReplicationController => "ReplicationController",
            Self::ReplicaSet => "ReplicaSet",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
        }
    }

    /// Field path of the object that holds the pod's `metadata` and `spec`; empty for a Pod.
    #[must_use]
    pub fn template_path(self) -> &'static str {
        match self {
            Self::Pod => "",
            Self::PodTemplate => "template",
            Self::CronJob => "spec.jobTemplate.spec.template",
            _ => "spec.template",
        }
    }
}
/// The resource that objects of `kind` belong to, such as `pods`: right for every kind that carries a pod, and a
/// guess for others.
#[must_use]
pub fn resource(kind: &str) -> String {
    format!("{}s", kind.to_lowercase())
}
