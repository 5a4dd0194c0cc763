//! Field paths in the kind that was submitted.

use std::borrow::Cow;
use std::fmt;

use super::kind::Kind;
use super::view::ContainerList;

/// What a path leads into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The object as a whole.
    Object,
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
        if self.subject == Subject::Object {
            return Vec::new();
        }
        let template = self.kind.template_path().split('.').filter(|name| !name.is_empty());
        let mut segments: Vec<Segment<'_>> = template.map(Segment::Key).collect();
        let rest: &[Segment<'_>] = match &self.subject {
            Subject::Object => &[],
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
                item(f, list.field(), name)?;
            }
            Subject::Volume { name, .. } if !name.is_empty() => item(f, "volumes", name)?,
            _ => return self.0.fmt(f),
        }
        dotted(f, field)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Piece by piece: a pod that breaks many rules has its paths written hundreds of times, and `write!` reads
        // its pattern anew each time.
        if self.subject == Subject::Object {
            return f.write_str("object");
        }
        let template = self.kind.template_path();
        if !template.is_empty() {
            f.write_str(template)?;
            f.write_str(".")?;
        }
        match &self.subject {
            Subject::Object | Subject::Pod => f.write_str("spec")?,
            Subject::Metadata => f.write_str("metadata")?,
            Subject::Volume { index, .. } => item(f, "spec.volumes", index)?,
            Subject::Container { list, index, .. } => {
                f.write_str("spec.")?;
                item(f, list.field(), index)?;
            }
        }
        dotted(f, &self.field)
    }
}

fn item(f: &mut fmt::Formatter<'_>, list: &str, which: &impl fmt::Display) -> fmt::Result {
    f.write_str(list)?;
    f.write_str("[")?;
    which.fmt(f)?;
    f.write_str("]")
}

/// A field after a dot, or nothing where the path leads to the subject itself.
fn dotted(f: &mut fmt::Formatter<'_>, field: &str) -> fmt::Result {
    if field.is_empty() {
        return Ok(());
    }
    f.write_str(".")?;
    f.write_str(field)
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
