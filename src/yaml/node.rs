//! The tree that a document is read into.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// A value, as JSON knows them.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// A number that is no integer, always finite.
    Float(f64),
    /// A string.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A map in the order of the text. No name stands twice.
    Mapping(Vec<(Key, Node)>),
}

/// The key of an entry and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key; what was not a string is written as `kubectl` writes it.
    pub name: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl Node {
    /// The entry `name`, where this is a mapping that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        match &self.value {
            Value::Mapping(entries) => {
                entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The string, where this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The entries, where this is a mapping.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, where this is a sequence.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// What kind of value this is, with its article, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "empty",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::UInt(_) | Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a map",
        }
    }

    /// The node as JSON text. Integers stay integers and keys keep their order.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Cannot fail: keys are strings, numbers are finite, and a `String` takes every write.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The node at a field path such as `spec.containers[1].image` or `metadata.annotations[a.b/c]`;
    /// where the path leads out of what exists, the deepest node on it that does exist.
    ///
    /// `None` where the path is not well formed.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Node> {
        let mut node = self;
        let mut exists = true;
        let mut rest = path;
        while !rest.is_empty() {
            let (segment, bracketed, after) = split(rest)?;
            rest = after;
            if !exists {
                continue;
            }
            let next = match &node.value {
                Value::Sequence(items) if bracketed => {
                    segment.parse::<usize>().ok().and_then(|index| items.get(index))
                }
                _ => node.get(segment),
            };
            match next {
                Some(next) => node = next,
                None => exists = false,
            }
        }
        Some(node)
    }
}

/// Splits the first segment off a path: the segment, whether it stood in brackets, and the rest.
fn split(path: &str) -> Option<(&str, bool, &str)> {
    if let Some(inner) = path.strip_prefix('[') {
        let (segment, rest) = inner.split_once(']')?;
        return Some((segment, true, rest.strip_prefix('.').unwrap_or(rest)));
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (segment, rest) = path.split_at(end);
    if segment.is_empty() {
        return None;
    }
    Some((segment, false, rest.strip_prefix('.').unwrap_or(rest)))
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::UInt(value) => serializer.serialize_u64(*value),
            Value::Float(value) => serialize_float(*value, serializer),
            Value::String(value) => serializer.serialize_str(value),
            Value::Sequence(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Value::Mapping(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(&key.name, value)?;
                }
                map.end()
            }
        }
    }
}

/// Writes whole floats without a fraction, as Go does: `1e3` reaches the API server as `1000`, which
/// it takes where it wants an integer. What fits no such integer stays a float.
fn serialize_float<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0; // 2^63
    if value.fract() == 0.0 && value.abs() < TOO_LARGE {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the range")]
        return serializer.serialize_i64(value as i64);
    }
    serializer.serialize_f64(value)
}
