//! What can be said of the chart without rendering it. The rest, with the real Helm, is in `e2e/tests/chart/`.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

#[path = "support/chart_values.rs"]
mod chart_values;

fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/podgate")
}

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&fs::read_to_string(chart().join(name)).unwrap()).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(chart().join("values.schema.json")).unwrap()).unwrap()
}

#[test]
fn chart_and_program_have_one_version() {
    let chart = yaml("Chart.yaml");
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_schema_knows_the_values_and_no_other() {
    let text = fs::read_to_string(chart().join("values.yaml")).unwrap();
    let documented: BTreeSet<_> =
        chart_values::documented(&text).into_iter().map(|value| value.path).collect();
    let schema = schema();
    let mut known = BTreeSet::new();
    leaves(&schema, "", &documented, &mut known);
    known.remove("global");
    assert_eq!(known, documented);
}

/// The places that the schema describes, down to those that have a comment in values.yaml. All of the objects on the way
/// must be closed.
fn leaves(schema: &Value, path: &str, documented: &BTreeSet<String>, known: &mut BTreeSet<String>) {
    let properties = schema["properties"].as_object();
    let Some(properties) = properties.filter(|_| !documented.contains(path)) else {
        known.insert(path.to_owned());
        return;
    };
    assert_eq!(schema["additionalProperties"], false, "{path} lets misspelt values through");
    for (key, property) in properties {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        leaves(property, &path, documented, known);
    }
}

#[test]
fn the_schema_knows_the_library() {
    let library: BTreeSet<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let schema = schema();
    let names = &schema["properties"]["policies"]["properties"]["library"]["items"]["enum"];
    let names: BTreeSet<_> =
        names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    assert_eq!(names, library);
}

#[test]
fn a_value_has_the_comment_above_it_and_what_is_below_it_as_its_default() {
    let text =
        "# About the file.\n\n# First. And\n# more.\na: 1\nb:\n  # Second\n  c:\n    d: {e: f}\n";
    let found: Vec<_> = chart_values::documented(text)
        .into_iter()
        .map(|value| (value.path, serde_json::to_string(&value.default).unwrap(), value.text))
        .collect();
    let expected = [("a", "1", "First. And more."), ("b.c", "{\"d\":{\"e\":\"f\"}}", "Second")];
    assert_eq!(found, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
}
