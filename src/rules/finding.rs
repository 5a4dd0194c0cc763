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
        }
    }
}

/// What would make the rule hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Remove a field. Written `remove PATH`.
    Remove(FieldPath),
    /// Set a field to a value, given as JSON. Written `set PATH to VALUE`.
    Set(FieldPath, Cow<'static, str>),
    /// What no single field settles, as an imperative sentence without a full stop.
    Advice(Cow<'static, str>),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove(path) => write!(f, "remove {path}"),
            Self::Set(path, value) => write!(f, "set {path} to {value}"),
            Self::Advice(text) => f.write_str(text),
        }
    }
}
