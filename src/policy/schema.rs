//! The shape of the documents as a structural schema (`OpenAPI`), for the API server: what the compiler would
//! refuse is refused there, as far as a schema can tell.
//!
//! Fields that are not known are kept (`x-kubernetes-preserve-unknown-fields`), so that the compiler can refuse
//! them: dropped in silence, a misspelt field would leave a policy that says something else than its author wrote.

pub mod editor;

use serde_json::{Map, Value, json};

use super::expression::OnError;
use super::standard::{Level, Version, checks};
use super::{Enforcement, Fix, FixIn};
use super::{document, expression, pod_security};
use crate::rules::{self, Parameter, PodSecurityLevel, Rule, Shape};

/// What a `PodPolicy` is.
pub const ABOUT_POLICY: &str = "What pods must be, and what happens where they are not.";
/// What a `PodPolicyException` is.
pub const ABOUT_EXCEPTION: &str =
    "Rules of a policy that some workloads may break: for a reason, by an owner, until a day.";

/// The schema of a `PodPolicy`'s `spec`.
#[must_use]
pub fn policy() -> Value {
    let mut spec = object(&[
        ("description", text("What the policy is for.")),
        ("enforcement", enforcement("What a violation leads to. Default Deny.")),
        ("fix", fix("How much of what is absent is filled in on the way in. Default Never.")),
        ("fixIn", fix_in()),
        ("match", described(policy_match(), "Which pods the policy is about; absent, every pod.")),
        (
            "variables",
            described(
                list(named("An expression in CEL; it may name the variables before it.")),
                "Expressions with names, for the conditions and rules of the policy: variables.NAME.",
            ),
        ),
        ("standard", standard()),
        (
            "rules",
            described(
                at_least_one(list(entry())),
                "Rules beside the standard's; one that the standard has too replaces it.",
            ),
        ),
    ]);
    spec["anyOf"] = json!([{"required": ["standard"]}, {"required": ["rules"]}]);
    spec
}

/// The schema of a `PodPolicyException`'s `spec`.
#[must_use]
pub fn exception() -> Value {
    let ids: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
    // A built-in rule, or one of a policy's own.
    let excepted = json!({
        "type": "string",
        "anyOf": [{"enum": ids}, {"maxLength": 63, "pattern": OWN_NAME}],
    });
    let mut spec = object(&[
        ("policy", filled("The policy whose rules may be broken.")),
        ("rules", described(at_least_one(list(excepted)), "The rules that may be broken.")),
        ("match", described(exception_match(), "Which workloads may break them.")),
        ("reason", filled("Why.")),
        ("owner", filled("Who answers for it.")),
        (
            "expires",
            json!({"type": "string", "format": "date-time", "description": "From when on it covers nothing."}),
        ),
    ]);
    spec["required"] = json!(["policy", "rules", "match", "reason", "owner", "expires"]);
    spec
}

fn policy_match() -> Value {
    let mut fields = matching();
    let conditions = described(
        list(named("An expression in CEL that gives true or false.")),
        "What must hold besides; one that is false leaves the object out.",
    );
    fields.push((document::CONDITIONS, conditions));
    object(&fields)
}

/// An expression with a name.
fn named(description: &str) -> Value {
    let mut named = object(&[("name", filled("Its name.")), ("expression", filled(description))]);
    named["required"] = json!(expression::NAMED);
    named
}

fn exception_match() -> Value {
    let mut fields = matching();
    let any: Vec<Value> = fields.iter().map(|(name, _)| json!({"required": [name]})).collect();
    let containers = described(
        at_least_one(list(name())),
        "Names of containers; [\"*\"] is all of them and the pod's own fields.",
    );
    fields.push(("containers", containers));
    let mut schema = object(&fields);
    schema["anyOf"] = json!(any);
    schema
}

fn matching() -> Vec<(&'static str, Value)> {
    let account = json!({"type": "string", "pattern": "^[a-z0-9*-]+/[a-z0-9.*-]+$"});
    let free = json!({"type": "string", "minLength": 1, "pattern": "^[^?\\[{]+$"});
    let mut requesters = object(&[
        ("users", described(list(free.clone()), "Names of users; the one wildcard is *.")),
        ("groups", described(list(free), "Names of groups; the one wildcard is *.")),
        ("serviceAccounts", described(list(account), "As namespace/name; the one wildcard is *.")),
    ]);
    let any = ["users", "groups", "serviceAccounts"].map(|name| json!({"required": [name]}));
    requesters["anyOf"] = json!(any);
    vec![
        (
            "namespaces",
            described(sides(&at_least_one(list(name()))), "Names; the one wildcard is *."),
        ),
        ("namespaceSelector", described(selector(), "Labels of the namespace.")),
        ("podSelector", described(selector(), "Labels of the pod, which its author chooses.")),
        ("requesters", described(sides(&requesters), "Who sends the request.")),
    ]
}

