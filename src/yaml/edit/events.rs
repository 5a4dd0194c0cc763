//! The places in a YAML text, from the events of the parser that reads it.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};

use super::source::{Anchors, Content, Entry, Node, Source};
use crate::yaml::node::Value;
use crate::yaml::{Limits, resolve};

/// `None` where an event is not as it was when the text was read.
pub(super) fn read(text: &str, limits: Limits) -> Option<Source<'_>> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    options.emit_anchor_events = true;
    options.flow_nesting_limit = limits.depth;
    options.block_nesting_limit = limits.depth;
    let mut builder = Builder {
        text,
        documents: Vec::new(),
        frames: Vec::new(),
        anchors: Anchors::new(),
        names: HashMap::new(),
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.ok()?;
        builder.event(event, span)?;
    }
    Some(Source::new(text, builder.documents, builder.anchors))
}

struct Builder<'t> {
    text: &'t str,
    documents: Vec<Node>,
    frames: Vec<Frame>,
    anchors: Anchors,
    /// Anchored scalars by the name that each has as a key: an alias may be a key.
    names: HashMap<usize, String>,
}

/// A list or a map whose end is still to come.
struct Frame {
    start: usize,
    anchor: usize,
    is_tagged: bool,
    is_flow: bool,
    content: Open,
}

enum Open {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Option<Key> },
}

