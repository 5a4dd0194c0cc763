//! JSON with positions: `serde_json` says whether the text is JSON and what its strings and numbers
//! mean; the walk only finds where each value stands.

use std::collections::HashMap;

use serde::de::IgnoredAny;

use super::node::{Key, Node, Value};
use super::{Limits, YamlError};

pub(super) enum Failure {
    /// Not JSON at all; it may still be YAML.
    NotJson,
    /// JSON, but refused: a key twice, or a limit.
    Refused(YamlError),
}

/// Reads one JSON value after the other.
pub(super) fn read(text: &str, limits: Limits) -> Result<Vec<Node>, Failure> {
    for value in serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>() {
        value.map_err(|_| Failure::NotJson)?;
    }
    let mut walk = Walk { text, at: 0, line: 1, line_start: 0, nodes: 0, limits };
    let mut documents = Vec::new();
    loop {
        walk.space();
        if walk.peek().is_none() {
            return Ok(documents);
        }
        let node = walk.value(0)?;
        if documents.len() >= limits.documents {
            return Err(walk.refused("too many documents; split them into several files"));
        }
        if node.value != Value::Null {
            documents.push(node);
        }
    }
}

struct Walk<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    line_start: usize,
    nodes: usize,
    limits: Limits,
}

impl Walk<'_> {
    fn value(&mut self, depth: usize) -> Result<Node, Failure> {
        self.space();
        let (line, column) = self.position();
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(self.refused("the text holds too many values; split it into several files"));
        }
        if depth >= self.limits.depth && matches!(self.peek(), Some(b'{' | b'[')) {
            return Err(self.refused("lists and maps are nested too deep"));
        }
        let value = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::String(self.string()?),
            _ => self.literal()?,
        };
        Ok(Node { value, line, column })
    }

    fn map(&mut self, depth: usize) -> Result<Value, Failure> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen: HashMap<String, u32> = HashMap::new();
        self.at += 1;
        loop {
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'"') => {
                    let (line, column) = self.position();
                    let name = self.string()?;
                    if let Some(first) = seen.insert(name.clone(), line) {
                        let message = format!(
                            "key {name:?} stands twice in this map, first on line {first}; remove one of them"
                        );
                        return Err(Failure::Refused(YamlError { line, column, message }));
                    }
                    self.space();
                    self.at += 1; // the colon
                    let value = self.value(depth + 1)?;
                    entries.push((Key { name, line, column }, value));
                }
                _ => {
                    self.at += 1;
                    return Ok(Value::Mapping(entries));
                }
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Failure> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') | None => {
                    self.at += 1;
                    return Ok(Value::Sequence(items));
                }
                Some(_) => items.push(self.value(depth + 1)?),
            }
        }
    }

    fn string(&mut self) -> Result<String, Failure> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'\\') => self.at += 2,
                Some(b'"') | None => break,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let source = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(source).map_err(|error| self.refused(&error.to_string()))
    }

    fn literal(&mut self) -> Result<Value, Failure> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
            .unwrap_or(rest.len());
        let source = &rest[..length];
        // Always forward: an empty literal cannot come from text that is JSON.
        self.at += length.max(1);
        match source {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => {
                let number: serde_json::Number = serde_json::from_str(source)
                    .map_err(|error| self.refused(&error.to_string()))?;
                Ok(number
                    .as_i64()
                    .map(Value::Int)
                    .or_else(|| number.as_u64().map(Value::UInt))
                    .or_else(|| number.as_f64().map(Value::Float))
                    .unwrap_or(Value::Null))
            }
        }
    }

    fn space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line = self.line.saturating_add(1);
                    self.line_start = self.at;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                _ => return,
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Line and column, counted in bytes: JSON puts non-ASCII text only inside strings, and a node
    /// behind one on the same line is a machine's file that nobody counts columns in.
    fn position(&self) -> (u32, u32) {
        (self.line, u32::try_from(self.at - self.line_start + 1).unwrap_or(u32::MAX))
    }

    fn refused(&self, message: &str) -> Failure {
        let (line, column) = self.position();
        Failure::Refused(YamlError { line, column, message: message.to_owned() })
    }
}