fn sides(side: &Value) -> Value {
    object(&[
        ("include", described(side.clone(), "These and no others.")),
        ("exclude", described(side.clone(), "All but these.")),
    ])
}

fn selector() -> Value {
    let operators = ["In", "NotIn", "Exists", "DoesNotExist"];
    let mut expression = object(&[
        ("key", filled("The label.")),
        (
            "operator",
            json!({"type": "string", "enum": operators, "description": "How its value is compared."}),
        ),
        ("values", described(list(json!({"type": "string"})), "The values of In and NotIn.")),
    ]);
    expression["required"] = json!(["key", "operator"]);
    let labels = json!({"type": "object", "additionalProperties": {"type": "string"}});
    object(&[
        ("matchLabels", described(labels, "Labels and the value that each must have.")),
        ("matchExpressions", described(list(expression), "What must hold of labels besides.")),
    ])
}

fn standard() -> Value {
    let levels = ["Baseline", "Restricted", "baseline", "restricted"];
    let mut ids: Vec<&str> = [Level::Baseline, Level::Restricted]
        .into_iter()
        .flat_map(|level| checks(level, Version::Latest))
        .map(|active| active.rule.id)
        .chain(rules::ALL.iter().filter(|rule| is_check(rule)).map(|rule| rule.id))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let mut standard = object(&[
        ("level", json!({"type": "string", "enum": levels, "description": "Its level."})),
        ("version", version()),
        (
            "except",
            described(list(json!({"type": "string", "enum": ids})), "Checks that are left out."),
        ),
        (
            "fromNamespaceLabels",
            json!({"type": "boolean", "enum": [true], "description": "The namespace's pod-security.kubernetes.io labels say what holds."}),
        ),
        ("defaults", described(defaults(), "What holds where a namespace has no label for it.")),
        ("exemptions", described(exemptions(), "Whom Pod Security lets pass unseen.")),
    ]);
    standard["oneOf"] = json!([{"required": ["level"]}, {"required": ["fromNamespaceLabels"]}]);
    described(standard, "A Pod Security Standard.")
}

fn version() -> Value {
    let pattern = "^(latest|v1\\.(0|[1-9][0-9]*))$";
    json!({"type": "string", "pattern": pattern, "description": "Of Kubernetes; default latest."})
}

fn defaults() -> Value {
    let levels = ["privileged", "baseline", "restricted", "Privileged", "Baseline", "Restricted"];
    let level = |what: &str| {
        let description = format!("The level that {what}; default privileged.");
        json!({"type": "string", "enum": levels, "description": description})
    };
    let [enforce, enforce_version, audit, audit_version, warn, warn_version] =
        pod_security::DEFAULTS;
    object(&[
        (enforce, level("pods must keep")),
        (enforce_version, version()),
        (audit, level("is audited")),
        (audit_version, version()),
        (warn, level("is warned of")),
        (warn_version, version()),
    ])
}

fn exemptions() -> Value {
    let names = list(json!({"type": "string", "minLength": 1}));
    let names = described(names, "Names, compared whole; pods of theirs are not judged.");
    object(&pod_security::EXEMPTIONS.map(|field| (field, names.clone())))
}

fn is_check(rule: &Rule) -> bool {
    rule.pod_security.as_ref().is_some_and(|check| {
        matches!(check.level, PodSecurityLevel::Baseline | PodSecurityLevel::Restricted)
    })
}

/// An entry of `rules`: one rule, and what is said of it.
fn entry() -> Value {
    let beside = [
        ("enforcement", enforcement("Of this rule; default the policy's.")),
        ("fix", fix("For this rule; default the policy's.")),
    ];
    let built_in = rules::ALL.iter().map(|rule| (rule.id, arguments(rule)));
    let fields: Vec<(&str, Value)> =
        built_in.chain([(document::CEL, own_rule())]).chain(beside).collect();
    let mut entry = object(&fields);
    let ids = rules::ALL.iter().map(|rule| rule.id).chain([document::CEL]);
    let one: Vec<Value> = ids.map(|id| json!({"required": [id]})).collect();
    entry["oneOf"] = json!(one);
    entry
}

/// The name of a rule of a policy's own.
const OWN_NAME: &str = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$";

/// What stands under `cel`.
fn own_rule() -> Value {
    let name = json!({
        "type": "string",
        "maxLength": 63,
        "pattern": OWN_NAME,
        "description": "The rule's name in answers, records and exceptions.",
    });
    let mut rule = object(&[
        ("name", name),
        ("expression", filled("What must hold, in CEL.")),
        ("message", text("What is told where it does not hold.")),
        ("messageExpression", text("The same as an expression that gives a string.")),
        ("remedy", text("What would be right.")),
        (
            "onError",
            json!({
                "type": "string",
                "enum": OnError::ALL.map(OnError::as_str),
                "description": "What is taken where it cannot be evaluated. Default Deny.",
            }),
        ),
    ]);
    rule["required"] = json!(["name", "expression"]);
    described(rule, "A rule of the policy's own, in CEL.")
}

