//! Where everything in a text stands: the bytes of every value, and how it is written.

use std::cell::OnceCell;
use std::collections::HashMap;

use serde::de::IgnoredAny;

use super::{events, json};
use crate::yaml::Limits;

/// A text and the places of what it holds.
pub(super) struct Source<'t> {
    pub(super) text: &'t str,
    /// The documents that hold something, counted as [`crate::yaml::read`] counts them.
    pub(super) documents: Vec<Node>,
    pub(super) anchors: Anchors,
    /// How far maps and lists are indented under their keys, where the text shows it anywhere.
    pub(super) shown_anywhere: OnceCell<(Option<usize>, Option<usize>)>,
    /// Where lines start, but for the first.
    lines: OnceCell<Vec<usize>>,
}

/// Anchors by the number that the parser gives them. No number is given twice in a text.
pub(super) type Anchors = HashMap<usize, Anchor>;

/// `&name`.
#[derive(Default)]
pub(super) struct Anchor {
    /// The name, without `&`.
    pub(super) name: String,
    /// Where it stands.
    pub(super) start: usize,
    /// Whether an alias leads to it.
    pub(super) is_used: bool,
}

/// A value. Places are offsets in bytes.
#[derive(Clone)]
pub(super) struct Node {
    /// Where it starts; anchor and tag stand before it. A block map starts at its first key.
    pub(super) start: usize,
    /// Where it ends: behind its last character, or behind the colon that nothing follows.
    pub(super) end: usize,
    /// Number of its anchor; 0 where it has none.
    pub(super) anchor: usize,
    pub(super) is_tagged: bool,
    pub(super) content: Content,
}

#[derive(Clone)]
pub(super) enum Content {
    /// Nothing is written behind the colon or the dash.
    Nothing,
    /// Not even a colon is written: `{a}`, `? a`.
    NoColon,
    /// `~`, `null`.
    Null,
    /// A scalar that is not null.
    Scalar {
        /// The text ends in it without a line break, and readers differ on whether it ends with one.
        is_cut_off: bool,
    },
    /// `*name`, by the number of the anchor.
    Alias(usize),
    Sequence {
        is_flow: bool,
        items: Vec<Node>,
    },
    Mapping {
        is_flow: bool,
        entries: Vec<Entry>,
    },
}

#[derive(Clone)]
pub(super) struct Entry {
    /// The name, as the reader gives it; `None` for the merge key.
    pub(super) name: Option<String>,
    pub(super) key_start: usize,
    pub(super) key_end: usize,
    pub(super) value: Node,
}

impl Node {
    pub(super) fn is_null(&self) -> bool {
        matches!(self.content, Content::Nothing | Content::NoColon | Content::Null)
    }

    /// The last value inside, or the value itself where it holds none.
    pub(super) fn last_leaf(&self) -> &Self {
        match &self.content {
            Content::Sequence { items, .. } => items.last().map_or(self, Self::last_leaf),
            Content::Mapping { entries, .. } => {
                entries.last().map_or(self, |entry| entry.value.last_leaf())
            }
            _ => self,
        }
    }

    pub(super) fn is_flow(&self) -> bool {
        matches!(
            self.content,
            Content::Mapping { is_flow: true, .. } | Content::Sequence { is_flow: true, .. }
        )
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Mapping { entries, .. } => entries,
            _ => &[],
        }
    }
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str, documents: Vec<Node>, anchors: Anchors) -> Self {
        Self { text, documents, anchors, shown_anywhere: OnceCell::new(), lines: OnceCell::new() }
    }

    /// Finds the places of `text`, which [`crate::yaml::read`] has read; `None` where the two do not
    /// agree on what it is.
    pub(super) fn read(text: &'t str, limits: Limits) -> Option<Self> {
        let is_json = text.trim_start().starts_with(['{', '['])
            && serde_json::Deserializer::from_str(text)
                .into_iter::<IgnoredAny>()
                .all(|value| value.is_ok());
        if is_json { json::read(text) } else { events::read(text, limits) }
    }

    /// Columns before `at` on its line.
    pub(super) fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1)
    }

    /// Where the line that `at` stands on ends, before its line break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        self.text[at..].find(['\n', '\r']).map_or(self.text.len(), |length| at + length)
    }

    /// The line break of the line that ends at `line_end`, or of the text where that is the last line.
    pub(super) fn line_break(&self, line_end: usize) -> &'static str {
        let broken = |at: usize| match self.text.as_bytes().get(at) {
            Some(b'\r') if self.text.as_bytes().get(at + 1) == Some(&b'\n') => Some("\r\n"),
            Some(b'\r') => Some("\r"),
            Some(b'\n') => Some("\n"),
            _ => None,
        };
        broken(line_end).or_else(|| broken(self.text.find(['\n', '\r'])?)).unwrap_or("\n")
    }

    /// The blanks that the line of `at` starts with.
    pub(super) fn indentation(&self, at: usize) -> &'t str {
        let line = &self.text[self.line_start(at)..at];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// Whether nothing stands before `at` on its line.
    pub(super) fn starts_line(&self, at: usize) -> bool {
        self.text[self.line_start(at)..at].trim_start_matches([' ', '\t']).is_empty()
    }

    /// Whether nothing but a comment follows `at` on its line.
    pub(super) fn ends_line(&self, at: usize) -> bool {
        let rest = &self.text[at..self.line_end(at)];
        let meaning = rest.trim_start_matches([' ', '\t']);
        meaning.is_empty() || meaning.starts_with('#')
    }

    /// The place of the first character from `at` on that is neither blank nor in a comment.
    pub(super) fn next_meaning(&self, mut at: usize) -> usize {
        loop {
            let rest = &self.text[at..];
            at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            if self.text[at..].starts_with('#') {
                at = self.line_end(at);
            } else {
                return at;
            }
        }
    }

    /// Line and column of `at`, from 1.
    pub(super) fn position(&self, at: usize) -> (u32, u32) {
        let starts = self.lines.get_or_init(|| {
            let bytes = self.text.as_bytes();
            let is_last = |at: usize| bytes[at] == b'\n' || bytes.get(at + 1) != Some(&b'\n');
            let breaks = self.text.match_indices(['\n', '\r']).filter(|(at, _)| is_last(*at));
            breaks.map(|(at, _)| at + 1).collect()
        });
        let count = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
        (count(starts.partition_point(|start| *start <= at)), count(self.column(at)))
    }
}
