//! `metadata.managedFields` is two fifths of what an API server sends, and nothing that a decision reads.
//!
//! It is cut out before the body is read: looking for the end of a list is several times quicker than
//! reading what is in it. So what stands in it is never looked into, not even for being valid.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr_iter, memchr2_iter};

/// A quote inside a JSON string is escaped, so these bytes are a key wherever they stand. The list
/// after them tells it from a label of that name.
const KEY: &str = "\"managedFields\":[";

/// `body` with every list named `managedFields` emptied. Where it cannot tell where one ends, the list
/// stays, and reading it says what is wrong.
#[must_use]
pub fn without_managed_fields(body: &str) -> Cow<'_, str> {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(KEY));
    let mut kept = String::new();
    let mut rest = body;
    while let Some(at) = FINDER.find(rest.as_bytes()) {
        let (before, list) = rest.split_at(at + KEY.len() - 1);
        let Some(end) = end_of_list(list) else { break };
        if kept.is_empty() {
            kept.reserve(body.len());
        }
        kept.push_str(before);
        kept.push_str("[]");
        rest = list.split_at(end).1;
    }
    if kept.is_empty() {
        return Cow::Borrowed(body);
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// Where the list that `json` starts with ends.
fn end_of_list(json: &str) -> Option<usize> {
    let bytes = json.as_bytes();
    let mut strings = Strings { bytes, counted: 0, inside: false };
    let mut depth = 0_usize;
    for at in memchr2_iter(b'[', b']', bytes) {
        if strings.hold(at)? {
            continue;
        }
        depth = if bytes[at] == b'[' { depth + 1 } else { depth - 1 };
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Tells whether a place is inside a string, by the quotes before it.
struct Strings<'b> {
    bytes: &'b [u8],
    /// How far the quotes have been counted.
    counted: usize,
    inside: bool,
}

impl Strings<'_> {
    /// Whether the byte at `at` is inside a string; places are asked about in order. `None` outside of
    /// JSON: where a backslash stands outside of a string, quotes tell nothing.
    fn hold(&mut self, at: usize) -> Option<bool> {
        let part = self.bytes.get(self.counted..at)?;
        let quotes = memchr_iter(b'"', part).count();
        let mut escaped = 0;
        let mut free = 0;
        for backslash in memchr_iter(b'\\', part) {
            // The second of two backslashes is itself escaped.
            if backslash >= free {
                escaped += usize::from(part.get(backslash + 1) == Some(&b'"'));
                free = backslash + 2;
            }
        }
        self.inside ^= (quotes - escaped) % 2 == 1;
        self.counted = at;
        // Where a backslash ends the part, the bracket after it is what it escapes, which JSON has not.
        (free <= part.len()).then_some(self.inside)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_lists_of_that_name_are_emptied() {
        for (body, expected) in [
            (r#"{"managedFields":[{"f":{"a":[]}}],"b":1}"#, r#"{"managedFields":[],"b":1}"#),
            (
                r#"{"a":{"managedFields":[1]},"managedFields":[2]}"#,
                r#"{"a":{"managedFields":[]},"managedFields":[]}"#,
            ),
            (r#"{"labels":{"managedFields":"[x"}}"#, r#"{"labels":{"managedFields":"[x"}}"#),
            (r#"{"a":"{\"managedFields\":[1]}"}"#, r#"{"a":"{\"managedFields\":[1]}"}"#),
            (
                r#"{"managedFields":["]","\"]","\\",["[\\\"]"]],"b":1}"#,
                r#"{"managedFields":[],"b":1}"#,
            ),
        ] {
            assert_eq!(without_managed_fields(body), expected);
        }
    }

    #[test]
    fn a_list_without_an_end_stays() {
        for body in [
            r#"{"managedFields":["#,
            r#"{"managedFields":["]}"#,
            r#"{"managedFields":[[]}"#,
            r#"{"managedFields":[\]"#,
        ] {
            assert!(matches!(without_managed_fields(body), Cow::Borrowed(_)), "{body}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![Just("managedFields".to_owned()), r#"[\["\]\\\{a\}é]{0,6}"#];
        let leaf = prop_oneof![
            text.clone().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            Just(Value::Null)
        ];
        leaf.prop_recursive(5, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(text.clone(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The same, the slow way.
    fn emptied(value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(emptied).collect(),
            Value::Object(map) => map
                .into_iter()
                .map(|(key, value)| match value {
                    Value::Array(_) if key == "managedFields" => (key, json!([])),
                    value => (key, emptied(value)),
                })
                .collect(),
            value => value,
        }
    }

    proptest! {
        #[test]
        fn everything_else_stays_as_it_is(value in value()) {
            let body = value.to_string();
            let kept: Value = serde_json::from_str(&without_managed_fields(&body)).unwrap();
            prop_assert_eq!(kept, emptied(value));
        }

        #[test]
        fn no_body_makes_it_fail(body in r#"("managedFields":\[|[\["\]\\,é]){0,12}"#) {
            let _ = without_managed_fields(&body);
        }
    }
}
