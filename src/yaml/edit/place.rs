//! Where insertions belong: the map that each goes into, or the empty value that it fills.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::source::{Anchor, Content, Entry, Node, Source};
use super::{Insertion, Reason, Refusal, Segment};
use crate::yaml;

/// What is to be written at one place.
pub(super) struct Addition<'s> {
    pub(super) document: usize,
    /// The way to the place.
    pub(super) path: Vec<Segment>,
    /// The collections that hold the place, the document's own first; never empty.
    pub(super) trail: Vec<&'s Node>,
    pub(super) kind: Kind<'s>,
    /// The new members of a map, or the value that fills what is empty.
    pub(super) value: Json,
    /// The insertions that this makes.
    numbers: Vec<usize>,
}

#[derive(Clone, Copy)]
pub(super) enum Kind<'s> {
    /// Members for the last map of the trail.
    Members,
    /// A value for this entry of the last map of the trail, whose value is null or empty.
    Fill(&'s Entry),
}

impl<'s> Addition<'s> {
    /// The map that holds the place.
    pub(super) fn map(&self) -> &'s Node {
        self.trail[self.trail.len() - 1]
    }

    /// Whether the map that holds the place is in block style.
    pub(super) fn is_in_block(&self) -> bool {
        !self.map().is_flow()
    }

    /// Refuses all insertions of this addition.
    pub(super) fn refuse<'a>(
        &'a self,
        source: &'a Source<'_>,
        at: usize,
        reason: &'a Reason,
    ) -> impl Iterator<Item = Refusal> + 'a {
        let refuse = move |number: &usize| Refusal::new(*number, source, at, reason.clone());
        self.numbers.iter().map(refuse)
    }
}

/// Gathers insertions by place, and refuses those that have none.
pub(super) fn find<'s>(
    source: &'s Source<'_>,
    documents: &[yaml::Node],
    insertions: &[(usize, &Insertion)],
) -> (Vec<Addition<'s>>, Vec<Refusal>) {
    let mut additions: BTreeMap<(usize, Vec<Segment>), Addition<'s>> = BTreeMap::new();
    let mut refused = Vec::new();
    for &(number, insertion) in insertions {
        let document = insertion.document;
        let roots = source.documents.get(document).zip(documents.get(document));
        let Some((root, read)) = roots else {
            refused.push(Refusal::nowhere(number, Reason::NoDocument));
            continue;
        };
        let mut found = match walk(source, root, read, insertion) {
            Ok(found) => found,
            Err((At::Byte(at), reason)) => {
                refused.push(Refusal::new(number, source, at, reason));
                continue;
            }
            Err((At::Position(line, column), reason)) => {
                refused.push(Refusal { insertion: number, line, column, reason });
                continue;
            }
        };
        found.numbers.push(number);
        let at = found.map().start;
        match additions.entry((document, found.path.clone())) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(found);
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                let known = place.get_mut();
                if merge(&mut known.value, found.value) {
                    known.numbers.push(number);
                } else {
                    refused.push(Refusal::new(number, source, at, Reason::Contradiction));
                }
            }
        }
    }
    (additions.into_values().collect(), refused)
}

/// Puts `new` beside what is in `known`; false, and nothing done, where they contradict each other.
fn merge(known: &mut Json, new: Json) -> bool {
    fn agree(known: &Json, new: &Json) -> bool {
        match (known, new) {
            (Json::Object(known), Json::Object(new)) => new
                .iter()
                .all(|(name, value)| known.get(name).is_none_or(|known| agree(known, value))),
            (known, new) => known == new,
        }
    }
    fn put(known: &mut Json, new: Json) {
        if let (Json::Object(known), Json::Object(new)) = (known, new) {
            for (name, value) in new {
                match known.get_mut(&name) {
                    Some(known) => put(known, value),
                    None => {
                        known.insert(name, value);
                    }
                }
            }
        }
    }
    let agreed = agree(known, &new);
    if agreed {
        put(known, new);
    }
    agreed
}

enum At {
    Byte(usize),
    Position(u32, u32),
}

