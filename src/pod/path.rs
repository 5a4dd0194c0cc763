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

    /// The path as a person reads it: `containers[app].securityContext.privileged`.
    ///
    /// Paths that lead into no container and no volume are given in full.
    #[must_use]
    pub fn short(&self) -> impl fmt::Display {
        Short(self)
    }
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
