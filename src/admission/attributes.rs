//! What a decision may look at: the facts of one request, and nothing else.

use std::sync::Arc;

use crate::pod::{Kind, List, Object, Text};

/// The label that the API server gives each namespace: its name.
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The labels of one namespace, shared with whoever watches it.
pub type NamespaceLabels = Arc<[(String, String)]>;

/// What the request does to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// CREATE.
    Create,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// CONNECT.
    Connect,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Delete, Self::Connect];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// Who sent the request. `extra` is never read: it holds credentials' ids and cloud assertions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct User<'a> {
    /// User name.
    pub username: Text<'a>,
    /// Uid, where the authenticator gave one.
    pub uid: Text<'a>,
    /// Groups.
    pub groups: List<Text<'a>>,
}

/// The facts of one request.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    /// What is done.
    pub operation: Operation,
    /// API group of the object's kind; empty for the core group.
    pub group: Text<'a>,
    /// API version of the object's kind.
    pub version: Text<'a>,
    /// The object's kind.
    pub kind: Text<'a>,
    /// The resource, such as `pods`.
    pub resource: Text<'a>,
    /// Subresource; empty for the object itself.
    pub subresource: Text<'a>,
    /// Name; empty where the API server will generate it.
    pub name: Text<'a>,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: Text<'a>,
    /// Labels of that namespace; `None` where they are not known. No review carries them: who judges fills them in.
    pub namespace_labels: Option<NamespaceLabels>,
    /// Whether any node can give a pod a user namespace; `None` where nobody knows. Who judges fills it in.
    pub user_namespaces: Option<bool>,
    /// Who sent it.
    pub user: User<'a>,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The object after the operation. Absent for DELETE.
    pub object: Option<Object<'a>>,
    /// The object before the operation. Present for UPDATE and DELETE.
    pub old_object: Option<Object<'a>>,
    /// Why the object could not be read, where it could not.
    pub unreadable: Option<String>,
    /// The text that all of this was read from, for who needs more of it.
    pub source: Source<'a>,
}

/// What a request was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source<'a> {
    /// A whole `AdmissionReview`, as JSON.
    Review(&'a str),
    /// The object alone, as JSON.
    Object(&'a str),
    /// Nothing that is left.
    #[default]
    Unknown,
}

impl Attributes<'_> {
    /// The kind, where it is one that carries a pod.
    #[must_use]
    pub fn pod_kind(&self) -> Option<Kind> {
        Kind::from_group(&self.group, &self.kind)
    }

    /// `apiVersion` of the object.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", &*self.group, &*self.version)
        }
    }
}
