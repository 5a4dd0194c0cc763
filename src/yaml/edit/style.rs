//! How blocks are indented next to a place.

use super::source::{Content, Node, Source};

/// What is taken where a text gives no example.
const STEP: usize = 2;

/// The indentation of what stands under a key.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// Columns from a key to the map that is its value.
    pub(super) map: usize,
    /// Columns from a key to the dashes of the list that is its value.
    pub(super) list: usize,
}

impl Style {
    /// The style of the nearest map that shows one, from the inside of `trail` to its outside, and else
    /// of the text.
    pub(super) fn near(source: &Source<'_>, trail: &[&Node]) -> Self {
        let near = |what: Child| {
            (0..trail.len()).rev().find_map(|inner| {
                shown(source, trail[inner], what).or_else(|| {
                    let outer = trail[..inner].last()?;
                    indented(source, outer, trail[inner], what)
                })
            })
        };
        let map = near(Child::Map);
        let list = near(Child::List);
        let (map_anywhere, list_anywhere) = match (map, list) {
            (Some(_), Some(_)) => (None, None),
            _ => *source.shown_anywhere.get_or_init(|| {
                let first = |what| source.documents.iter().find_map(|d| search(source, d, what));
                (first(Child::Map), first(Child::List))
            }),
        };
        let map = map.or(map_anywhere).unwrap_or(STEP);
        Self { map, list: list.or(list_anywhere).unwrap_or(map) }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Child {
    Map,
    List,
}

/// How far the last value of that kind in the map `node` is indented.
fn shown(source: &Source<'_>, node: &Node, what: Child) -> Option<usize> {
    let values = node.entries().iter().rev().map(|entry| &entry.value);
    values.into_iter().find_map(|value| indented(source, node, value, what))
}

/// How far `value`, of that kind, is indented under the map that holds it.
fn indented(source: &Source<'_>, map: &Node, value: &Node, what: Child) -> Option<usize> {
    let kind = match value.content {
        Content::Mapping { is_flow: false, .. } => Child::Map,
        Content::Sequence { is_flow: false, .. } => Child::List,
        _ => return None,
    };
    if kind != what || !matches!(map.content, Content::Mapping { is_flow: false, .. }) {
        return None;
    }
    let by = source.column(value.start).checked_sub(source.column(map.start))?;
    (by > 0 || what == Child::List).then_some(by)
}

fn search(source: &Source<'_>, node: &Node, what: Child) -> Option<usize> {
    shown(source, node, what).or_else(|| match &node.content {
        Content::Mapping { entries, .. } => {
            entries.iter().find_map(|entry| search(source, &entry.value, what))
        }
        Content::Sequence { items, .. } => items.iter().find_map(|item| search(source, item, what)),
        _ => None,
    })
}
