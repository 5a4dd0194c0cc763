//! An object of any kind, read only where a pod may be.
//!
//! One shape reads all nine kinds in one pass, without knowing the kind beforehand: the places where
//! a pod may stand (`spec`, `template`, `spec.template`, `spec.jobTemplate.spec.template`) do not
//! overlap with other meanings of the same names in these kinds.

use std::cell::Cell;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::container::Container;
use super::decode::{DecodeError, List, Map, Present, Text};
use super::kind::Kind;
use super::security::PodSecurityContext;
use super::view::PodView;
use super::volume::Volume;

/// An object that may carry a pod.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object<'a> {
    /// `apiVersion`.
    #[serde(borrow)]
    pub api_version: Option<Text<'a>>,
    /// `kind`.
    #[serde(borrow)]
    pub kind: Option<Text<'a>>,
    /// `metadata` of the object itself.
    #[serde(borrow)]
    pub metadata: Option<Metadata<'a>>,
    /// `spec`: of a Pod the pod, of a workload what holds its template.
    #[serde(borrow)]
    pub spec: Option<Box<Spec<'a>>>,
    /// `template` of a `PodTemplate`.
    #[serde(borrow)]
    pub template: Option<Box<Template<'a>>>,
}

/// `metadata`: `managedFields` and the rest are skipped unparsed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata<'a> {
    /// `name`.
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    /// `generateName`.
    #[serde(borrow)]
    pub generate_name: Option<Text<'a>>,
    /// `namespace`.
    #[serde(borrow)]
    pub namespace: Option<Text<'a>>,
    /// `uid`.
    #[serde(borrow)]
    pub uid: Option<Text<'a>>,
    /// `labels`.
    #[serde(borrow)]
    pub labels: Option<Map<'a>>,
    /// `annotations`.
    #[serde(borrow)]
    pub annotations: Option<Map<'a>>,
    /// `ownerReferences`.
    #[serde(borrow)]
    pub owner_references: Option<List<OwnerReference<'a>>>,
    /// Set while the object waits for its finalizers.
    pub deletion_timestamp: Option<Present>,
}

/// One entry of `ownerReferences`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference<'a> {
    /// `apiVersion` of the owner.
    #[serde(borrow)]
    pub api_version: Option<Text<'a>>,
    /// Kind of the owner.
    #[serde(borrow)]
    pub kind: Option<Text<'a>>,
    /// Name of the owner.
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    /// Uid of the owner.
    #[serde(borrow)]
    pub uid: Option<Text<'a>>,
    /// Whether this owner manages the object.
    pub controller: Option<bool>,
}

/// `spec`: of a pod, or of a workload around its template.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec<'a> {
    /// `template` of a workload.
    #[serde(borrow)]
    pub template: Option<Box<Template<'a>>>,
    /// `jobTemplate` of a `CronJob`.
    #[serde(borrow)]
    pub job_template: Option<Box<Template<'a>>>,
    /// Init containers, sidecars among them.
    #[serde(borrow)]
    pub init_containers: Option<List<Container<'a>>>,
    /// Containers.
    #[serde(borrow)]
    pub containers: Option<List<Container<'a>>>,
    /// Ephemeral containers.
    #[serde(borrow)]
    pub ephemeral_containers: Option<List<Container<'a>>>,
    /// Volumes.
    #[serde(borrow)]
    pub volumes: Option<List<Volume<'a>>>,
    /// Security settings of the pod.
    #[serde(borrow)]
    pub security_context: Option<PodSecurityContext<'a>>,
    /// Whether the pod is in the node's network namespace.
    pub host_network: Option<bool>,
    /// Whether the pod is in the node's process namespace.
    #[serde(rename = "hostPID")]
    pub host_pid: Option<bool>,
    /// Whether the pod is in the node's IPC namespace.
    #[serde(rename = "hostIPC")]
    pub host_ipc: Option<bool>,
    /// Whether the pod is in the node's user namespace; absent means yes.
    pub host_users: Option<bool>,
    /// Operating system.
    #[serde(borrow)]
    pub os: Option<Os<'a>>,
    /// `RuntimeClass`.
    #[serde(borrow)]
    pub runtime_class_name: Option<Text<'a>>,
    /// Whether the containers share one process namespace.
    pub share_process_namespace: Option<bool>,
    /// Service account.
    #[serde(borrow)]
    pub service_account_name: Option<Text<'a>>,
    /// Whether a token of the service account is mounted; absent means the account decides.
    pub automount_service_account_token: Option<bool>,
    /// The node, where the author chose it.
    #[serde(borrow)]
    pub node_name: Option<Text<'a>>,
    /// Tolerations.
    #[serde(borrow)]
    pub tolerations: Option<List<Toleration<'a>>>,
}