/// What may stand under a rule's name.
fn arguments(rule: &Rule) -> Value {
    let fields: Vec<(&str, Value)> =
        rule.parameters.iter().map(|parameter| (parameter.name, argument(parameter))).collect();
    let mut arguments = object(&fields);
    if fields.is_empty() {
        arguments["maxProperties"] = json!(0);
    }
    arguments["nullable"] = json!(true);
    described(arguments, rule.title)
}

fn argument(parameter: &Parameter) -> Value {
    let schema = match parameter.shape {
        Shape::Bool => json!({"type": "boolean"}),
        Shape::OneOf(words) => json!({"type": "string", "enum": words}),
        Shape::Texts => list(json!({"type": "string"})),
        Shape::Globs => at_least_one(list(json!({"type": "string", "minLength": 1}))),
        Shape::SomeOf(words) => list(json!({"type": "string", "enum": words})),
    };
    described(schema, parameter.doc)
}

fn enforcement(description: &str) -> Value {
    let words = Enforcement::ALL.map(Enforcement::as_str);
    json!({"type": "string", "enum": words, "description": description})
}

fn fix(description: &str) -> Value {
    json!({"type": "string", "enum": Fix::ALL.map(Fix::as_str), "description": description})
}

fn fix_in() -> Value {
    let words = FixIn::ALL.map(FixIn::as_str);
    let description = "Whether templates of workloads are filled in too. Default Pods.";
    json!({"type": "string", "enum": words, "description": description})
}

fn name() -> Value {
    json!({"type": "string", "pattern": "^[a-z0-9*-]+$"})
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn filled(description: &str) -> Value {
    json!({"type": "string", "minLength": 1, "pattern": "\\S", "description": description})
}

fn list(items: Value) -> Value {
    let mut list = json!({"type": "array"});
    list["items"] = items;
    list
}

fn at_least_one(mut list: Value) -> Value {
    list["minItems"] = json!(1);
    list
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = json!(description);
    schema
}

fn object(fields: &[(&str, Value)]) -> Value {
    let mut schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    if !fields.is_empty() {
        let properties: Map<String, Value> =
            fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
        schema["properties"] = Value::Object(properties);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{exception as exceptions, matcher};

    fn fields(schema: &Value) -> Vec<&str> {
        let mut fields: Vec<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        fields
    }

    fn sorted<'f>(fields: impl IntoIterator<Item = &'f &'f str>) -> Vec<&'f str> {
        let mut fields: Vec<&str> = fields.into_iter().copied().collect();
        fields.sort_unstable();
        fields
    }

    #[test]
    fn schema_and_compiler_know_the_same_fields() {
        let policy = policy();
        assert_eq!(fields(&policy), sorted(document::SPEC));
        assert_eq!(fields(&policy["properties"]["standard"]), sorted(document::STANDARD));
        let conditions = [document::CONDITIONS];
        let matching = matcher::FIELDS.iter().chain(&conditions);
        assert_eq!(fields(&policy["properties"]["match"]), sorted(matching));
        let entry = &policy["properties"]["rules"]["items"];
        let ids: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
        let cel = [document::CEL];
        assert_eq!(fields(entry), sorted(ids.iter().chain(&cel).chain(&document::BESIDE_RULE)));
        assert_eq!(fields(&entry["properties"]["cel"]), sorted(expression::RULE));
        assert_eq!(fields(&policy["properties"]["variables"]["items"]), sorted(expression::NAMED));
        let exception = exception();
        assert_eq!(fields(&exception), sorted(exceptions::SPEC));
        assert_eq!(
            fields(&exception["properties"]["match"]),
            sorted(matcher::FIELDS.iter().chain(&["containers"]))
        );
    }

    #[test]
    fn a_rule_takes_what_its_parameters_say() {
        let policy = policy();
        let rules = &policy["properties"]["rules"]["items"]["properties"];
        for rule in rules::ALL {
            let schema = &rules[rule.id];
            let names: Vec<&str> = rule.parameters.iter().map(|p| p.name).collect();
            if names.is_empty() {
                assert_eq!(schema["maxProperties"], 0, "{}", rule.id);
            } else {
                assert_eq!(fields(schema), sorted(&names), "{}", rule.id);
            }
        }
        assert_eq!(rules["hostPaths"]["properties"]["readOnly"]["type"], "boolean");
    }
}
