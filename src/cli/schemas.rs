//! What a person writes, as JSON Schema for editors: `docs/schema/`.

use serde_json::{Value, json};

use super::test;
use crate::policy::schema::editor;

/// Where the schemas are found by their names.
const HOME: &str = "https://podgate.dev/schema";

/// The schema of each kind of document, under the name of its file, and one for files in which any of them may
/// stand.
#[must_use]
pub fn schemas() -> Vec<(String, Value)> {
    let mut schemas: Vec<_> =
        kinds().into_iter().map(|(kind, schema)| (file(kind), schema)).collect();
    schemas.push((file("podgate"), any()));
    for (name, schema) in &mut schemas {
        schema["$id"] = json!(format!("{HOME}/{name}"));
    }
    schemas
}

/// The schema of each kind of document.
fn kinds() -> [(&'static str, Value); 3] {
    [
        ("PodPolicy", editor::policy()),
        ("PodPolicyException", editor::exception()),
        ("PolicyTest", test::schema()),
    ]
}

fn file(kind: &str) -> String {
    format!("{}-v1.json", kind.to_lowercase())
}

/// The kind says which schema holds, so that an editor complains about the field that is wrong and not of
/// three kinds that do not fit.
fn any() -> Value {
    let kinds = kinds().map(|(kind, _)| kind);
    let choices = kinds.map(|kind| {
        json!({
            "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
            "then": {"$ref": file(kind)},
        })
    });
    json!({
        "$schema": editor::DRAFT,
        "title": "A document of Podgate",
        "description": "Whichever kind it is.",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": kinds, "description": "What the document is."}},
        "allOf": choices,
    })
}
