//! From the parser's events to nodes: aliases, merges and limits.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::node::{Key, Node, Value};
use super::{Limits, YamlError, resolve};

pub(super) fn read(text: &str, limits: Limits) -> Result<Vec<Node>, YamlError> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = limits.depth;
    options.block_nesting_limit = limits.depth;
    let mut composer = Composer {
        limits,
        documents: Vec::new(),
        frames: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        bytes: 0,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| fault(*error.marker(), error.info()))?;
        composer.event(event, span.start)?;
    }
    Ok(composer.documents)
}

struct Composer {
    limits: Limits,
    documents: Vec<Node>,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    bytes: usize,
}

/// A list or a map whose end is still to come.
struct Frame {
    anchor: usize,
    at: Marker,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, index: HashMap<String, Entry>, key: Option<PendingKey> },
}

struct Entry {
    position: usize,
    /// It came by a merge, so that the map's own key replaces it.
    merged: bool,
}

enum PendingKey {
    Name(Key),
    Merge(Marker),
}

struct Anchored {
    node: Node,
    height: usize,
    size: Size,
}

#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
}

impl Composer {
    fn event(&mut self, event: Event<'_>, at: Marker) -> Result<(), YamlError> {
        match event {
            Event::DocumentStart(_, Some(version)) if (version.major, version.minor) != (1, 1) => {
                return Err(fault(
                    at,
                    "kubectl refuses this %YAML version; remove the %YAML line".to_owned(),
                ));
            }
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style == ScalarStyle::Plain, anchor, tag.as_deref(), at)?;
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(anchor, at, Content::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, _) => {
                let content =
                    Content::Map { entries: Vec::new(), index: HashMap::new(), key: None };
                self.open(anchor, at, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(id) => self.alias(id, at)?,
            _ => {}
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        plain: bool,
        anchor: usize,
        tag: Option<&Tag>,
        at: Marker,
    ) -> Result<(), YamlError> {
        let tag = tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
        self.charge(Size { nodes: 1, bytes: text.len() }, at)?;
        // In `{!a,b c: 1}` kubectl takes the comma into the tag, and this parser ends the entry there. The
        // rest would be read otherwise than kubectl reads it, so neither reading is taken.
        if tag.is_some() && plain && text.is_empty() {
            let message = "a tag stands before nothing; write a value, or `\"\"` for an empty one";
            return Err(fault(at, message.to_owned()));
        }
        let is_merge = match tag.as_deref() {
            None => plain,
            Some(tag) => tag == "tag:yaml.org,2002:merge",
        };
        if text == "<<" && is_merge && self.wants_key() {
            self.set_key(PendingKey::Merge(at));
            return Ok(());
        }
        let value =
            resolve::scalar(text, plain, tag.as_deref()).map_err(|error| fault(at, error))?;
        self.place(node(value, at), 0, anchor, at)
    }

    fn open(&mut self, anchor: usize, at: Marker, content: Content) -> Result<(), YamlError> {
        if self.wants_key() {
            return Err(fault(at, "a key is a list or a map; only strings can be keys".to_owned()));
        }
        self.charge(Size { nodes: 1, bytes: 0 }, at)?;
        self.frames.push(Frame { anchor, at, height: 1, content });
        self.check_depth(0, at)
    }

    fn close(&mut self) -> Result<(), YamlError> {
        let Some(Frame { anchor, at, height, content }) = self.frames.pop() else {
            return Ok(());
        };
        let value = match content {
            Content::List(items) => Value::Sequence(items),
            Content::Map { entries, .. } => Value::Mapping(entries),
        };
        self.place(node(value, at), height, anchor, at)
    }

    fn alias(&mut self, id: usize, at: Marker) -> Result<(), YamlError> {
        let Some(anchored) = self.anchors.get(&id) else {
            let message = "this alias stands inside its own anchor; write the value out".to_owned();
            return Err(fault(at, message));
        };
        let (size, height) = (anchored.size, anchored.height);
        self.charge(size, at)?;
        self.check_depth(height, at)?;
        let Some(anchored) = self.anchors.get(&id) else {
            return Ok(());
        };
        let copy = node(anchored.node.value.clone(), at);
        self.place(copy, height, 0, at)
    }

    /// Puts a finished node where it belongs: into the open list or map, or on its own.
    fn place(
        &mut self,
        node: Node,
        height: usize,
        anchor: usize,
        at: Marker,
    ) -> Result<(), YamlError> {
        if anchor != 0 {
            // The copy that later aliases are made from is paid for like theirs: anchors inside
            // anchors would otherwise hold the same text once for every level.
            let size = measure(&node);
            self.charge(size, at)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), height, size });
        }
        let Some(frame) = self.frames.last_mut() else {
            if node.value != Value::Null {
                if self.documents.len() >= self.limits.documents {
                    let message = format!(
                        "more than {} documents; split them into several files",
                        self.limits.documents
                    );
                    return Err(fault(at, message));
                }
                self.documents.push(node);
            }
            return Ok(());
        };
        frame.height = frame.height.max(height + 1);
        match &mut frame.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, index, key } => match key.take() {
                None => {
                    let name = resolve::key_name(&node.value)
                        .map_err(|message| fault(at, message.to_owned()))?;
                    let (line, column) = position(at);
                    *key = Some(PendingKey::Name(Key { name, line, column }));
                }
                Some(PendingKey::Name(name)) => insert(entries, index, name, node, false)?,
                Some(PendingKey::Merge(merge)) => merge_into(entries, index, node, merge)?,
            },
        }
        Ok(())
    }

    fn wants_key(&self) -> bool {
        self.frames
            .last()
            .is_some_and(|frame| matches!(frame.content, Content::Map { key: None, .. }))
    }

    fn set_key(&mut self, pending: PendingKey) {
        if let Some(Frame { content: Content::Map { key, .. }, .. }) = self.frames.last_mut() {
            *key = Some(pending);
        }
    }

    fn check_depth(&self, height: usize, at: Marker) -> Result<(), YamlError> {
        if self.frames.len() + height <= self.limits.depth {
            return Ok(());
        }
        Err(fault(at, format!("lists and maps are nested deeper than {}", self.limits.depth)))
    }

    fn charge(&mut self, size: Size, at: Marker) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(size.nodes);
        self.bytes = self.bytes.saturating_add(size.bytes);
        let (what, limit) = if self.nodes > self.limits.nodes {
            ("values", self.limits.nodes)
        } else if self.bytes > self.limits.expanded_bytes {
            ("bytes", self.limits.expanded_bytes)
        } else {
            return Ok(());
        };
        let message = format!(
            "with its aliases expanded the text holds more than {limit} {what}; split it, or use fewer aliases"
        );
        Err(fault(at, message))
    }
}

