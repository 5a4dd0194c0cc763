//! The fields of the kinds that carry a pod, as the newest Kubernetes publishes them: `kubernetes.txt`, which a test
//! against a real API server makes and holds to it.

use std::collections::HashMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("kubernetes.txt");

/// Types of Podgate's own: the pod in the object, and what a container of `pod.containers` has beside its fields.
const OWN: &str = "podgate.Pod containers:[podgate.Container] metadata:ObjectMeta spec:PodSpec\n\
                   podgate.Container list path";

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(TEXT));

/// What stands behind a name, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cel) enum Shape {
    /// An object of one of these types.
    Object(Vec<&'static str>),
    /// A list of such.
    List(Box<Shape>),
    /// A map from any key to such.
    Map(Box<Shape>),
}

/// What is known of a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// It is there; what stands behind it, where more can be said of that.
    Known(Option<Shape>),
    /// No type has it; those that are there instead.
    Unknown(Vec<&'static str>),
    /// Nobody can tell.
    Unchecked,
}

struct Table {
    version: &'static str,
    types: HashMap<&'static str, Vec<(&'static str, Option<Shape>)>>,
}

impl Table {
    fn read(text: &'static str) -> Self {
        let (version, types) = text.split_once('\n').unwrap_or_default();
        let types = types.lines().chain(OWN.lines()).map(|line| {
            let mut words = line.split(' ');
            let name = words.next().unwrap_or_default();
            let field = |word: &'static str| match word.split_once(':') {
                Some((field, shape)) => (field, Some(Shape::read(shape))),
                None => (word, None),
            };
            (name, words.map(field).collect())
        });
        Self { version, types: types.collect() }
    }

    fn fields(&self, name: &str) -> &[(&'static str, Option<Shape>)] {
        self.types.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Which Kubernetes is known, such as `Kubernetes 1.37`.
pub(super) fn version() -> &'static str {
    TABLE.version
}

impl Shape {
    fn read(text: &'static str) -> Self {
        let inner = |text: &'static str| Box::new(Self::read(&text[1..text.len() - 1]));
        match text.as_bytes().first() {
            Some(b'[') => Self::List(inner(text)),
            Some(b'{') => Self::Map(inner(text)),
            // All containers of a pod, wherever they stand.
            _ if text == "podgate.Container" => {
                Self::Object(vec!["Container", "EphemeralContainer", text])
            }
            _ => Self::Object(vec![text]),
        }
    }

    /// An object of one of these kinds.
    pub(super) fn of_kinds(kinds: &[&'static str]) -> Self {
        Self::Object(kinds.to_vec())
    }

    /// The pod that `pod` names.
    pub(super) fn pod() -> Self {
        Self::Object(vec!["podgate.Pod"])
    }

    /// What a list or a map holds.
    pub(super) fn item(&self) -> Option<Self> {
        match self {
            Self::List(item) | Self::Map(item) => Some((**item).clone()),
            Self::Object(_) => None,
        }
    }

    /// What is known of a field.
    pub(super) fn field(&self, name: &str) -> Field {
        let types = match self {
            Self::Object(types) => types,
            Self::Map(item) => return Field::Known(Some((**item).clone())),
            Self::List(_) => return Field::Unchecked,
        };
        let all = types.iter().flat_map(|of| TABLE.fields(of));
        let found: Vec<&Option<Shape>> =
            all.clone().filter(|(known, _)| *known == name).map(|(_, shape)| shape).collect();
        if found.is_empty() {
            let mut names: Vec<&str> = all.map(|(known, _)| *known).collect();
            names.sort_unstable();
            names.dedup();
            return Field::Unknown(names);
        }
        let mut shapes = found.into_iter().cloned();
        let first = shapes.next().flatten();
        Field::Known(shapes.fold(first, |all, next| all?.or(next?)))
    }

    /// What is one or the other; `None` where that is of different forms.
    fn or(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Object(mut types), Self::Object(more)) => {
                types.extend(more);
                types.sort_unstable();
                types.dedup();
                Some(Self::Object(types))
            }
            (one, other) => (one == other).then_some(one),
        }
    }
}
