//! Manifest files: the objects in them, judged as if they were created.
//!
//! A manifest is read as `kubectl` reads it, turned into the JSON that the API server would see, and
//! judged through the same [`Attributes`] as a review.

mod origin;
mod refused;

use std::borrow::Cow;
use std::fmt;

use origin::HelmComments;
pub use origin::Origin;

use crate::admission::{Attributes, NAME_LABEL, NamespaceLabels, Operation, Source, User};
use crate::pod::{self, Kind, Object, Text};
use crate::yaml::{self, Key, Limits, Node, Segment, Value, YamlError};

/// One object of a manifest file.
#[derive(Debug)]
pub struct Document {
    /// Which object of the file this is, from 1; items of a `List` count one by one.
    pub index: usize,
    /// `apiVersion`, as written.
    pub api_version: String,
    /// `kind`, as written.
    pub kind: String,
    /// `metadata.namespace`; empty where none is written.
    pub namespace: String,
    /// `metadata.name`, or `metadata.generateName` where there is no name.
    pub name: String,
    /// The kind that carries a pod, where it is one.
    pub carries: Option<Kind>,
    /// Where in the text the object stands.
    pub place: Place,
    /// What it was rendered from, where the text says so.
    pub origin: Option<Origin>,
    node: Node,
    json: String,
}

/// Where an object stands: in which document of the text, and as which item of its lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Which document, from 0, as [`yaml::read`] counts them.
    pub document: usize,
    /// The way to the object; empty where the document is the object.
    pub path: Vec<Segment>,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // 0 is nowhere.
            Self { line, column: 0 } => write!(f, "{line}"),
            Self { line, column } => write!(f, "{line}:{column}"),
        }
    }
}

/// Reads the objects of a file: several documents, and the items of lists.
///
/// # Errors
/// Where the text is not YAML or JSON as `kubectl` reads it, or is past a bound.
pub fn read(text: &str) -> Result<Vec<Document>, YamlError> {
    let nodes = yaml::read(text, Limits::default())?;
    let comments = HelmComments::of(text);
    let mut documents = Vec::new();
    for (document, node) in nodes.into_iter().enumerate() {
        let (line, first) = (node.line, documents.len());
        collect(node, Place { document, path: Vec::new() }, &mut documents);
        for object in &mut documents[first..] {
            object.origin = object.origin.take().or_else(|| comments.above(line).cloned());
        }
    }
    Ok(documents)
}

/// Adds `node`, or its items where it is a `List`. Nesting is bounded by the reader.
fn collect(mut node: Node, place: Place, documents: &mut Vec<Document>) {
    let is_list = text(&node, "kind").ends_with("List");
    if let Value::Mapping(entries) = &mut node.value
        && is_list
        && let Some((_, items)) = entries.iter_mut().find(|(key, _)| key.name == "items")
        && let Value::Sequence(items) = &mut items.value
    {
        for (index, item) in std::mem::take(items).into_iter().enumerate() {
            let mut place = place.clone();
            place.path.extend([Segment::Key("items".to_owned()), Segment::Index(index)]);
            collect(item, place, documents);
        }
        return;
    }
    documents.push(Document::new(documents.len() + 1, place, node));
}

impl Document {
    fn new(index: usize, place: Place, mut node: Node) -> Self {
        let (api_version, kind) = (text(&node, "apiVersion"), text(&node, "kind"));
        let metadata = node.get("metadata");
        let of_metadata = |name| metadata.map(|m| text(m, name)).unwrap_or_default();
        let name = match of_metadata("name") {
            name if name.is_empty() => of_metadata("generateName"),
            name => name,
        };
        let namespace = of_metadata("namespace");
        let origin = metadata.and_then(origin::of_kustomize);
        let carries = Kind::from_api_version(&api_version, &kind);
        if let Some(kind) = carries {
            default_volumes(&mut node, kind);
        }
        let json = node.to_json();
        Self { index, api_version, kind, namespace, name, carries, place, origin, node, json }
    }