/// A pod template, or (as `jobTemplate`) a job template.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Template<'a> {
    /// `metadata` that the pods get.
    pub metadata: Option<Metadata<'a>>,
    /// `spec` that the pods get.
    pub spec: Option<Spec<'a>>,
}

/// Templates inside each other: a `CronJob` has two, and nothing has more.
const NESTED_TEMPLATES: u8 = 2;

thread_local! {
    /// How many templates are being read around the current place. serde gives a reader no other way
    /// to know, and the types would let a hostile object nest them until the stack is gone.
    static DEPTH: Cell<u8> = const { Cell::new(0) };
}

/// Counts one template while it is read, also where reading fails.
struct Nested;

impl Nested {
    fn enter() -> Option<Self> {
        let depth = DEPTH.get();
        (depth < NESTED_TEMPLATES).then(|| {
            DEPTH.set(depth + 1);
            Self
        })
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Template<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow)]
            metadata: Option<Metadata<'a>>,
            #[serde(borrow)]
            spec: Option<Spec<'a>>,
        }

        let Some(_nested) = Nested::enter() else {
            IgnoredAny::deserialize(deserializer)?;
            return Ok(Self::default());
        };
        let Fields { metadata, spec } = Fields::deserialize(deserializer)?;
        Ok(Self { metadata, spec })
    }
}

/// `os`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Os<'a> {
    /// `linux` or `windows`.
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
}

/// One entry of `tolerations`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Toleration<'a> {
    /// Taint key; absent with `Exists` tolerates every taint.
    #[serde(borrow)]
    pub key: Option<Text<'a>>,
    /// `Equal` (default) or `Exists`.
    #[serde(borrow)]
    pub operator: Option<Text<'a>>,
    /// Taint effect; absent means all.
    #[serde(borrow)]
    pub effect: Option<Text<'a>>,
}

impl<'a> Object<'a> {
    /// Reads an object from JSON.
    ///
    /// # Errors
    /// Where the JSON is broken, nested deeper than 128 levels, or a field that rules read has a wrong
    /// type or stands twice: the error names the field's path.
    pub fn decode(json: &'a str) -> Result<Self, DecodeError> {
        serde_json::from_str(json).map_err(|error| Self::locate(json, &error))
    }

    /// Reads once more, keeping track of the path: only errors pay for it.
    fn locate(json: &str, error: &serde_json::Error) -> DecodeError {
        let mut reader = serde_json::Deserializer::from_str(json);
        match serde_path_to_error::deserialize::<_, Object<'_>>(&mut reader) {
            Err(tracked) if error.is_data() => DecodeError {
                path: tracked.path().to_string(),
                message: tracked.inner().to_string(),
            },
            _ => DecodeError { path: String::new(), message: error.to_string() },
        }
    }

    /// The pod that this object carries as a `kind`; `None` where a workload holds no template.
    ///
    /// A pod or template without a `spec` is one with an empty `spec`: its annotations still count.
    #[must_use]
    pub fn pod(&self, kind: Kind) -> Option<PodView<'_>> {
        let template = match kind {
            Kind::Pod => return Some(view(kind, self.metadata.as_ref(), self.spec.as_deref())),
            Kind::PodTemplate => self.template.as_deref(),
            Kind::CronJob => {
                let job = self.spec.as_ref()?.job_template.as_deref()?;
                job.spec.as_ref()?.template.as_deref()
            }
            _ => self.spec.as_ref()?.template.as_deref(),
        }?;
        Some(view(kind, template.metadata.as_ref(), template.spec.as_ref()))
    }

    /// A pod that is all metadata: what a Binding merges into the pod it binds.
    #[must_use]
    pub fn metadata_view(&self) -> PodView<'_> {
        view(Kind::Pod, self.metadata.as_ref(), None)
    }

    /// The owner that manages the object, of which there is one at most.
    #[must_use]
    pub fn controlling_owner(&self) -> Option<&OwnerReference<'a>> {
        let owners = self.metadata.as_ref()?.owner_references.as_deref()?;
        owners.iter().find(|owner| owner.controller == Some(true))
    }

    /// Whether the object only waits for its finalizers.
    #[must_use]
    pub fn is_being_deleted(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.deletion_timestamp.is_some())
    }
}

fn view<'v>(
    kind: Kind,
    metadata: Option<&'v Metadata<'v>>,
    spec: Option<&'v Spec<'v>>,
) -> PodView<'v> {
    static NOTHING: LazyLock<Spec<'static>> = LazyLock::new(Spec::default);
    PodView::new(kind, metadata, spec.unwrap_or(&NOTHING))
}
