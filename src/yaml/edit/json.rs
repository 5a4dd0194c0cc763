//! The places in a JSON text. `serde_json` has read it before, so the walk need not judge it.

use super::source::{Anchors, Content, Entry, Node, Source};

/// `None` where the text is not JSON after all.
pub(super) fn read(text: &str) -> Option<Source<'_>> {
    let mut walk = Walk { text, at: 0 };
    let mut documents = Vec::new();
    loop {
        walk.space();
        if walk.peek().is_none() {
            return Some(Source::new(text, documents, Anchors::new()));
        }
        let node = walk.value()?;
        if !node.is_null() {
            documents.push(node);
        }
    }
}

struct Walk<'t> {
    text: &'t str,
    at: usize,
}

impl Walk<'_> {
    /// The reader bounds how deep values lie inside each other.
    fn value(&mut self) -> Option<Node> {
        self.space();
        let start = self.at;
        let content = match self.peek()? {
            b'{' => self.map()?,
            b'[' => self.list()?,
            b'"' => {
                self.string()?;
                Content::Scalar { is_cut_off: false }
            }
            _ => self.literal()?,
        };
        Some(Node { start, end: self.at, anchor: 0, is_tagged: false, content })
    }

    fn map(&mut self) -> Option<Content> {
        let mut entries = Vec::new();
        self.at += 1;
        loop {
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b'"' => {
                    let key_start = self.at;
                    let name = Some(self.string()?);
                    let key_end = self.at;
                    self.space();
                    self.at += 1; // the colon
                    let value = self.value()?;
                    entries.push(Entry { name, key_start, key_end, value });
                }
                _ => {
                    self.at += 1;
                    return Some(Content::Mapping { is_flow: true, entries });
                }
            }
        }
    }

    fn list(&mut self) -> Option<Content> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(Content::Sequence { is_flow: true, items });
                }
                _ => items.push(self.value()?),
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_str(self.text.get(start..self.at)?).ok()
    }

    fn literal(&mut self) -> Option<Content> {
        let rest = self.text.get(self.at..)?;
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
            .unwrap_or(rest.len());
        if length == 0 {
            return None;
        }
        self.at += length;
        let is_null = &rest[..length] == "null";
        Some(if is_null { Content::Null } else { Content::Scalar { is_cut_off: false } })
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}
