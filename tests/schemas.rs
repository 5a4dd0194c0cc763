//! The schemas for editors say what the compiler says: they take what it takes, and refuse what it refuses for its shape.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::Path;

use jsonschema::{Registry, Validator};
use podgate::policy::{self, Options, Severity, Source, Terms};
use podgate::{cli, yaml};
use serde_json::{Value, json};

#[path = "support/commands.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod commands;
#[path = "support/markdown.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod markdown;

use markdown::{blocks, files, files_of};

/// What `docs/schema/` says of each kind, by the one schema that knows all of them.
fn validator() -> Validator {
    let mut registry = Registry::new();
    for (_, schema) in cli::schemas() {
        registry = registry.add(schema["$id"].as_str().unwrap(), schema.clone()).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let any = json!({"$ref": "https://podgate.dev/schema/podgate-v1.json"});
    jsonschema::draft7::options().with_registry(&registry).build(&any).unwrap()
}

fn documents(text: &str) -> Vec<Value> {
    let documents = yaml::read(text, yaml::Limits::default()).unwrap_or_default();
    documents.iter().map(|node| serde_json::from_str(&node.to_json()).unwrap()).collect()
}

fn options() -> Options {
    let now = "2026-11-24T00:00:00Z".parse().unwrap();
    let terms = Terms { trusted_labels: vec!["app".to_owned()], ..Terms::default() };
    Options { terms, expired: Severity::Warning, ..Options::at(now) }
}

/// Whether the compiler takes it, alone or beside the library, of whose policies an exception may be.
fn compiles(text: &str) -> bool {
    let source = Source { name: "text".to_owned(), text: text.to_owned() };
    let takes = |sources: &[Source]| policy::compile(sources, &options()).is_ok();
    let beside = [policy::embedded(), vec![source.clone()]].concat();
    !documents(text).is_empty() && (takes(&[source]) || takes(&beside))
}

/// What the schema says against a text's documents.
fn faults(validator: &Validator, text: &str) -> Vec<String> {
    let fault =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    documents(text)
        .iter()
        .flat_map(|document| validator.iter_errors(document).map(fault).collect::<Vec<_>>())
        .collect()
}

/// Texts with documents of Podgate in string literals of a source file, escapes and braces of formats resolved.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in source.split("\"apiVersion: podgate.dev/v1").skip(1) {
        let mut text = "apiVersion: podgate.dev/v1".to_owned();
        let mut chars = rest.chars();
        while let Some(c) = chars.next().filter(|c| *c != '"') {
            match (c, if c == '\\' { chars.next() } else { None }) {
                (_, Some('n')) => text.push('\n'),
                (_, Some('\n')) => {
                    let left = chars.as_str().trim_start();
                    chars = left.chars();
                }
                (_, Some(other)) => text.push(other),
                (c, None) => text.push(c),
            }
        }
        found.push(text.replace("{{", "{").replace("}}", "}"));
        found.push(text);
    }
    found
}

#[test]
fn what_the_compiler_takes_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let validator = validator();
    let mut texts = Vec::new();
    for page in files(root) {
        let blocks = blocks(&fs::read_to_string(&page).unwrap());
        texts.extend(blocks.into_iter().map(|block| (page.clone(), block.text)));
    }
    for file in files_of(root, "yaml") {
        texts.push((file.clone(), fs::read_to_string(&file).unwrap()));
    }
    for file in files_of(root, "rs") {
        let literals = literals(&fs::read_to_string(&file).unwrap());
        texts.extend(literals.into_iter().map(|text| (file.clone(), text)));
    }
    let mut taken = 0;
    for (file, text) in texts {
        let is_test = text.contains("\nkind: PolicyTest\n") && file.extension().unwrap() != "rs";
        if is_test || compiles(&text) {
            taken += 1;
            let faults = faults(&validator, &text);
            assert!(faults.is_empty(), "{}\n{text}\n{}", file.display(), faults.join("\n"));
        }
    }
    assert!(taken > 25, "only {taken} were found");
}

/// A policy with this `spec`, in flow style.
fn policy(spec: &str) -> String {
    format!("apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {{name: a}}\nspec: {spec}\n")
}