    /// Line on which the object starts.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.node.line
    }

    /// Where the field at `path` stands, or the nearest field above it that is written.
    #[must_use]
    pub fn position_of(&self, path: &str) -> Position {
        let node = self.node.at(path).unwrap_or(&self.node);
        Position { line: node.line, column: node.column }
    }

    /// The name and the labels of a `Namespace`, with the label that the API server gives each; `None`
    /// for other kinds.
    #[must_use]
    pub fn namespace_labels(&self) -> Option<(&str, NamespaceLabels)> {
        if self.kind != "Namespace" || self.api_version != "v1" {
            return None;
        }
        let labels = self.node.get("metadata").and_then(|metadata| metadata.get("labels"));
        let labels = labels.and_then(Node::as_mapping).unwrap_or_default().iter();
        let labels = labels
            .map(|(key, value)| (key.name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .filter(|(key, _)| key != NAME_LABEL)
            .chain([(NAME_LABEL.to_owned(), self.name.clone())]);
        Some((&self.name, labels.collect()))
    }

    /// The namespace that the object would be created in: `default` where it names none itself.
    #[must_use]
    pub fn namespace_or<'d>(&'d self, default: &'d str) -> &'d str {
        if self.namespace.is_empty() { default } else { &self.namespace }
    }

    /// What the object is to a decision: its creation, in `namespace` where it names none itself.
    #[must_use]
    pub fn attributes<'d>(&'d self, namespace: &'d str) -> Attributes<'d> {
        let (object, unreadable) = match Object::decode(&self.json) {
            Ok(object) => {
                let pod = self.carries.and_then(|kind| object.pod(kind));
                let refused = pod.and_then(|pod| refused::field(&pod));
                (Some(object), refused)
            }
            Err(error) => (None, Some(error.to_string())),
        };
        let (group, version) =
            self.api_version.split_once('/').unwrap_or(("", self.api_version.as_str()));
        let group = match self.carries {
            Some(kind) => kind.group(),
            None => group,
        };
        Attributes {
            operation: Operation::Create,
            group: borrowed(group),
            version: borrowed(version),
            kind: borrowed(&self.kind),
            resource: Text(Cow::Owned(pod::resource(&self.kind))),
            subresource: Text::default(),
            name: borrowed(&self.name),
            namespace: borrowed(self.namespace_or(namespace)),
            namespace_labels: None,
            user_namespaces: None,
            user: User::default(),
            dry_run: false,
            object,
            old_object: None,
            unreadable,
            source: Source::Object(&self.json),
        }
    }
}

/// Gives volumes that name no source the `emptyDir` that the API server gives them.
fn default_volumes(node: &mut Node, kind: Kind) {
    let mut spec = Some(node);
    let segments = kind.template_path().split('.').filter(|segment| !segment.is_empty());
    for segment in segments.chain(["spec", "volumes"]) {
        spec = spec.and_then(|node| entry(node, segment));
    }
    let Some(Node { value: Value::Sequence(volumes), .. }) = spec else { return };
    for volume in volumes {
        let (line, column) = (volume.line, volume.column);
        if let Value::Mapping(entries) = &mut volume.value
            && entries.iter().all(|(key, value)| key.name == "name" || value.value == Value::Null)
        {
            entries.retain(|(key, _)| key.name == "name");
            let empty = Node { value: Value::Mapping(Vec::new()), line, column };
            entries.push((Key { name: "emptyDir".to_owned(), line, column }, empty));
        }
    }
}

fn entry<'n>(node: &'n mut Node, name: &str) -> Option<&'n mut Node> {
    match &mut node.value {
        Value::Mapping(entries) => {
            entries.iter_mut().find(|(key, _)| key.name == name).map(|(_, value)| value)
        }
        _ => None,
    }
}

fn text(node: &Node, name: &str) -> String {
    node.get(name).and_then(Node::as_str).unwrap_or_default().to_owned()
}

fn borrowed(text: &str) -> Text<'_> {
    Text(Cow::Borrowed(text))
}
