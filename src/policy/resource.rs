//! Documents that are custom resources: named as `kubectl` names them, and written out a line a field, so that
//! errors can name a line.

use serde_json::{Value, json};

use super::compile::{API_VERSION, EXCEPTION, Source};
use crate::yaml;

/// The document of the resource `name` of `kind`, with this `spec`.
#[must_use]
pub fn resource(kind: &str, name: &str, spec: &Value) -> Source {
    let object = json!({
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    });
    Source { name: format!("{}/{name}", kind.to_lowercase()), text: yaml::write(&object) }
}

/// Whether a source of this name is a resource that holds an exception.
#[must_use]
pub fn is_exception(source: &str) -> bool {
    source.split_once('/').is_some_and(|(kind, _)| kind == EXCEPTION.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_line_and_the_name_is_kubectls() {
        let source = resource("PodPolicy", "a", &json!({"rules": [{"privileged": {}}]}));
        assert_eq!(source.name, "podpolicy/a");
        assert_eq!(
            source.text,
            "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata:\n  name: a\nspec:\n  rules:\n    - privileged: {}\n"
        );
        assert!(!is_exception(&source.name));
        assert!(is_exception("podpolicyexception/a"));
    }
}
