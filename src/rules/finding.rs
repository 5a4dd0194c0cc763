//! What a rule found: one field that breaks it, and what would be right.

use std::borrow::Cow;
use std::fmt;

use crate::pod::FieldPath;

/// One rule broken at one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The field, in the submitted kind.
    pub path: FieldPath,
    /// The value found there.
    pub found: Found,
    /// What may stand there, as the end of a sentence: `absent or false`.
    pub allowed: Cow<'static, str>,
    /// What to change.
    pub remedy: Remedy,
    /// Which clause of the rule was broken, for rules that have several; else empty.
    pub clause: &'static str,
}

/// A value found in a field. Only fields that rules read come here, never an environment value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The field is absent.
    Absent,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(i64),
    /// A string.
    Text(String),
    /// A list of strings.
    Texts(Vec<String>),
    /// An object, of which only the presence matters.
    Present,
    /// What a rule of a policy's own says of the object as a whole.
    Told(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Texts(values) => write!(f, "{values:?}"),
            Self::Present => f.write_str("set"),
            Self::Told(message) => write!(f, "not as the rule wants: {message}"),
        }
    }
}

/// What would make the rule hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Fill a field that is absent: the one change that Podgate may make by itself. Written
    /// `set PATH to VALUE`.
    Fill(Fill),
    /// Remove a field that somebody wrote. Written `remove PATH`.
    Remove(FieldPath),
    /// Set a field that somebody wrote to another value, given as JSON. Written `set PATH to VALUE`.
    Set(FieldPath, Cow<'static, str>),
    /// What no single field settles, as an imperative sentence without a full stop.
    Advice(Cow<'static, str>),
}

/// A field that is absent, and what may be filled in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// The field. Neither it nor anything under it is written.
    pub path: FieldPath,
    /// Its value, as JSON.
    pub value: Cow<'static, str>,
    /// What may happen to a program that runs today.
    pub applicability: Applicability,
    /// Why that is so, as a sentence without a full stop.
    pub reason: Cow<'static, str>,
    /// Whether a pod on its way in can still be filled. Not so where the API server has drawn its
    /// conclusions from the absent field by then; a template or a manifest can be filled all the same.
    pub reaches_pods: bool,
}

/// What filling a field may do to a program that runs without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Applicability {
    /// It cannot tell the difference.
    Safe,
    /// It may have leaned on the default, and stop.
    Risky,
}

impl Applicability {
    /// The word in warnings and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Risky => "risky",
        }
    }
}

impl fmt::Display for Applicability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Fill {
    /// Fills `path` with `value`, which cannot change a working program, for this reason.
    pub(super) fn safe(
        path: FieldPath,
        value: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            path,
            value: value.into(),
            applicability: Applicability::Safe,
            reason: reason.into(),
            reaches_pods: true,
        }
    }

    /// Fills `path` with `value`, which may stop a program, for this reason.
    pub(super) fn risky(
        path: FieldPath,
        value: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { applicability: Applicability::Risky, ..Self::safe(path, value, reason) }
    }

    /// Whether `other` fills the same field with the same value, for whatever reason.
    #[must_use]
    pub fn repeats(&self, other: &Self) -> bool {
        self.path == other.path && self.value == other.value
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set {} to {}", self.path, self.value)
    }
}

impl Remedy {
    /// Sets the field at `path`: somebody wrote it where `written`, else it is filled as `fill` says.
    pub(super) fn set_or_fill(
        written: bool,
        path: FieldPath,
        value: impl Into<Cow<'static, str>>,
        fill: impl FnOnce(FieldPath, Cow<'static, str>) -> Fill,
    ) -> Self {
        let value = value.into();
        if written { Self::Set(path, value) } else { Self::Fill(fill(path, value)) }
    }

    /// What Podgate may fill in by itself.
    #[must_use]
    pub fn fill(&self) -> Option<&Fill> {
        match self {
            Self::Fill(fill) => Some(fill),
            _ => None,
        }
    }

    /// Why Podgate does not do it by itself, where it does not.
    #[must_use]
    pub fn why_not(&self) -> Option<&str> {
        match self {
            Self::Fill(_) => None,
            Self::Remove(_) | Self::Set(..) => {
                Some("somebody wrote it, and Podgate never overwrites")
            }
            Self::Advice(advice) => Some(advice),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fill(fill) => fill.fmt(f),
            Self::Remove(path) => write!(f, "remove {path}"),
            Self::Set(path, value) => write!(f, "set {path} to {value}"),
            Self::Advice(text) => f.write_str(text),
        }
    }
}
