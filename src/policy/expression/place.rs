//! Where a place of an expression stands in the YAML that it was written in.

use super::super::reader::Place;

/// The place in `text` of the byte `at` of `expression`, whose scalar starts at `start`.
///
/// A scalar may be plain, quoted, or a block; lines may have been folded and indented. What is read is found
/// again by going through both, character for character: only white space and the quotes' escapes differ.
pub(super) fn of(text: &str, start: Place, expression: &str, at: usize) -> Place {
    let Some(from) = offset(text, start) else { return start };
    let from = from + if is_in_block(text, from) { 0 } else { header(&text[from..]) };
    let mut source = text[from..].char_indices().peekable();
    let mut place = from;
    for (index, wanted) in expression.char_indices() {
        if wanted.is_whitespace() {
            while source.next_if(|(_, c)| c.is_whitespace()).is_some() {}
        } else {
            let Some((found, _)) = source.find(|(_, c)| *c == wanted) else { return start };
            place = from + found;
        }
        if index >= at {
            break;
        }
    }
    if at >= expression.len() {
        // Behind the last character.
        place += text[place..].chars().next().map_or(0, char::len_utf8);
    }
    position(text, place)
}

/// The length of what stands before a scalar's content: a quote, or a block's header.
fn header(scalar: &str) -> usize {
    match scalar.as_bytes().first() {
        Some(b'|' | b'>') => scalar.find('\n').map_or(scalar.len(), |end| end + 1),
        Some(b'\'' | b'"') => 1,
        _ => 0,
    }
}

/// Whether the content of a block starts here: the line before is its header, or empty.
fn is_in_block(text: &str, at: usize) -> bool {
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let header = before[..start].lines().rev().find(|line| !line.trim().is_empty());
    let header = header.map(|line| line.split(" #").next().unwrap_or_default().trim_end());
    let is_header = |line: &str| {
        line.trim_end_matches(|c: char| c.is_ascii_digit() || "+-".contains(c))
            .ends_with(['|', '>'])
    };
    before[start..].trim().is_empty() && header.is_some_and(is_header)
}

fn offset(text: &str, place: Place) -> Option<usize> {
    let line = usize::try_from(place.line.checked_sub(1)?).ok()?;
    let column = usize::try_from(place.column.checked_sub(1)?).ok()?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let within = text[start..].char_indices().nth(column)?.0;
    Some(start + within)
}

fn position(text: &str, at: usize) -> Place {
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let line = number(before.matches('\n').count() + 1);
    Place { line, column: number(before[start..].chars().count() + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where `needle` of the expression stands, for each way to write it.
    fn place(yaml: &str, needle: &str) -> (u32, u32) {
        let node = &crate::yaml::read(yaml, crate::yaml::Limits::default()).unwrap()[0];
        let node = node.get("e").unwrap();
        let expression = node.as_str().unwrap();
        let at = expression.find(needle).unwrap();
        let place = of(yaml, Place::from(node), expression, at);
        (place.line, place.column)
    }

    #[test]
    fn a_place_is_found_in_every_style() {
        assert_eq!(place("e: a.b == foo\n", "foo"), (1, 11));
        assert_eq!(place("e: 'a == ''x'' || foo'\n", "foo"), (1, 19));
        assert_eq!(place("e: \"a == \\\"x\\\" || foo\"\n", "foo"), (1, 19));
        assert_eq!(place("e: |\n  a.b &&\n    foo\n", "foo"), (3, 5));
        assert_eq!(place("e: |-\n\n  a.b &&\n  foo", "foo"), (4, 3));
        assert_eq!(place("e: >-\n  a.b &&\n  c\n  || foo\n", "foo"), (4, 6));
        assert_eq!(place("e: a.b\n  && foo\n", "foo"), (2, 6));
        assert_eq!(place("e: |- # why\n  'a' == foo\n", "foo"), (2, 10));
        assert_eq!(place("e:\n  'a == foo'\n", "foo"), (2, 9));
        assert_eq!(place("{\"e\": \"a.b == foo\"}", "foo"), (1, 15));
        assert_eq!(place("e: \"é == 'ü' || foo\"\n", "foo"), (1, 17));
    }

    #[test]
    fn the_end_of_an_expression_is_behind_it() {
        let place = of("e: a +\n", Place { line: 1, column: 4 }, "a +", 3);
        assert_eq!((place.line, place.column), (1, 7));
    }
}
