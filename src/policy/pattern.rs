//! Names with `*` in them: the one wildcard, for any run of characters. Everything else is literal,
//! so that nobody has to know which of a glob's signs mean something in a user's name.

use super::reader::Reporter;
use crate::yaml::Node;

/// One name or pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(String);

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can only match itself.
    pub(super) fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        // `split` gives at least one part.
        let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
            return false;
        };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        // The leftmost place for each part leaves the most room for the others.
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}

/// What the names of a field look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Lower case letters, digits and `-`: namespaces and containers.
    Label,
    /// `namespace/name` of a service account.
    ServiceAccount,
    /// Users and groups: anything.
    Free,
}

/// Takes a list of patterns and reports those that can match no name.
pub(super) fn patterns(
    report: &mut Reporter,
    items: &[(&Node, &str)],
    path: &str,
    names: Names,
) -> Vec<Pattern> {
    for (index, (node, text)) in items.iter().enumerate() {
        let label = |text: &str, dots: bool| {
            !text.is_empty()
                && text.bytes().all(|byte| {
                    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'*') || dots && byte == b'.'
                })
        };
        let help = match names {
            Names::Label if !label(text, false) => {
                "a name has lower case letters, digits and '-'; the one wildcard is '*'"
            }
            Names::ServiceAccount
                if !text
                    .split_once('/')
                    .is_some_and(|(ns, name)| label(ns, false) && label(name, true)) =>
            {
                "write it as namespace/name; the one wildcard is '*'"
            }
            Names::Free if text.is_empty() => "write a name; the one wildcard is '*'",
            Names::Free if text.contains(['?', '[', '{']) => "the one wildcard is '*'",
            _ => continue,
        };
        report.error(*node, &format!("{path}[{index}]"), format!("{text:?} matches nothing"), help);
    }
    items.iter().map(|(_, text)| Pattern::new(text)).collect()
}

pub(super) fn any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}
