//! The small pieces that Pod Security Admission's sentences are made of.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::finding::{Finding, Found};
use super::unicode::is_unknown_to_go;
use crate::pod::Subject;

/// `one` for a count of one, else `many`.
pub(super) fn plural<'w>(count: usize, one: &'w str, many: &'w str) -> &'w str {
    if count == 1 { one } else { many }
}

/// Each item between double quotes, joined by `, `. Items are not escaped: upstream does not.
pub(super) fn quoted<I: AsRef<str>>(items: impl IntoIterator<Item = I>) -> String {
    let mut text = String::new();
    for item in items {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push('"');
        text.push_str(item.as_ref());
        text.push('"');
    }
    text
}

/// The strings found, sorted by bytes, each once. An absent field reads as the empty string.
pub(super) fn values<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> BTreeSet<&'f str> {
    findings.into_iter().map(text).collect()
}

/// The string found; empty where the field is absent.
pub(super) fn text(finding: &Finding) -> &str {
    match &finding.found {
        Found::Text(text) => text,
        _ => "",
    }
}

/// The names of the containers that findings lead into, in the order of the findings.
///
/// A container is its place, not its name: two containers of one name are both listed.
pub(super) fn containers<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<&'f str> {
    let mut names = Vec::new();
    let mut last = None;
    for finding in findings {
        if let Subject::Container { list, index, name } = finding.path.subject() {
            // Findings of one container stand together, so the last one is enough to compare with.
            if last.replace((*list, *index)) != Some((*list, *index)) {
                names.push(name.as_str());
            }
        }
    }
    names
}

/// `container "a"` or `containers "a", "b"`.
pub(super) fn name_containers(names: &[&str]) -> String {
    format!("{} {}", plural(names.len(), "container", "containers"), quoted(names))
}

/// Who set the values found: `pod`, the containers, or `pod and containers …`.
pub(super) fn setters<'f>(findings: impl IntoIterator<Item = &'f Finding> + Clone) -> String {
    let pod = findings.clone().into_iter().any(|finding| *finding.path.subject() == Subject::Pod);
    let names = containers(findings);
    match (pod, names.is_empty()) {
        (true, true) => "pod".to_owned(),
        (true, false) => format!("pod and {}", name_containers(&names)),
        (false, _) => name_containers(&names),
    }
}

/// The annotations found, as `key="value"`, sorted, each once.
pub(super) fn annotations<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<String> {
    let texts: BTreeSet<_> = findings
        .into_iter()
        .filter_map(|finding| {
            let key = finding.path.field().strip_prefix("annotations[")?.strip_suffix(']')?;
            Some(format!("{key}={}", go_quoted(text(finding))))
        })
        .collect();
    texts.into_iter().collect()
}

/// A string as Go's `%q` writes it.
pub(super) fn go_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            c if is_printable(c) => quoted.push(c),
            c => {
                let code = u32::from(c);
                // Writing to a `String` cannot fail.
                let _ = match code {
                    0..0x80 => write!(quoted, "\\x{code:02x}"),
                    0x80..0x1_0000 => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Whether Go would print `c` as it is: letters, marks, numbers, punctuation, symbols and the space.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    // The standard library keeps its table to itself, but shows it in `escape_debug`. Only the first
    // character of a string is escaped for being a combining mark, hence the letter before it.
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().count() == 2 && !is_unknown_to_go(c)
}

#[cfg(test)]
mod tests {
    use super::{go_quoted, plural, quoted};

    #[test]
    fn items_are_quoted_without_escaping() {
        assert_eq!(quoted(["a", "b\"c"]), r#""a", "b"c""#);
        assert_eq!(quoted(Vec::<&str>::new()), "");
    }

    #[test]
    fn only_one_is_singular() {
        assert_eq!([0, 1, 2].map(|n| plural(n, "port", "ports")), ["ports", "port", "ports"]);
    }

    #[test]
    fn strings_are_quoted_as_go_does() {
        for (text, expected) in [
            ("unconfined", r#""unconfined""#),
            ("", r#""""#),
            ("a\"b\\c'd", r#""a\"b\\c'd""#),
            ("\x07\x08\x0c\n\r\t\x0b", r#""\a\b\f\n\r\t\v""#),
            ("\0\x1b\x7f", r#""\x00\x1b\x7f""#),
            ("é漢🙂", "\"é漢🙂\""),
            ("\u{200b}", r#""\u200b""#),
            ("\u{a0}\u{ad}\u{85}", r#""\u00a0\u00ad\u0085""#),
            ("\u{301}", "\"\u{301}\""),
            ("\u{fffd}", "\"\u{fffd}\""),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            assert_eq!(go_quoted(text), expected);
        }
    }
}
