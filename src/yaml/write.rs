//! JSON written as YAML, a line a field, so that an error can name a line that a person finds.

use std::fmt::Write as _;

use serde_json::Value;

use super::resolve;

/// Writes a map or a list in block style. Text that could be read as something else is quoted.
#[must_use]
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

fn block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                let _ = write!(out, "{:indent$}{}:", "", scalar(key));
                child(value, indent + 2, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                // An item's first field stands behind its dash.
                let mut inner = String::new();
                block(item, indent + 2, &mut inner);
                let _ = write!(out, "{:indent$}- {}", "", inner.trim_start_matches(' '));
            }
        }
        _ => {
            let _ = writeln!(out, "{:indent$}{}", "", flow(value));
        }
    }
}

/// What stands behind `key:` or `-`.
fn child(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            out.push('\n');
            block(value, indent, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            block(value, indent, out);
        }
        _ => {
            let _ = writeln!(out, " {}", flow(value));
        }
    }
}

/// A scalar, or a map or list with nothing in it.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// Plain where nothing in it can mean anything else; otherwise as JSON quotes it, which YAML reads the same.
pub(super) fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-'))
        && matches!(resolve::scalar(text, true, None), Ok(super::Value::String(_)));
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::{Limits, read};

    #[test]
    fn every_field_has_a_line() {
        let value = json!({"spec": {"rules": [{"privileged": {}}, {"hostPaths": {"allowed": ["/var/log"]}}], "fix": null}});
        assert_eq!(
            write(&value),
            "spec:\n  fix: null\n  rules:\n    - privileged: {}\n    - hostPaths:\n        allowed:\n          - \"/var/log\"\n"
        );
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let value = json!({
            "yes": ["yes", "no", "y", "0777", "1_000", "~", "", " a", "a: b", "a #b", "- a", "null", "1e3", "2026-01-01"],
            "deep": [[1, -2.5, true], [], {}, [[{"a.b/c": "x\ny\t\u{1}\u{2028}ü\u{1f600}\"\\"}]]],
        });
        let documents = read(&write(&value), Limits::default()).unwrap();
        let back: Value = serde_json::from_str(&documents[0].to_json()).unwrap();
        assert_eq!(back, value);
    }
}
