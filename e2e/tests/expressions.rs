//! The referee of CEL: every expression of `expressions/`, as Kubernetes 1.33 to 1.37 evaluate it and as Podgate does.
//!
//! Podgate speaks the language of 1.37, so what an older version refuses to compile counts as introduced later;
//! a value that differs between versions would be a difference.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use e2e::oracle;
use podgate::cel::{Activation, Environment, Fault, Memory, Program, Root, Session, Type};
use serde::Deserialize;
use serde_json::{Value, json};

const CORE: &str = include_str!("expressions/core.txt");
const PAGE: &str = include_str!("../../docs/cel.md");
const LIBRARY: &str = include_str!("expressions/library.txt");

/// The version whose language Podgate speaks.
const NEWEST: &str = "1.37";

/// Where Podgate means to differ, and why; `docs/cel.md` has the same list.
const DIFFERENCES: &[(&str, &str)] = &[
    ("google.protobuf.Duration{}", "no types are made by name"),
    ("null < null", "refused when it is loaded, since it can only fail"),
    ("'%f'.format(['a'])", "refused when it is loaded, since it can only fail"),
    (
        "string(timestamp('2020-01-01T02:00:00+02:00'))",
        "a timestamp is written in UTC, whatever it was read in",
    ),
    ("'abc'.matches('a{1001}')", "a pattern may repeat something more than a thousand times"),
    ("[dyn(1), dyn('a')].isSorted()", "what has no order is an error, and not in order"),
    ("[dyn(1), dyn('a')].max()", "what has no order is an error, and not the first of them"),
    ("[?dyn(1)]", "upstream's checker panics"),
    ("{?'a': dyn(1)}", "upstream's checker panics"),
];

#[derive(Debug, Deserialize)]
struct Answer {
    expression: String,
    outcomes: BTreeMap<String, Outcome>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Outcome {
    /// `value`, `compile` or `error`.
    kind: String,
    /// The value, or what is said.
    text: String,
}

fn expressions() -> impl Iterator<Item = &'static str> {
    [CORE, LIBRARY]
        .into_iter()
        .flat_map(str::lines)
        .filter(|line| !line.starts_with("# ") && !line.is_empty())
}

#[test]
fn every_expression_is_evaluated_as_kubernetes_does() {
    let mut questions = Vec::new();
    for expression in expressions() {
        let mut question = inputs();
        question["expression"] = json!(expression);
        serde_json::to_writer(&mut questions, &question).unwrap();
        questions.push(b'\n');
    }
    let (mut seen, mut values, mut listed) = (0, 0, 0);
    let mut differences = Vec::new();
    oracle::evaluate(&questions, |line| {
        let answer: Answer = serde_json::from_str(line)?;
        let theirs = answer.outcomes.get(NEWEST).context("the newest version is asked")?;
        let ours = evaluate(&answer.expression)?;
        seen += 1;
        values += usize::from(theirs.kind == "value");
        let known = DIFFERENCES.iter().any(|(expression, _)| *expression == answer.expression);
        listed += usize::from(known);
        let older = answer.outcomes.values().filter(|o| {
            o.kind != "compile" && o.kind != theirs.kind || o.kind == "value" && *o != theirs
        });
        let differs = !agree(&ours, theirs) || (theirs.kind != "compile" && older.count() > 0);
        if differs != known {
            differences.push(format!(
                "{}\n  ours:   {} {}\n  theirs: {} {}",
                answer.expression,
                ours.kind,
                ours.text,
                theirs.kind,
                theirs.text.replace('\n', " ")
            ));
        }
        Ok(())
    })
    .unwrap();
    println!("{seen} expressions, {values} with a value, {listed} differ by intent");
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    assert!(seen >= 600 && values >= 400, "{seen} expressions, {values} values");
    assert_eq!(listed, DIFFERENCES.len(), "a difference that is listed is not asked");
    for (expression, why) in DIFFERENCES {
        assert!(
            PAGE.contains(&format!("| `{expression}` | {why} |")),
            "docs/cel.md does not tell of {expression}"
        );
    }
}

/// The words of errors are each engine's own. What upstream finds while it plans, it may find while it evaluates.
fn agree(ours: &Outcome, theirs: &Outcome) -> bool {
    match (ours.kind.as_str(), theirs.kind.as_str()) {
        // A URL is shown as it was written, and taken apart by functions that are asked here as well.
        ("value", "value") if ours.text.starts_with("url(") => theirs.text.starts_with("url("),
        ("value", "value") => ours.text == theirs.text,
        ("compile" | "error", "plan") => true,
        (ours, theirs) => ours == theirs,
    }
}

/// What expressions read.
fn inputs() -> Value {
    json!({
        "object": {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "web",
                "namespace": "payments",
                "labels": {"app": "web", "app.kubernetes.io/name": "web"},
                "finalizers": ["a", "b"],
            },
            "spec": {
                "containers": [
                    {"name": "app", "image": "registry.example.com/app:1.2", "securityContext": {"privileged": true}},
                    {"name": "side", "image": "registry.example.com/side:1.0"},
                ],
            },
            "count": 3,
            "ratio": 1.5,
            "big": 9_223_372_036_854_775_807_i64,
            "huge": 18_446_744_073_709_551_615_u64,
        },
        "oldObject": null,
        "request": {
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
            "requestResource": {"group": "", "version": "v1", "resource": "pods"},
            "name": "web",
            "namespace": "payments",
            "operation": "CREATE",
            "userInfo": {"username": "ana", "uid": "1", "groups": ["dev", "system:authenticated"]},
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
        "namespaceObject": {"metadata": {"name": "payments", "labels": {"team": "pay"}}},
    })
}

fn evaluate(expression: &str) -> Result<Outcome> {
    let outcome = |kind: &str, text: String| Outcome { kind: kind.to_owned(), text };
    let inputs = inputs();
    let (object, request) = (inputs["object"].to_string(), inputs["request"].to_string());
    let program = match Program::compile(expression, &Environment::default(), &Type::Dyn) {
        Ok(program) => program,
        Err(problems) => {
            let first = problems.first().context("a problem")?;
            return Ok(outcome(
                "compile",
                format!("{}: {} ({})", first.at, first.message, first.help),
            ));
        }
    };
    let memory = Memory::default();
    let labels = [("team".to_owned(), "pay".to_owned())];
    let activation = Activation {
        object: Some(&object),
        request: Some(&request),
        namespace: Some("payments"),
        namespace_labels: Some(&labels),
        roots: &Root::OF_POD_POLICY,
        ..Activation::default()
    };
    let session = Session::new(&memory, activation, &|_| false);
    let outcome = match program.evaluate(&session.scope(&[], None)) {
        Ok(answer) => outcome("value", answer.to_string()),
        Err(Fault::Error(text)) => outcome("error", text),
        Err(fault) => outcome("bound", fault.to_string()),
    };
    Ok(outcome)
}
