//! Comments that stand before what they speak of: above the first value of a document.

use granit_parser::{Event, Parser};

/// A comment above a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Line, from 1.
    pub line: u32,
    /// The text behind the `#`, without the white space around it.
    pub text: String,
}

/// The comments that stand above the first value of their document, in order.
///
/// What looks like one inside a string is none, and neither is one between or behind the values of a document. The text
/// is one that [`read`](super::read) takes: past an error nothing more is found.
#[must_use]
pub fn comments_above_documents(text: &str) -> Vec<Comment> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(true);
    // As many as the text has, which is bounded.
    options.max_buffered_comment_events = usize::MAX;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut comments = Vec::new();
    let mut is_above = true;
    for event in Parser::new_from_str_with_options(text, options) {
        let Ok((event, span)) = event else { break };
        match event {
            Event::Comment(text, _) if is_above => comments.push(Comment {
                line: u32::try_from(span.start.line()).unwrap_or(u32::MAX),
                text: text.trim().to_owned(),
            }),
            // Only `---` says that a document begins: what is behind the last one's values may be its own.
            Event::DocumentStart(is_explicit, _) => is_above |= is_explicit,
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                is_above = false;
            }
            _ => {}
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(u32, String)> {
        let comments = comments_above_documents(text);
        comments.into_iter().map(|comment| (comment.line, comment.text)).collect()
    }

    #[test]
    fn comments_above_a_document_are_found_with_their_lines() {
        let expected = [(1, "a".to_owned()), (4, "b".to_owned())];
        assert_eq!(found("# a\nx: 1\n---\n# b\nx: 2\n"), expected);
        assert_eq!(found("# a\r\nx: 1\r\n---\r\n# b\r\nx: 2\r\n"), expected);
        assert_eq!(found("\u{feff}# a\nx: 1\n---\n#b\nx: 2\n"), expected);
        assert_eq!(
            found("--- # a\nx: 1\n...\n---\n# b\n{x: 2}"),
            [(1, "a".to_owned()), (5, "b".to_owned())]
        );
    }

    #[test]
    fn what_is_inside_or_behind_a_document_is_not_above_the_next() {
        for text in [
            "x: |\n  # a\ny: 1\n",
            "--- |\n# a\n# b\n",
            "x: 1 # a\n# b\n---\ny: 1\n",
            "x:\n  # a\n  y: 1\n",
            "x: \"\n  # a\n  \"\n",
            "x: 1\n# a\n",
            "- x\n# a\n- y\n",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn many_comments_are_no_error() {
        let text = "# a\n".repeat(5000) + "x: 1\n---\n# b\ny: 1\n";
        assert_eq!(found(&text).len(), 5001);
    }
}