/// An exception with one thing in it changed.
fn exception(from: &str, to: &str) -> String {
    let text = "apiVersion: podgate.dev/v1
kind: PodPolicyException
metadata: {name: e}
spec:
  policy: a
  rules: [privileged]
  match: {namespaces: {include: [ci]}}
  reason: r
  owner: o
  expires: 2027-01-01T00:00:00Z
";
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

#[test]
fn what_the_compiler_refuses_for_its_shape_is_not_valid() {
    let validator = validator();
    let good = policy("{rules: [{privileged: {}}]}");
    let with_exception = |exception: &str| format!("{good}---\n{exception}");
    assert!(compiles(&with_exception(&exception("ci", "ci"))));
    assert_eq!(faults(&validator, &with_exception(&exception("ci", "ci"))), [""; 0]);
    let policies = [
        "{enforcment: Deny, rules: [{privileged: {}}]}",
        "{enforcement: deny, rules: [{privileged: {}}]}",
        "{enforcement: 1, rules: [{privileged: {}}]}",
        "{fix: safe, rules: [{privileged: {}}]}",
        "{fixIn: Pod, rules: [{privileged: {}}]}",
        "{description: asks nothing}",
        "{description: [x], rules: [{privileged: {}}]}",
        "{rules: []}",
        "{rules: {privileged: {}}}",
        "{rules: [privileged]}",
        "{rules: [{privilegd: {}}]}",
        "{rules: [{privileged: {}, hostNamespaces: {}}]}",
        "{rules: [{enforcement: Deny}]}",
        "{rules: [{privileged: {x: 1}}]}",
        "{rules: [{hostPaths: {alowed: []}}]}",
        "{rules: [{hostPaths: {allowed: /x}}]}",
        "{rules: [{images: {registries: []}}]}",
        "{rules: [{hostPaths: {readOnly: 'yes'}}]}",
        "{rules: [{runAsNonRoot: {insideUserNamespace: Maybe}}]}",
        "{rules: [{cel: {expression: 'true'}}]}",
        "{rules: [{cel: {name: Upper, expression: 'true'}}]}",
        "{rules: [{cel: {name: a, expression: ''}}]}",
        "{rules: [{cel: {name: a, expression: 'true', onError: Allow}}]}",
        "{variables: [{name: a}], rules: [{privileged: {}}]}",
        "{standard: {level: Strict}}",
        "{standard: {level: Baseline, version: 1.35}}",
        "{standard: {level: Baseline, version: v1}}",
        "{standard: {level: Baseline, except: [privilegd]}}",
        "{standard: {fromNamespaceLabels: false}}",
        "{standard: {level: Baseline, fromNamespaceLabels: true}}",
        "{standard: {fromNamespaceLabels: true, defaults: {enforce: high}}}",
        "{match: {namespaces: [a]}, rules: [{privileged: {}}]}",
        "{match: {namespaces: {include: []}}, rules: [{privileged: {}}]}",
        "{match: {namespaces: {include: [A]}}, rules: [{privileged: {}}]}",
        "{match: {requesters: {exclude: {}}}, rules: [{privileged: {}}]}",
        "{match: {requesters: {exclude: {serviceAccounts: [builder]}}}, rules: [{privileged: {}}]}",
        "{match: {podSelector: {matchLabels: {a: 1}}}, rules: [{privileged: {}}]}",
        "{match: {podSelector: {matchExpressions: [{key: a, operator: Is}]}}, rules: [{privileged: {}}]}",
        "{match: {conditions: [{name: a, expression: 'true', why: b}]}, rules: [{privileged: {}}]}",
    ];
    let others = [
        good.replace("podgate.dev/v1", "podgate.dev/v2"),
        good.replace("PodPolicy", "PodPolicies"),
        good.replace("{name: a}", "{}"),
        good.replace("{name: a}", "{name: A_B}"),
        good.replace("metadata", "metadat"),
        good.replace("spec", "specs"),
        with_exception(&exception("  owner: o\n", "")),
        with_exception(&exception("reason: r", "reason: ''")),
        with_exception(&exception("rules: [privileged]", "rules: []")),
        with_exception(&exception("{namespaces: {include: [ci]}}", "{}")),
        with_exception(&exception("{include: [ci]}}", "{include: [ci]}, containers: []}")),
        with_exception(&exception("2027-01-01T00:00:00Z", "soon")),
    ];
    for text in policies.map(policy).iter().chain(&others) {
        assert!(!compiles(text), "the compiler takes it\n{text}");
        assert!(!faults(&validator, text).is_empty(), "the schema takes it\n{text}");
    }
}

#[test]
fn a_test_that_cannot_be_read_is_not_valid() {
    let validator = validator();
    let good = "apiVersion: podgate.dev/v1
kind: PolicyTest
metadata: {name: t}
spec:
  policies: [policy.yaml]
  cases:
  - name: a
    object: {kind: Pod}
    expect: {decision: allowed, rules: [x]}
";
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemas");
    fs::create_dir_all(&folder).unwrap();
    let read = |text: &str| {
        fs::write(folder.join("test.yaml"), text).unwrap();
        commands::stderr(&commands::podgate(&folder, &["test", "test.yaml"]))
    };
    assert_eq!(faults(&validator, good), [""; 0]);
    // It is read, and its policy is not there.
    assert!(read(good).contains("policy.yaml:1:1: error: cannot be read"), "{}", read(good));
    for (from, to) in [
        ("decision: allowed", "decision: refused"),
        ("decision: allowed, ", ""),
        ("    object", "    objekt"),
        ("policies: [policy.yaml]", "policies: []"),
        ("podgate.dev/v1", "podgate.dev/v2"),
        ("[x]", "x"),
        ("{name: t}", "{}"),
        ("    object", "    time: noon\n    object"),
        ("    object", "    user: {name: a}\n    object"),
        ("    object", "    namespaceLabels: {a: 1}\n    object"),
    ] {
        let text = good.replace(from, to);
        let told = read(&text);
        assert!(told.contains("test.yaml:"), "the reader takes it: {told}\n{text}");
        assert!(!faults(&validator, &text).is_empty(), "the schema takes it\n{text}");
    }
}

/// What an editor shows where the pointer rests.
#[test]
fn every_field_is_described() {
    fn look(schema: &Value, place: &str, silent: &mut Vec<String>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let place = format!("{place}.{name}");
            if field["description"].as_str().is_none_or(str::is_empty) {
                silent.push(place.clone());
            }
            look(field, &place, silent);
            look(&field["items"], &place, silent);
        }
    }
    let mut silent = Vec::new();
    for (name, schema) in cli::schemas() {
        look(&schema, &name, &mut silent);
    }
    assert!(silent.is_empty(), "without a description: {}", silent.join(", "));
}

#[test]
fn the_library_names_a_schema_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home =
        "# yaml-language-server: $schema=https://raw.githubusercontent.com/podgate/podgate/main/";
    for folder in fs::read_dir(root.join("policies")).unwrap() {
        let file = folder.unwrap().path().join("policy.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let schema = text.lines().next().and_then(|line| line.strip_prefix(home));
        let schema = schema.unwrap_or_else(|| panic!("{} names none", file.display()));
        assert!(root.join(schema).is_file(), "{}: there is no {schema}", file.display());
    }
}
