//! Members put into a YAML or JSON text, with only the needed lines touched.
//!
//! Nothing that is written is overwritten, moved or formatted anew: comments, order, quoting, anchors,
//! line breaks and indentation stay as they are, and what is new looks like what stands around it. A
//! place whose change would reach further than the insertion says, as one that an alias leads to,
//! is refused with the reason.
//!
//! Security note: the text is read again before it is handed out. Where that gives anything else
//! than the documents as they were with exactly the new members in them, the insertion is refused. An
//! editor that is unsure must not write.

mod block;
mod events;
mod flow;
mod json;
mod place;
mod refusal;
mod source;
mod style;
mod verify;

use std::ops::Range;

use place::Addition;
pub use refusal::{Reason, Refusal};
use source::Source;

use super::{Limits, Node, YamlError, read};

/// A member to be put into a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Insertion {
    /// Which document of the text, from 0, as [`read`] counts them.
    pub document: usize,
    /// Where: it ends in the name of a member that is absent, null or empty. Maps on the way to it that
    /// are absent are made.
    pub path: Vec<Segment>,
    /// What to put there.
    pub value: serde_json::Value,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Into a map, by the name of a member.
    Key(String),
    /// Into a list, by the number of an item, from 0.
    Index(usize),
}

/// A text after insertions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The text. It is the one that was given, byte by byte, where nothing could be inserted.
    pub text: String,
    /// The insertions that were not made, in their order.
    pub refused: Vec<Refusal>,
}

/// Puts `insertions` into `text`. Those that cannot be made are told, and do not keep the others out.
///
/// # Errors
/// Where the text itself cannot be read.
pub fn insert(text: &str, insertions: &[Insertion], limits: Limits) -> Result<Edited, YamlError> {
    let all: Vec<(usize, &Insertion)> = insertions.iter().enumerate().collect();
    let mut edited = Edited { text: text.to_owned(), refused: Vec::new() };
    insert_into(&mut edited, &all, limits)?;
    edited.refused.sort_by_key(|refusal| refusal.insertion);
    Ok(edited)
}

/// Makes insertions in the text that others may have been made in. Where one of them spoils it for all,
/// the halves are tried, so that it is found among thousands.
fn insert_into(
    edited: &mut Edited,
    insertions: &[(usize, &Insertion)],
    limits: Limits,
) -> Result<(), YamlError> {
    let documents = read(&edited.text, limits)?;
    let next = attempt(&edited.text, &documents, insertions, limits);
    if next.is_unsure() && insertions.len() > 1 {
        let (first, second) = insertions.split_at(insertions.len() / 2);
        insert_into(edited, first, limits)?;
        return insert_into(edited, second, limits);
    }
    edited.text = next.text;
    edited.refused.extend(next.refused);
    Ok(())
}

impl Edited {
    fn is_unsure(&self) -> bool {
        self.refused.iter().any(|refusal| refusal.reason == Reason::Unsure)
    }
}

/// Puts all of `insertions` in that can be, or none where the result does not read as it should.
fn attempt(
    text: &str,
    documents: &[Node],
    insertions: &[(usize, &Insertion)],
    limits: Limits,
) -> Edited {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let unsure = |refused: Vec<Refusal>| {
        let known = |number| refused.iter().any(|refusal: &Refusal| refusal.insertion == number);
        let others = insertions.iter().filter(|(number, _)| !known(*number));
        let others = others.map(|(number, _)| Refusal::unsure(*number)).collect::<Vec<_>>();
        Edited { text: text.to_owned(), refused: [refused, others].concat() }
    };
    let Some(source) = Source::read(bare, limits) else {
        return unsure(Vec::new());
    };
    let (additions, mut refused) = place::find(&source, documents, insertions);
    let mut edits = Vec::new();
    let mut made = Vec::new();
    for addition in additions {
        match edits_of(&source, &addition) {
            Ok(new) => {
                edits.extend(new);
                made.push(addition);
            }
            Err((at, reason)) => refused.extend(addition.refuse(&source, at, &reason)),
        }
    }
    if made.is_empty() {
        return Edited { text: text.to_owned(), refused };
    }
    let Some(new) = apply(bare, edits) else { return unsure(refused) };
    // What was not looked at, as the mark at the start, comes from the text as it was given.
    let new = format!("{}{new}", &text[..text.len() - bare.len()]);
    if verify::is_as_wanted(documents, &made, &new, limits) {
        Edited { text: new, refused }
    } else {
        unsure(refused)
    }
}

/// One change of the text: the bytes that go, and what comes there.
struct Edit {
    range: Range<usize>,
    text: String,
    /// How deep the place lies. Of two edits at one place the deeper is the first in the text.
    depth: usize,
}

fn edits_of(source: &Source<'_>, addition: &Addition<'_>) -> Result<Vec<Edit>, (usize, Reason)> {
    if addition.is_in_block() {
        block::edits(source, addition)
    } else {
        flow::edits(source, addition)
    }
}

/// Applies edits; `None` where two of them touch each other.
fn apply(text: &str, mut edits: Vec<Edit>) -> Option<String> {
    edits.sort_by_key(|edit| (edit.range.start, std::cmp::Reverse(edit.depth)));
    let mut out = String::with_capacity(text.len() + 64 * edits.len());
    let mut done = 0;
    for edit in edits {
        out.push_str(text.get(done..edit.range.start)?);
        out.push_str(&edit.text);
        done = edit.range.end;
    }
    out.push_str(text.get(done..)?);
    Some(out)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
