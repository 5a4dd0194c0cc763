//! A field of a document, as `kubectl explain` would show it.

use std::fmt::Write as _;

use serde_json::Value;

/// How much is shown below a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The fields right below it, with what they are for.
    One,
    /// All fields, without.
    All,
}

/// The field at `path` of a document of `kind`, or the document itself where there is no path.
///
/// `version` is the document's `apiVersion`, and `schema` the JSON Schema of the field.
#[must_use]
pub fn text(kind: &str, version: &str, path: &[&str], schema: &Value, depth: Depth) -> String {
    let mut text = format!("KIND:       {kind}\nVERSION:    {version}\n");
    if let Some(name) = path.last() {
        let _ = write!(text, "\nFIELD: {name} <{}>\n", type_of(schema));
    }
    if let Some(words) = words(schema) {
        let _ = write!(text, "\nENUM:\n    {}\n", words.join("\n    "));
    }
    let _ = write!(text, "\nDESCRIPTION:\n    {}\n", description(schema));
    if !fields(schema).is_empty() {
        text.push_str("\nFIELDS:\n");
    }
    match depth {
        Depth::One => described(schema, &mut text),
        Depth::All => names(schema, "  ", &mut text),
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// The fields below one, with what they are for.
fn described(schema: &Value, text: &mut String) {
    for (name, field) in fields(schema) {
        line(schema, name, field, "  ", text);
        if let Some(words) = words(field) {
            let _ = writeln!(text, "    one of {}", words.join(", "));
        }
        let _ = writeln!(text, "    {}\n", description(field));
    }
}

/// The fields below one, and those below each of them.
fn names(schema: &Value, indent: &str, text: &mut String) {
    for (name, field) in fields(schema) {
        line(schema, name, field, indent, text);
        names(field, &format!("{indent}  "), text);
    }
}

fn line(schema: &Value, name: &str, field: &Value, indent: &str, text: &mut String) {
    let width = fields(schema).iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let required = if is_required(schema, name) { " -required-" } else { "" };
    let _ = writeln!(text, "{indent}{name:width$}  <{}>{required}", type_of(field));
}

/// The fields of an object, or of the items of a list, by name.
#[must_use]
pub fn fields(schema: &Value) -> Vec<(&str, &Value)> {
    let fields = item(schema)["properties"].as_object();
    fields.into_iter().flatten().map(|(name, field)| (name.as_str(), field)).collect()
}

/// What a list is a list of; anything else is itself.
fn item(schema: &Value) -> &Value {
    match &schema["items"] {
        Value::Null => schema,
        items => item(items),
    }
}

fn is_required(schema: &Value, name: &str) -> bool {
    item(schema)["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
}

fn description(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// The words that a field, or an item of a list, may be.
fn words(schema: &Value) -> Option<Vec<String>> {
    let schema = item(schema);
    let word = |word: &Value| word.as_str().map_or_else(|| word.to_string(), str::to_owned);
    match (&schema["const"], schema["enum"].as_array()) {
        (Value::Null, words) => words.map(|words| words.iter().map(word).collect()),
        (one, _) => Some(vec![word(one)]),
    }
}

/// The type in kubectl's words.
fn type_of(schema: &Value) -> String {
    let name = match &schema["type"] {
        // Nothing there is as good as nothing in it.
        Value::Array(types) => types.first().and_then(Value::as_str),
        name => name.as_str(),
    };
    match name {
        Some("array") => format!("[]{}", type_of(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map[string]{}", type_of(&schema["additionalProperties"]))
        }
        Some("object") => "Object".to_owned(),
        Some(name) => name.to_owned(),
        None if schema["const"].is_string() => "string".to_owned(),
        None => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_those_of_kubectl() {
        for (schema, expected) in [
            (json!({"type": "string"}), "string"),
            (json!({"type": ["object", "null"]}), "Object"),
            (json!({"type": "array", "items": {"type": "string"}}), "[]string"),
            (json!({"type": "array", "items": {"type": "object"}}), "[]Object"),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                "map[string]string",
            ),
            (json!({"type": "object", "additionalProperties": false}), "Object"),
            (json!({"const": "v1"}), "string"),
            (json!({}), "any"),
        ] {
            assert_eq!(type_of(&schema), expected, "{schema}");
        }
    }
}
