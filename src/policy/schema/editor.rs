//! The same shape for editors: JSON Schema of whole documents.
//!
//! The API server keeps fields that it does not know, so that the compiler can refuse them. An editor marks them
//! while they are typed.

use serde_json::{Map, Value, json};

use super::super::compile::{API_VERSION, DOCUMENT, EXCEPTION, METADATA, POLICY};
use super::{ABOUT_EXCEPTION, ABOUT_POLICY, described};

/// The draft that editors know best.
pub const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// A `PodPolicy`, whole.
#[must_use]
pub fn policy() -> Value {
    document(POLICY, ABOUT_POLICY, &super::policy())
}

/// A `PodPolicyException`, whole.
#[must_use]
pub fn exception() -> Value {
    document(EXCEPTION, ABOUT_EXCEPTION, &super::exception())
}

fn document(kind: &str, about: &str, spec: &Value) -> Value {
    let mut properties = Map::new();
    for field in DOCUMENT {
        let schema = match *field {
            "apiVersion" => {
                described(json!({"const": API_VERSION}), "The version of the document.")
            }
            "kind" => described(json!({"const": kind}), "What the document is."),
            "metadata" => metadata(),
            "spec" => described(spec.clone(), about),
            _ => json!({"type": "object", "description": "Written by podgate alone."}),
        };
        properties.insert((*field).to_owned(), schema);
    }
    let mut schema = json!({
        "$schema": DRAFT,
        "title": kind,
        "description": about,
        "type": "object",
        "additionalProperties": false,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": properties,
    });
    strict(&mut schema);
    schema
}

fn metadata() -> Value {
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let mut properties = Map::new();
    for field in METADATA {
        let schema = match *field {
            "name" => json!({
                "type": "string",
                "maxLength": 253,
                "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
                "description": "Names the document: lower case letters, digits, '-' and '.'.",
            }),
            "labels" => described(texts.clone(), "Labels, as on any object."),
            "annotations" => described(texts.clone(), "Annotations, as on any object."),
            _ => json!({"description": "Written by the API server."}),
        };
        properties.insert((*field).to_owned(), schema);
    }
    json!({
        "type": "object",
        "description": "The document's name, and what Kubernetes keeps beside it.",
        "additionalProperties": false,
        "required": ["name"],
        "properties": properties,
    })
}

/// Turns what only the API server understands into JSON Schema.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.remove("x-kubernetes-preserve-unknown-fields").is_some() {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            if fields.remove("nullable").is_some()
                && let Some(known) = fields.get_mut("type")
            {
                *known = json!([known, "null"]);
            }
            fields.values_mut().for_each(strict);
        }
        Value::Array(items) => items.iter_mut().for_each(strict),
        _ => {}
    }
}
