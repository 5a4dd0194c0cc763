//! What a person writes, as JSON Schema for editors: `docs/schema/`.

use serde_json::{Value, json};

use super::test;
use crate::policy::schema::editor;

/// Where the schemas are found by their names.
const HOME: &str = "https://podgate.dev/schema";

/// A kind of document that a person writes.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// What else it is called, as kubectl has it: the plural, and a short name.
    pub(super) others: &'static [&'static str],
    /// The shape of a whole document.
    pub(super) schema: fn() -> Value,
}

pub(super) const KINDS: [Kind; 3] = [
    Kind { name: "PodPolicy", others: &["podpolicies", "pp"], schema: editor::policy },
    Kind {
        name: "PodPolicyException",
        others: &["podpolicyexceptions", "ppe", "exception"],
        schema: editor::exception,
    },
    Kind { name: "PolicyTest", others: &["policytests"], schema: test::schema },
];

/// The schema of each kind of document, under the name of its file, and one for files in which any of them may
/// stand.
#[must_use]
pub fn schemas() -> Vec<(String, Value)> {
    let mut schemas: Vec<_> =
        KINDS.into_iter().map(|kind| (file(kind.name), (kind.schema)())).collect();
    schemas.push((file("podgate"), any()));
    for (name, schema) in &mut schemas {
        schema["$id"] = json!(format!("{HOME}/{name}"));
    }
    schemas
}

fn file(kind: &str) -> String {
    format!("{}-v1.json", kind.to_lowercase())
}

/// The kind says which schema holds, so that an editor complains about the field that is wrong and not of
/// three kinds that do not fit.
fn any() -> Value {
    let kinds = KINDS.map(|kind| kind.name);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::crd;

    #[test]
    fn kinds_have_the_names_that_kubectl_knows() {
        for (_, definition) in crd::definitions() {
            let names = &definition["spec"]["names"];
            let kind = KINDS.into_iter().find(|kind| names["kind"] == kind.name).unwrap();
            for name in [&names["plural"], &names["shortNames"][0]] {
                assert!(kind.others.contains(&name.as_str().unwrap()), "{name}");
            }
        }
    }
}
