//! The definitions of the custom resources, made from what the compiler knows.

use serde_json::{Value, json};

use super::resources::{GROUP, KINDS, Kind};
use crate::policy::schema;
use crate::yaml;

/// The two definitions: the name of each one's file, and the object.
#[must_use]
pub fn definitions() -> Vec<(String, Value)> {
    KINDS.into_iter().map(|kind| (format!("{}.yaml", kind.plural), definition(kind))).collect()
}

/// The definitions as templates of the chart, which installs and upgrades them, and leaves them behind when it
/// goes: a definition that is deleted takes every policy with it.
#[must_use]
pub fn templates() -> Vec<(String, String)> {
    let template = |(name, mut object): (String, Value)| {
        object["metadata"]["annotations"]["helm.sh/resource-policy"] = json!("keep");
        let header = "{{- /* Made by `make generate`. */ -}}\n{{- if .Values.crds.install }}\n";
        (name, format!("{header}{}{{{{- end }}}}\n", yaml::write(&object)))
    };
    definitions().into_iter().map(template).collect()
}

fn definition(kind: Kind) -> Value {
    let is_policy = kind == KINDS[0];
    let (spec, description) = if is_policy {
        (schema::policy(), schema::ABOUT_POLICY)
    } else {
        (schema::exception(), schema::ABOUT_EXCEPTION)
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{GROUP}", kind.plural)},
        "spec": {
            "group": GROUP,
            "scope": "Cluster",
            "names": {
                "kind": kind.name,
                "listKind": format!("{}List", kind.name),
                "plural": kind.plural,
                "singular": kind.name.to_lowercase(),
                "shortNames": [kind.short],
                "categories": ["podgate"],
            },
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns(is_policy),
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "description": description,
                    "required": ["spec"],
                    "properties": {
                        "apiVersion": {"type": "string"},
                        "kind": {"type": "string"},
                        "metadata": {"type": "object"},
                        "spec": spec,
                        "status": status(),
                    },
                }},
            }],
        },
    })
}

fn columns(is_policy: bool) -> Value {
    let column = |name: &str, path: &str| json!({"name": name, "type": "string", "jsonPath": path});
    let condition = |name: &str, kind: &str| {
        column(name, &format!(".status.conditions[?(@.type==\"{kind}\")].status"))
    };
    let mut columns = if is_policy {
        vec![column("Enforcement", ".spec.enforcement"), column("Standard", ".spec.standard.level")]
    } else {
        vec![
            column("Policy", ".spec.policy"),
            column("Owner", ".spec.owner"),
            column("Expires", ".spec.expires"),
        ]
    };
    columns.push(condition("Compiled", "Compiled"));
    columns.push(condition("In force", "InForce"));
    columns.push(json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}));
    json!(columns)
}

fn status() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "description": "Written by podgate alone.",
        "properties": {
            "policySet": {"type": "string", "description": "The digest of the policy set that it is part of."},
            "conditions": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                "items": {
                    "type": "object",
                    "required": ["type", "status", "reason", "message", "lastTransitionTime"],
                    "properties": {
                        "type": text,
                        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                        "reason": text,
                        "message": text,
                        "lastTransitionTime": {"type": "string", "format": "date-time"},
                        "observedGeneration": {"type": "integer", "format": "int64"},
                    },
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_its_definition_between_two_actions_of_helm() {
        for ((name, text), (_, object)) in templates().into_iter().zip(definitions()) {
            let inner = text.lines().filter(|line| !line.starts_with("{{-")).collect::<Vec<_>>();
            assert_eq!(inner.len() + 3, text.lines().count(), "{name}");
            let inner = inner.join("\n");
            assert!(!inner.contains("{{"), "{name}: Helm would read it");
            let document = &yaml::read(&inner, yaml::Limits::default()).unwrap()[0];
            let mut read: Value = serde_json::from_str(&document.to_json()).unwrap();
            assert_eq!(read["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
            read["metadata"].as_object_mut().unwrap().remove("annotations");
            assert_eq!(read, object);
        }
    }
}
