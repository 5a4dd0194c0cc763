//! Policies of the values arrive in the `ConfigMap` as they were written.

use e2e::podgate_compiles;
use serde_json::{Value, json};

use crate::{object, refusal, render};

fn library(name: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    std::fs::read_to_string(root.join(name).join("policy.yaml")).unwrap()
}

fn files(values: &Value) -> Value {
    object(&render(values), "ConfigMap", "podgate-policies")["data"].clone()
}

#[test]
fn the_library_is_taken_by_name_byte_for_byte() {
    let names = ["baseline", "hardened", "restricted", "shared-kernel"];
    let files = files(&json!({"policies": {"library": names}}));
    assert_eq!(files.as_object().unwrap().len(), names.len());
    for name in names {
        assert_eq!(files[format!("{name}.yaml")], library(name), "{name}");
    }
}

/// Pain 17: what was stored was not what was written, so that `GitOps` never came to rest.
#[test]
fn texts_are_kept_byte_for_byte() {
    let awkward = [
        "a: 1",
        "a: 1\n",
        "a: 1\n\n\n",
        "\n\na: 1\n",
        "  indented: first\nthen: not\n",
        "tab:\t\"x\"   \ntrailing: spaces   \n",
        "\u{feff}bom: true\r\nwindows: yes\r\n",
        "{{ .Values.notATemplate }}\n",
        "# only a comment\n",
        "quote: \"'\\\"\\\\n\"\nunicode: \"é ✓ \u{1f512}\"\n---\nsecond: document\n...\n",
        "<html>&amp;</html>\n",
        " \n",
        "no",
        "0440",
    ];
    for text in awkward {
        let files = files(&json!({"policies": {"library": [], "documents": {"mine": text}}}));
        assert_eq!(files, json!({"mine.yaml": text}));
    }
}

#[test]
fn an_object_becomes_a_document_that_compiles() {
    let policy = json!({
        "apiVersion": "podgate.dev/v1",
        "kind": "PodPolicy",
        "metadata": {"name": "mine"},
        "spec": {"description": "No host namespaces.", "enforcement": "Deny", "rules": [{"hostNamespaces": {}}]},
    });
    let files = files(&json!({"policies": {"documents": {"mine": policy}}}));
    let text = files["mine.yaml"].as_str().unwrap();
    assert_eq!(e2e::yaml_objects(text).unwrap(), [policy]);
    // All of them together are a complete set for the program itself.
    let texts: Vec<_> =
        files.as_object().unwrap().values().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(texts.len(), 3);
    podgate_compiles(&texts).unwrap();
}

#[test]
fn one_name_twice_or_none_at_all_is_refused() {
    let said = refusal(&json!({"policies": {"documents": {"baseline": "a: 1"}}}));
    assert!(
        said.contains("policies.documents.baseline: policies.library holds that name too"),
        "{said}"
    );
    let said = refusal(&json!({"policies": {"library": []}}));
    assert!(said.contains("nothing would be in force"), "{said}");
}
