//! The view of a pod that rules read: never the kind, only the pod and where its fields stand.

use std::borrow::Cow;
use std::ops::Deref;

use super::container::Container;
use super::kind::Kind;
use super::object::{Metadata, Spec};
use super::path::{FieldPath, Subject};
use super::security::{PodSecurityContext, SecurityContext};
use super::volume::Volume;

/// A pod inside an object of any kind.
#[derive(Debug, Clone, Copy)]
pub struct PodView<'v> {
    kind: Kind,
    metadata: Option<&'v Metadata<'v>>,
    spec: &'v Spec<'v>,
}

impl<'v> PodView<'v> {
    pub(super) fn new(kind: Kind, metadata: Option<&'v Metadata<'v>>, spec: &'v Spec<'v>) -> Self {
        Self { kind, metadata, spec }
    }

    /// The same pod as it would be with another `spec`.
    #[must_use]
    pub fn with_spec<'s>(&self, spec: &'s Spec<'s>) -> PodView<'s>
    where
        'v: 's,
    {
        PodView { kind: self.kind, metadata: self.metadata, spec }
    }

    /// The kind that carries the pod.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `spec` of the pod.
    #[must_use]
    pub fn spec(&self) -> &'v Spec<'v> {
        self.spec
    }

    /// `securityContext` of the pod.
    #[must_use]
    pub fn security_context(&self) -> Option<&'v PodSecurityContext<'v>> {
        self.spec.security_context.as_ref()
    }

    /// Annotations of the pod: of a workload, those of its template.
    pub fn annotations(&self) -> impl Iterator<Item = (&'v str, &'v str)> + use<'v> {
        self.metadata
            .and_then(|metadata| metadata.annotations.as_ref())
            .into_iter()
            .flat_map(super::decode::Map::iter)
    }

    /// The pod's label `key`.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&'v str> {
        self.metadata.and_then(|metadata| metadata.labels.as_ref()).and_then(|l| l.get(key))
    }

    /// Labels of the pod: of a workload, those of its template.
    pub fn labels(&self) -> impl Iterator<Item = (&'v str, &'v str)> + use<'v> {
        self.metadata
            .and_then(|metadata| metadata.labels.as_ref())
            .into_iter()
            .flat_map(super::decode::Map::iter)
    }

    /// Every container: init, then main, then ephemeral, each in list order.
    pub fn containers(&self) -> impl Iterator<Item = ContainerRef<'v>> + use<'v> {
        let spec = self.spec;
        let list = |list, items: Option<&'v [Container<'v>]>| {
            items.into_iter().flatten().enumerate().map(move |(index, container)| ContainerRef {
                list,
                index,
                container,
            })
        };
        list(ContainerList::Init, spec.init_containers.as_deref())
            .chain(list(ContainerList::Main, spec.containers.as_deref()))
            .chain(list(ContainerList::Ephemeral, spec.ephemeral_containers.as_deref()))
    }

    /// Volumes, in list order.
    #[must_use]
    pub fn volumes(&self) -> &'v [Volume<'v>] {
        self.spec.volumes.as_deref().unwrap_or_default()
    }

    /// Whether the pod says that it is for Windows nodes. An absent `os` is read as Linux.
    #[must_use]
    pub fn is_windows(&self) -> bool {
        self.spec.os.as_ref().and_then(|os| os.name.as_deref()) == Some("windows")
    }

    /// Whether the pod asks for a user namespace of its own: `hostUsers` is present and false.
    #[must_use]
    pub fn has_user_namespace(&self) -> bool {
        self.spec.host_users == Some(false)
    }

    /// Path of a field under the pod's `spec`, such as `securityContext.runAsUser`.
    #[must_use]
    pub fn path(&self, field: impl Into<Cow<'static, str>>) -> FieldPath {
        FieldPath::new(self.kind, Subject::Pod, field.into())
    }

    /// Path of the object that holds the pod.
    #[must_use]
    pub fn object_path(&self) -> FieldPath {
        FieldPath::new(self.kind, Subject::Object, Cow::Borrowed(""))
    }

    /// Path of an annotation of the pod.
    #[must_use]
    pub fn annotation_path(&self, key: &str) -> FieldPath {
        FieldPath::new(self.kind, Subject::Metadata, format!("annotations[{key}]").into())
    }

    /// Path of a label of the pod.
    #[must_use]
    pub fn label_path(&self, key: &str) -> FieldPath {
        FieldPath::new(self.kind, Subject::Metadata, format!("labels[{key}]").into())
    }

    /// Path of a field of the volume at `index`, such as `hostPath`; empty for the volume itself.
    #[must_use]
    pub fn volume_path(&self, index: usize, field: impl Into<Cow<'static, str>>) -> FieldPath {
        let name = self.volumes().get(index).map(|volume| volume.name.to_string());
        let subject = Subject::Volume { index, name: name.unwrap_or_default() };
        FieldPath::new(self.kind, subject, field.into())
    }

    /// Path of a field of `container`, such as `securityContext.privileged`.
    #[must_use]
    pub fn container_path(
        &self,
        container: ContainerRef<'_>,
        field: impl Into<Cow<'static, str>>,
    ) -> FieldPath {
        let name = container.name().to_owned();
        let subject = Subject::Container { list: container.list, index: container.index, name };
        FieldPath::new(self.kind, subject, field.into())
    }
}

/// Which of the three lists a container is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerList {
    /// `initContainers`.
    Init,
    /// `containers`.
    Main,
    /// `ephemeralContainers`.
    Ephemeral,
}

impl ContainerList {
    /// The field's name under `spec`.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Init => "initContainers",
            Self::Main => "containers",
            Self::Ephemeral => "ephemeralContainers",
        }
    }
}

/// A container and its place.
#[derive(Debug, Clone, Copy)]
pub struct ContainerRef<'v> {
    /// The list it is in.
    pub list: ContainerList,
    /// Its index there.
    pub index: usize,
    container: &'v Container<'v>,
}

impl<'v> ContainerRef<'v> {
    /// The container's name; empty where it has none.
    #[must_use]
    pub fn name(&self) -> &'v str {
        self.container.name.as_deref().unwrap_or_default()
    }

    /// The container's image reference.
    #[must_use]
    pub fn image(&self) -> Option<&'v str> {
        self.container.image.as_deref()
    }

    /// The container's `securityContext`.
    #[must_use]
    pub fn security_context(&self) -> Option<&'v SecurityContext<'v>> {
        self.container.security_context.as_deref()
    }
}

impl<'v> Deref for ContainerRef<'v> {
    type Target = Container<'v>;

    fn deref(&self) -> &Container<'v> {
        self.container
    }
}
