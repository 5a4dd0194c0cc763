//! YAML and JSON as `kubectl` reads them, with the line and column of every node.
//!
//! A checker that reads a manifest otherwise than `kubectl` does can be walked past: to a YAML 1.2
//! reader `hostNetwork: yes` is a harmless string, to the API server it is the host's network. So
//! scalars are resolved as `sigs.k8s.io/yaml` resolves them (YAML 1.1 booleans, `0777` octal,
//! merge keys), from the events of a parser that resolves nothing by itself.
//!
//! It is stricter where silence would hide something: a key that stands twice is an error.

mod comments;
mod compose;
mod edit;
mod json;
mod node;
mod resolve;
mod write;

use std::fmt;

pub use comments::{Comment, comments_above_documents};
pub use edit::{Edited, Insertion, Reason, Refusal, Segment, insert};
pub use node::{Key, Node, Value};
pub use write::write;

/// What one text may cost. Aliases are expanded, so a short text may mean a long one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Nodes in all documents, copies that aliases make included.
    pub nodes: usize,
    /// Bytes in the strings of all those nodes.
    pub expanded_bytes: usize,
    /// Mappings and sequences inside each other.
    pub depth: usize,
    /// Documents, empty ones not counted.
    pub documents: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            nodes: 250_000,
            expanded_bytes: 64 << 20,
            depth: 100,
            documents: 10_000,
        }
    }
}

/// Why a text could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for YamlError {}

/// Reads every document of `text`. Documents that hold nothing are left out.
///
/// A text that starts with `{` or `[` is read by JSON's rules first, as `kubectl` does, and as YAML
/// where it is not JSON.
///
/// # Errors
/// Where the text is neither YAML nor JSON, holds a key twice, or passes a limit.
pub fn read(text: &str, limits: Limits) -> Result<Vec<Node>, YamlError> {
    if text.len() > limits.bytes {
        return Err(YamlError {
            line: 1,
            column: 1,
            message: format!(
                "the text has {} bytes, more than the {} that are read; split it into several files",
                text.len(),
                limits.bytes
            ),
        });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with(['{', '[']) {
        return match json::read(text, limits) {
            Ok(documents) => Ok(documents),
            Err(json::Failure::Refused(error)) => Err(error),
            // YAML's flow style also starts so.
            Err(json::Failure::NotJson) => compose::read(text, limits),
        };
    }
    compose::read(text, limits)
}

#[cfg(test)]
mod tests;
