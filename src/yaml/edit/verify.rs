//! Whether a text holds what it held, and what was added to it.

use serde_json::Value as Json;

use super::place::Addition;
use super::{Limits, Segment};
use crate::yaml::{Key, Node, Value, read};

/// Whether `text` reads as `before` does with `made` in it, and nothing else.
pub(super) fn is_as_wanted(
    before: &[Node],
    made: &[Addition<'_>],
    text: &str,
    limits: Limits,
) -> bool {
    let Ok(after) = read(text, limits) else { return false };
    let mut wanted = before.to_vec();
    for addition in made {
        let place =
            wanted.get_mut(addition.document).and_then(|document| at(document, &addition.path));
        let Some(place) = place else { return false };
        put(place, &addition.value);
    }
    after.len() == wanted.len() && after.iter().zip(&wanted).all(|(a, b)| is_same(a, b))
}

fn at<'n>(mut node: &'n mut Node, path: &[Segment]) -> Option<&'n mut Node> {
    for segment in path {
        node = match (segment, &mut node.value) {
            (Segment::Key(name), Value::Mapping(entries)) => {
                entries.iter_mut().find(|(key, _)| key.name == *name).map(|(_, value)| value)?
            }
            (Segment::Index(index), Value::Sequence(items)) => items.get_mut(*index)?,
            _ => return None,
        };
    }
    Some(node)
}

/// New members for a map, or the value of what was empty.
fn put(place: &mut Node, value: &Json) {
    match (&mut place.value, value) {
        (Value::Mapping(entries), Json::Object(members)) => {
            for (name, value) in members {
                // A merge key may have brought null.
                let known = entries.iter_mut().find(|(key, _)| key.name == *name);
                if let Some((_, known)) = known {
                    known.value = from_json(value);
                } else {
                    let key = Key { name: name.clone(), line: 0, column: 0 };
                    entries.push((key, node(value)));
                }
            }
        }
        (known, value) => *known = from_json(value),
    }
}

fn node(value: &Json) -> Node {
    Node { value: from_json(value), line: 0, column: 0 }
}

fn from_json(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number
            .as_i64()
            .map(Value::Int)
            .or_else(|| number.as_u64().map(Value::UInt))
            .or_else(|| number.as_f64().map(Value::Float))
            .unwrap_or(Value::Null),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Sequence(items.iter().map(node).collect()),
        Json::Object(members) => {
            let entry = |(name, value): (&String, &Json)| {
                (Key { name: name.clone(), line: 0, column: 0 }, node(value))
            };
            Value::Mapping(members.iter().map(entry).collect())
        }
    }
}

/// Whether two values are the same, wherever they stand.
fn is_same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Sequence(a), Value::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Mapping(a), Value::Mapping(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((a_key, a), (b_key, b))| a_key.name == b_key.name && is_same(a, b))
        }
        (a, b) => a == b,
    }
}