/// Follows a path through the text and, beside it, through what was read of it: only the second knows
/// what aliases and merge keys bring.
fn walk<'s>(
    source: &Source<'_>,
    root: &'s Node,
    read: &yaml::Node,
    insertion: &Insertion,
) -> Result<Addition<'s>, (At, Reason)> {
    let Insertion { document, path, value } = insertion;
    if !matches!(path.last(), Some(Segment::Key(_))) {
        return Err((At::Byte(root.start), Reason::NoMember));
    }
    let (mut node, mut read) = (root, read);
    let mut trail = Vec::new();
    let mut entry = None;
    let addition = |trail, kind, depth: usize, value| Addition {
        document: *document,
        path: path[..depth].to_vec(),
        trail,
        kind,
        value,
        numbers: Vec::new(),
    };
    for (depth, segment) in path.iter().enumerate() {
        may_change(source, node)?;
        let here = || At::Byte(node.start);
        if let (true, Some(entry)) = (node.is_null(), entry) {
            let value =
                nest(&path[depth..], value.clone()).ok_or_else(|| (here(), Reason::NoPlace))?;
            return Ok(addition(trail, Kind::Fill(entry), depth, value));
        }
        match (segment, &node.content) {
            (Segment::Index(number), Content::Sequence { items, .. }) => {
                let read_items = read.as_sequence().unwrap_or_default();
                let next = items.get(*number).zip(read_items.get(*number));
                let (item, read_item) = next.ok_or_else(|| (here(), Reason::NoPlace))?;
                trail.push(node);
                (node, read, entry) = (item, read_item, None);
            }
            (Segment::Key(name), Content::Mapping { entries, .. }) => {
                trail.push(node);
                let own = entries.iter().find(|entry| entry.name.as_deref() == Some(name));
                match (own, read.get(name)) {
                    (Some(own), Some(read_value)) => {
                        (node, read, entry) = (&own.value, read_value, Some(own));
                    }
                    (None, Some(merged)) if merged.value != yaml::Value::Null => {
                        let is_last = depth + 1 == path.len();
                        let reason = if is_last { Reason::Written } else { Reason::Merge };
                        return Err((At::Position(merged.line, merged.column), reason));
                    }
                    (None, _) => {
                        let members = nest(&path[depth..], value.clone())
                            .ok_or_else(|| (here(), Reason::NoPlace))?;
                        let members = addition(trail, Kind::Members, depth, members);
                        return Ok(fill_or_add(members, entry));
                    }
                    (Some(_), None) => return Err((here(), Reason::Unsure)),
                }
            }
            _ => return Err((here(), Reason::NoPlace)),
        }
    }
    may_change(source, node)?;
    let written = || (At::Byte(node.start), Reason::Written);
    let own = entry.ok_or_else(written)?;
    match (&node.content, value) {
        (Content::Mapping { entries, .. }, Json::Object(_)) if entries.is_empty() => {}
        (Content::Sequence { items, .. }, Json::Array(_)) if items.is_empty() => {}
        _ if node.is_null() => {}
        _ => return Err(written()),
    }
    Ok(addition(trail, Kind::Fill(own), path.len(), value.clone()))
}

/// Members for an empty map that an entry holds fill that entry.
fn fill_or_add<'s>(mut addition: Addition<'s>, entry: Option<&'s Entry>) -> Addition<'s> {
    if let Some(entry) = entry
        && addition.map().entries().is_empty()
        && addition.trail.len() > 1
    {
        addition.trail.pop();
        addition.kind = Kind::Fill(entry);
    }
    addition
}

/// Whether a change in `node` stays there.
fn may_change(source: &Source<'_>, node: &Node) -> Result<(), (At, Reason)> {
    let number = if let Content::Alias(number) = node.content { number } else { node.anchor };
    let Some(Anchor { name, start, is_used: true }) = source.anchors.get(&number) else {
        return Ok(());
    };
    let anchor = name.clone();
    let reason = if matches!(node.content, Content::Alias(_)) {
        Reason::Alias { anchor, line: source.position(*start).0 }
    } else {
        Reason::Anchor { anchor }
    };
    Err((At::Byte(node.start), reason))
}

/// `{a: {b: value}}` for the path `a.b`; `None` where the path leads into a list.
fn nest(path: &[Segment], value: Json) -> Option<Json> {
    path.iter().rev().try_fold(value, |value, segment| match segment {
        Segment::Key(name) => Some(Json::Object([(name.clone(), value)].into_iter().collect())),
        Segment::Index(_) => None,
    })
}
