//! The schema of SARIF 2.1.0 as OASIS published it: the package of serde-sarif carries it, and was fetched for the tests.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What is wrong with a log by the schema; nothing, where it is right.
pub(crate) fn refusals(log: &Value) -> Vec<String> {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    schema.iter_errors(log).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn schema() -> Value {
    let arguments = ["metadata", "--format-version", "1", "--locked", "--offline"];
    let metadata = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "serde-sarif").unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let text = std::fs::read_to_string(manifest.with_file_name("src/schema.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    // A bracket too many makes it no pattern; nothing of ours names a language.
    for of in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][of]["properties"]["language"];
        assert!(language.as_object_mut().unwrap().remove("pattern").is_some());
    }
    assert!(schema["$id"].as_str().unwrap().ends_with("/sarif-schema-2.1.0.json"));
    schema
}