/// Puts an entry into a map. The last one wins over what a merge brought, as in `kubectl`, whichever
/// side it stands on; a name that the map itself writes twice is an error.
fn insert(
    entries: &mut Vec<(Key, Node)>,
    index: &mut HashMap<String, Entry>,
    key: Key,
    value: Node,
    merged: bool,
) -> Result<(), YamlError> {
    if let Some(entry) = index.get_mut(&key.name) {
        if !merged && !entry.merged {
            let first = &entries[entry.position].0;
            let message = format!(
                "key {:?} stands twice in this map, first on line {}; remove one of them",
                key.name, first.line
            );
            return Err(YamlError { line: key.line, column: key.column, message });
        }
        entry.merged &= merged;
        entries[entry.position] = (key, value);
        return Ok(());
    }
    index.insert(key.name.clone(), Entry { position: entries.len(), merged });
    entries.push((key, value));
    Ok(())
}

fn merge_into(
    entries: &mut Vec<(Key, Node)>,
    index: &mut HashMap<String, Entry>,
    node: Node,
    at: Marker,
) -> Result<(), YamlError> {
    match node.value {
        Value::Mapping(merged) => {
            for (key, value) in merged {
                insert(entries, index, key, value, true)?;
            }
            Ok(())
        }
        // The first of several maps wins.
        Value::Sequence(maps) if maps.iter().all(|map| matches!(map.value, Value::Mapping(_))) => {
            for map in maps.into_iter().rev() {
                merge_into(entries, index, map, at)?;
            }
            Ok(())
        }
        _ => Err(fault(at, "`<<` merges a map or a list of maps, and this is neither".to_owned())),
    }
}

fn measure(node: &Node) -> Size {
    let add = |a: Size, b: Size| Size { nodes: a.nodes + b.nodes, bytes: a.bytes + b.bytes };
    let one = Size { nodes: 1, bytes: 0 };
    match &node.value {
        Value::String(text) => Size { nodes: 1, bytes: text.len() },
        Value::Sequence(items) => items.iter().map(measure).fold(one, add),
        Value::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| add(Size { nodes: 1, bytes: key.name.len() }, measure(value)))
            .fold(one, add),
        _ => one,
    }
}

fn node(value: Value, at: Marker) -> Node {
    let (line, column) = position(at);
    Node { value, line, column }
}

fn position(at: Marker) -> (u32, u32) {
    let clamp = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    (clamp(at.line()), clamp(at.col() + 1))
}

fn fault(at: Marker, message: String) -> YamlError {
    let (line, column) = position(at);
    YamlError { line, column, message }
}
