//! The names that an expression may use.

use super::fields::Shape;
use super::program::Program;
use super::types::{Struct, Type};

/// What an expression starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Root {
    /// The object after the operation; `null` where it is deleted.
    Object,
    /// The object before an update or a deletion; else `null`.
    OldObject,
    /// The admission request, without its objects.
    Request,
    /// The namespace of the request.
    NamespaceObject,
    /// The pod in the object, wherever its kind holds one.
    Pod,
    /// The parameters of a `ValidatingAdmissionPolicy`; `null` where its binding names none.
    Params,
}

impl Root {
    /// What a `PodPolicy` may name.
    pub const OF_POD_POLICY: [Self; 5] =
        [Self::Object, Self::OldObject, Self::Request, Self::NamespaceObject, Self::Pod];
    /// What a `ValidatingAdmissionPolicy` may name; the last one only where it has parameters.
    pub const OF_ADMISSION_POLICY: [Self; 5] =
        [Self::Object, Self::OldObject, Self::Request, Self::NamespaceObject, Self::Params];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::OldObject => "oldObject",
            Self::Request => "request",
            Self::NamespaceObject => "namespaceObject",
            Self::Pod => "pod",
            Self::Params => "params",
        }
    }

    pub(super) fn of(self) -> Type {
        match self {
            Self::Object | Self::OldObject | Self::Params => Type::Dyn,
            Self::Request => Type::Struct(&REQUEST),
            Self::NamespaceObject => Type::Struct(&NAMESPACE),
            Self::Pod => Type::Struct(&POD),
        }
    }
}

/// `admission.k8s.io/v1` `AdmissionRequest`, as `ValidatingAdmissionPolicy` declares it.
static REQUEST: Struct = Struct {
    name: "kubernetes.AdmissionRequest",
    fields: &[
        ("kind", "GroupVersionKind"),
        ("resource", "GroupVersionResource"),
        ("subResource", "string"),
        ("requestKind", "GroupVersionKind"),
        ("requestResource", "GroupVersionResource"),
        ("requestSubResource", "string"),
        ("name", "string"),
        ("namespace", "string"),
        ("operation", "string"),
        ("userInfo", "UserInfo"),
        ("dryRun", "bool"),
        ("options", "dyn"),
    ],
    parts: &[
        &Struct {
            name: "GroupVersionKind",
            fields: &[("group", "string"), ("version", "string"), ("kind", "string")],
            parts: &[],
        },
        &Struct {
            name: "GroupVersionResource",
            fields: &[("group", "string"), ("version", "string"), ("resource", "string")],
            parts: &[],
        },
        &Struct {
            name: "UserInfo",
            fields: &[
                ("username", "string"),
                ("uid", "string"),
                ("groups", "list<string>"),
                ("extra", "map<string, list<string>>"),
            ],
            parts: &[],
        },
    ],
};

/// The fields of a `Namespace` that are known here: its metadata is watched, and nothing else.
static NAMESPACE: Struct = Struct {
    name: "kubernetes.Namespace",
    fields: &[("metadata", "NamespaceMetadata")],
    parts: &[&Struct {
        name: "NamespaceMetadata",
        fields: &[("name", "string"), ("labels", "map<string, string>")],
        parts: &[],
    }],
};

/// The pod in the object.
pub(super) static POD: Struct = Struct {
    name: "podgate.Pod",
    fields: &[("metadata", "dyn"), ("spec", "dyn"), ("containers", "list<dyn>")],
    parts: &[],
};

/// A variable of a policy.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its name, behind `variables.`.
    pub name: String,
    /// What its expression gives.
    pub of: Type,
    /// How deep its expression is.
    pub depth: usize,
    /// What is known of the fields of what it gives.
    pub(super) shape: Option<Shape>,
}

impl Variable {
    /// The variable of this name that `program` gives; one of any type, where there is no program because it is wrong.
    #[must_use]
    pub fn new(name: &str, program: Option<&Program>) -> Self {
        Self {
            name: name.to_owned(),
            of: program.map_or(Type::Dyn, |program| program.result().clone()),
            depth: program.map_or(0, Program::depth),
            shape: program.and_then(|program| program.shape.clone()),
        }
    }
}

/// What is declared where an expression stands.
#[derive(Debug, Clone)]
pub struct Environment {
    /// What it may start from.
    pub roots: &'static [Root],
    /// The policy's variables that stand before it.
    pub variables: Vec<Variable>,
    /// Rules that `pod.violates` may name.
    pub rules: Vec<&'static str>,
    /// The kinds that `object` may be of, where its fields are to be looked at.
    pub kinds: Vec<&'static str>,
    /// Whether what is compiled notes which ways it is taken.
    pub watched: bool,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            roots: &Root::OF_POD_POLICY,
            variables: Vec::new(),
            rules: Vec::new(),
            kinds: Vec::new(),
            watched: false,
        }
    }
}

impl Environment {
    pub(super) fn root(&self, name: &str) -> Option<Root> {
        self.roots.iter().copied().find(|root| root.as_str() == name)
    }
}
