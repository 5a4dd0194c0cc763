//! Why a member is not inserted.

use std::fmt;

use super::source::Source;

/// An insertion that was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which of the insertions that were given, from 0.
    pub insertion: usize,
    /// Line of what stands in the way, from 1; 0 where no line is to blame.
    pub line: u32,
    /// Column, from 1; 0 where no line is to blame.
    pub column: u32,
    /// Why.
    pub reason: Reason,
}

/// Why an insertion was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Something is written there, and it stays.
    Written,
    /// Another insertion puts something else there.
    Contradiction,
    /// The text has no such document.
    NoDocument,
    /// The path ends in no member of a map.
    NoMember,
    /// What is to hold the member is no map, or the list on the way has no such item.
    NoPlace,
    /// The place comes by an alias.
    Alias {
        /// Name of the anchor.
        anchor: String,
        /// Line of the anchor.
        line: u32,
    },
    /// The place comes by a merge key, `<<`.
    Merge,
    /// The place carries an anchor that is used elsewhere.
    Anchor {
        /// Name of the anchor.
        anchor: String,
    },
    /// It is null by a tag.
    Tagged,
    /// The text ends in a block scalar, without a line break.
    CutOff,
    /// It is written in a way that this editor does not know.
    Unknown,
    /// The text would not read as it should.
    Unsure,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written => f.write_str("something is written there, and it is never overwritten"),
            Self::Contradiction => f.write_str("two different values are to be put there"),
            Self::NoDocument => f.write_str("there is no such document"),
            Self::NoMember => f.write_str("the path does not end in the name of a member"),
            Self::NoPlace => f.write_str("there is no map to put it into"),
            Self::Alias { anchor, line } => write!(
                f,
                "it comes by the alias *{anchor}, and a change at its anchor, on line {line}, would reach further; write it at the anchor or write the alias out"
            ),
            Self::Merge => f.write_str(
                "it comes by a merge key, and a member of its own would hide what is merged; write it where it is merged from",
            ),
            Self::Anchor { anchor } => write!(
                f,
                "it carries the anchor &{anchor}, and a change would reach every *{anchor}; write it by hand where that is meant"
            ),
            Self::Tagged => f.write_str("a tag says that it is null; remove the tag"),
            Self::CutOff => f.write_str(
                "the text ends in a block scalar without a line break; add the line break",
            ),
            Self::Unknown => f.write_str("it is written in a way that is not edited; write it by hand"),
            Self::Unsure => {
                f.write_str("the text would not read as it should afterwards; write it by hand")
            }
        }
    }
}

impl Refusal {
    pub(super) fn new(insertion: usize, source: &Source<'_>, at: usize, reason: Reason) -> Self {
        let (line, column) = source.position(at);
        Self { insertion, line, column, reason }
    }

    pub(super) fn nowhere(insertion: usize, reason: Reason) -> Self {
        Self { insertion, line: 0, column: 0, reason }
    }

    pub(super) fn unsure(insertion: usize) -> Self {
        Self::nowhere(insertion, Reason::Unsure)
    }
}