struct Key {
    name: Option<String>,
    start: usize,
    end: usize,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let range = span.byte_range()?;
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                self.scalar(&value, style, anchor, tag.as_deref(), range)?;
            }
            Event::Anchor(number, name) => {
                let anchor = self.anchors.entry(number).or_default();
                (anchor.name, anchor.start) = (name.into_owned(), range.start);
            }
            Event::Alias(number) => self.alias(number, range)?,
            Event::SequenceStart(style, anchor, tag) => {
                // Where a list stands under its key, not under the key's column, the parser gives the
                // place of the first item's value.
                let start = match self.frames.last() {
                    Some(Frame { content: Open::Mapping { .. }, .. })
                        if style == StructureStyle::Block =>
                    {
                        self.first_of_line(range.start)
                    }
                    _ => range.start,
                };
                let content = Open::Sequence(Vec::new());
                self.open(start, style, anchor, tag.is_some(), content);
            }
            Event::MappingStart(style, anchor, tag) => {
                let content = Open::Mapping { entries: Vec::new(), key: None };
                self.open(range.start, style, anchor, tag.is_some(), content);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range.end)?,
            _ => {}
        }
        Some(())
    }

    fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        range: std::ops::Range<usize>,
    ) -> Option<()> {
        let plain = style == ScalarStyle::Plain;
        let full_tag = tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
        if self.wants_key() {
            let is_merge = match full_tag.as_deref() {
                None => plain,
                Some(tag) => tag == "tag:yaml.org,2002:merge",
            };
            let name = if value == "<<" && is_merge {
                None
            } else {
                let value = resolve::scalar(value, plain, full_tag.as_deref()).ok()?;
                let name = resolve::key_name(&value).ok()?;
                if anchor != 0 {
                    self.names.insert(anchor, name.clone());
                }
                Some(name)
            };
            return self.set_key(Key { name, start: range.start, end: range.end });
        }
        let resolved = resolve::scalar(value, plain, full_tag.as_deref()).ok()?;
        if anchor != 0
            && let Ok(name) = resolve::key_name(&resolved)
        {
            self.names.insert(anchor, name);
        }
        let (end, content) = match style {
            ScalarStyle::Plain if range.is_empty() => self.nothing(range.start, anchor),
            ScalarStyle::Literal | ScalarStyle::Folded => self.block_scalar(value, range.end),
            _ if resolved == Value::Null => (range.end, Content::Null),
            _ => (range.end, Content::Scalar { is_cut_off: false }),
        };
        let start = range.start.min(end);
        self.place(Node { start, end, anchor, is_tagged: tag.is_some(), content })
    }

    /// Where a value could be written that is not there. The parser gives the place of the colon, of
    /// what follows the dash, or, where neither is written, of whatever comes next.
    fn nothing(&self, at: usize, anchor: usize) -> (usize, Content) {
        let in_mapping = match self.frames.last() {
            Some(Frame { content: Open::Mapping { key: Some(key), .. }, .. }) => Some(key.end),
            _ => None,
        };
        match in_mapping {
            Some(_) if anchor != 0 => (at, Content::Nothing),
            Some(_) if self.text[at..].starts_with(':') => (at + 1, Content::Nothing),
            Some(key_end) => (key_end, Content::NoColon),
            None => (at, Content::Nothing),
        }
    }

    /// The end of a block scalar that the parser has read up to `read`. Blank lines that follow belong
    /// to it where they are part of its value.
    fn block_scalar(&self, value: &str, read: usize) -> (usize, Content) {
        let read_text = &self.text[..read];
        let written = read_text.trim_end().len();
        let is_cut_off = value.ends_with('\n') && !self.text[written..].contains(['\n', '\r']);
        let lines = value.trim_end_matches('\n');
        let keeps_blanks =
            value.ends_with("\n\n") || lines.ends_with([' ', '\t']) || lines.is_empty();
        let line_start = read_text.rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let end = if keeps_blanks && line_start > written {
            let before = &self.text[..line_start];
            let before = before.strip_suffix('\n').unwrap_or(before);
            before.strip_suffix('\r').unwrap_or(before).len().max(written)
        } else {
            written
        };
        (end, Content::Scalar { is_cut_off })
    }

    fn alias(&mut self, number: usize, range: std::ops::Range<usize>) -> Option<()> {
        self.anchors.entry(number).or_default().is_used = true;
        if self.wants_key() {
            let name = self.names.get(&number)?.clone();
            return self.set_key(Key { name: Some(name), start: range.start, end: range.end });
        }
        self.place(Node {
            start: range.start,
            end: range.end,
            anchor: 0,
            is_tagged: false,
            content: Content::Alias(number),
        })
    }

    fn open(
        &mut self,
        start: usize,
        style: StructureStyle,
        anchor: usize,
        is_tagged: bool,
        content: Open,
    ) {
        let is_flow = style == StructureStyle::Flow;
        self.frames.push(Frame { start, anchor, is_tagged, is_flow, content });
    }

    fn close(&mut self, at: usize) -> Option<()> {
        let Frame { start, anchor, is_tagged, is_flow, content } = self.frames.pop()?;
        let (last, content) = match content {
            Open::Sequence(items) => {
                (items.last().map(|item| item.end), Content::Sequence { is_flow, items })
            }
            Open::Mapping { entries, .. } => {
                (entries.last().map(|entry| entry.value.end), Content::Mapping { is_flow, entries })
            }
        };
        // A block ends where the parser sees that something else begins, which is further on.
        let end = if is_flow { at } else { last? };
        self.place(Node { start, end, anchor, is_tagged, content })
    }

    fn place(&mut self, node: Node) -> Option<()> {
        let Some(frame) = self.frames.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return Some(());
        };
        match &mut frame.content {
            Open::Sequence(items) => items.push(node),
            Open::Mapping { entries, key } => {
                let Key { name, start, end } = key.take()?;
                entries.push(Entry { name, key_start: start, key_end: end, value: node });
            }
        }
        Some(())
    }

    fn wants_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { content: Open::Mapping { key: None, .. }, .. }))
    }

    fn set_key(&mut self, new: Key) -> Option<()> {
        match self.frames.last_mut() {
            Some(Frame { content: Open::Mapping { key, .. }, .. }) => {
                *key = Some(new);
                Some(())
            }
            _ => None,
        }
    }

    fn first_of_line(&self, at: usize) -> usize {
        let start = self.text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let line = &self.text[start..];
        start + line.len() - line.trim_start_matches(' ').len()
    }
}
