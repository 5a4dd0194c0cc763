//! Field paths in the kind that was submitted.

use std::borrow::Cow;
use std::fmt;

use super::kind::Kind;
use super::view::ContainerList;

/// What a path leads into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The pod's `spec`.
    Pod,
    /// The pod's `metadata`.
    Metadata,
    /// One volume.
    Volume {
        /// Its index in `volumes`.
        index: usize,
        /// Its name.
        name: String,
    },
    /// One container.
    Container {
        /// The list it is in.
        list: ContainerList,
        /// Its index there.
        index: usize,
        /// Its name.
        name: String,
    },
}

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment<'p> {
    /// Into the member of an object.
    Key(&'p str),
    /// Into the item of a list.
    Index(usize),
}

/// Path of a field, such as `spec.template.spec.containers[1].securityContext.privileged`.
///
/// `Display` gives the full path. [`FieldPath::short`] names the container instead of counting it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    kind: Kind,
    subject: Subject,
    field: Cow<'static, str>,
}

impl FieldPath {
    pub(super) fn new(kind: Kind, subject: Subject, field: Cow<'static, str>) -> Self {
        Self { kind, subject, field }
    }

    /// What the path leads into.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The container's name, where the path leads into one.
    #[must_use]
    pub fn container(&self) -> Option<&str> {
        match &self.subject {
            Subject::Container { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The field, under its subject.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The path in steps, from the object that was submitted.
    ///
    /// Exact for every field that the API knows; the name of an unknown field may hold dots of its own.
    #[must_use]
    pub fn segments(&self) -> Vec<Segment<'_>> {
        let mut segments = self.subject_segments();
        segments.extend(self.field_segments());
        segments
    }

    /// The steps of [`FieldPath::segments`] that lead to the subject.
    #[must_use]
    pub fn subject_segments(&self) -> Vec<Segment<'_>> {
        let template = self.kind.template_path().split('.').filter(|name| !name.is_empty());
        let mut segments: Vec<Segment<'_>> = template.map(Segment::Key).collect();
        let rest: &[Segment<'_>] = match &self.subject {
            Subject::Pod => &[Segment::Key("spec")],
            Subject::Metadata => &[Segment::Key("metadata")],
            Subject::Volume { index, .. } => {
                &[Segment::Key("spec"), Segment::Key("volumes"), Segment::Index(*index)]
            }
            Subject::Container { list, index, .. } => {
                &[Segment::Key("spec"), Segment::Key(list.field()), Segment::Index(*index)]
            }
        };
        segments.extend(rest);
        segments
    }

    /// The steps of [`FieldPath::segments`] from the subject on.
    #[must_use]
    pub fn field_segments(&self) -> Vec<Segment<'_>> {
        if self.subject == Subject::Metadata
            && let Some((name, key)) = self.field.split_once('[')
        {
            // Keys of annotations and labels hold dots.
            return vec![Segment::Key(name), Segment::Key(key.strip_suffix(']').unwrap_or(key))];
        }
        let names = self.field.split('.').filter(|name| !name.is_empty());
        names.flat_map(steps).collect()
    }

    /// The path as a person reads it: `containers[app].securityContext.privileged`.
    ///
    /// Paths that lead into no container and no volume are given in full.
    #[must_use]
    pub fn short(&self) -> impl fmt::Display {
        Short(self)
    }
}

/// The steps of `name` or `name[1]`.
fn steps(name: &str) -> impl Iterator<Item = Segment<'_>> {
    let indexed = name.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
    let (key, index) = match indexed.and_then(|(key, index)| Some((key, index.parse().ok()?))) {
        Some((key, index)) => (key, Some(Segment::Index(index))),
        None => (name, None),
    };
    [Segment::Key(key)].into_iter().chain(index)
}

struct Short<'p>(&'p FieldPath);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FieldPath { subject, field, .. } = self.0;
        match subject {
            Subject::Container { list, name, .. } if !name.is_empty() => {
                write!(f, "{}[{name}]{}", list.field(), Dotted(field))
            }
            Subject::Volume { name, .. } if !name.is_empty() => {
                write!(f, "volumes[{name}]{}", Dotted(field))
            }
            _ => self.0.fmt(f),
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let template = self.kind.template_path();
        let dot = if template.is_empty() { "" } else { "." };
        write!(f, "{template}{dot}")?;
        match &self.subject {
            Subject::Pod => write!(f, "spec.{}", self.field),
            Subject::Metadata => write!(f, "metadata.{}", self.field),
            Subject::Volume { index, .. } => {
                write!(f, "spec.volumes[{index}]{}", Dotted(&self.field))
            }
            Subject::Container { list, index, .. } => {
                write!(f, "spec.{}[{index}]{}", list.field(), Dotted(&self.field))
            }
        }
    }
}

/// A field after a dot, or nothing where the path leads to the subject itself.
struct Dotted<'p>(&'p str);

impl fmt::Display for Dotted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ".{}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::Segment::{Index, Key};
    use crate::pod::{Kind, Object};

    #[test]
    fn a_path_has_the_steps_that_it_shows() {
        let spec = r#"{"containers": [{"name": "a"}], "volumes": [{"name": "v"}]}"#;
        let json = format!(r#"{{"spec": {{"template": {{"spec": {spec}}}}}}}"#);
        let object = Object::decode(&json).unwrap();
        let pod = object.pod(Kind::Deployment).unwrap();
        let container = pod.containers().next().unwrap();
        let template = [Key("spec"), Key("template")];
        for (path, steps) in [
            (pod.path("hostUsers"), &[Key("spec"), Key("hostUsers")][..]),
            (
                pod.container_path(container, "volumeMounts[2].readOnly"),
                &[
                    Key("spec"),
                    Key("containers"),
                    Index(0),
                    Key("volumeMounts"),
                    Index(2),
                    Key("readOnly"),
                ],
            ),
            (
                pod.volume_path(0, "hostPath.path"),
                &[Key("spec"), Key("volumes"), Index(0), Key("hostPath"), Key("path")],
            ),
            (
                pod.annotation_path("example.com/a[0]"),
                &[Key("metadata"), Key("annotations"), Key("example.com/a[0]")],
            ),
        ] {
            assert_eq!(path.segments(), [&template[..], steps].concat(), "{path}");
        }
    }
}
