//! Tests over a catalogue of made-up rules, so that they hold whatever the real ones are.

mod compile;
mod expressions;
mod matching;
mod property;

use jiff::Timestamp;

use super::compile::{Catalogue, compile_with};
use super::standard::{ActiveCheck, Level, Version};
use super::{MatchInput, Options, PolicySet, Problem, Source, Terms};
use crate::pod::{Kind, Object, PodView, Text};
use crate::rules::{Check, Finding, Parameter, PodSecurityCheck, PodSecurityLevel, Rule, Shape};

#[derive(Debug)]
struct Silent;

impl Check for Silent {
    fn check(&self, _: &PodView<'_>, _: &mut Vec<Finding>) {}
}

const fn rule(
    id: &'static str,
    parameters: &'static [Parameter],
    pod_security: Option<PodSecurityCheck>,
) -> Rule {
    Rule {
        id,
        title: "",
        reads: &[],
        allows: "",
        why: "",
        fix: "",
        fills: "",
        controls: &[],
        parameters,
        build: |_| Box::new(Silent),
        pod_security,
    }
}

const fn of(level: PodSecurityLevel, replaces: Option<&'static str>) -> PodSecurityCheck {
    PodSecurityCheck {
        level,
        revisions: &[0],
        replaces,
        build: |_| Box::new(Silent),
        explain: |_| (String::new(), String::new()),
    }
}

static HOST_PATHS: Rule = rule(
    "hostPaths",
    &[
        Parameter { name: "allowed", shape: Shape::Texts, doc: "" },
        Parameter { name: "mode", shape: Shape::OneOf(&["ReadOnly", "Any"]), doc: "" },
        Parameter { name: "kinds", shape: Shape::SomeOf(&["File", "Socket"]), doc: "" },
        Parameter { name: "strict", shape: Shape::Bool, doc: "" },
    ],
    None,
);
static HOST_PATH_VOLUMES: Rule =
    rule("hostPathVolumes", &[], Some(of(PodSecurityLevel::Baseline, None)));
static PRIVILEGED: Rule = rule("privileged", &[], Some(of(PodSecurityLevel::Baseline, None)));
static RESTRICTED_VOLUMES: Rule =
    rule("restrictedVolumes", &[], Some(of(PodSecurityLevel::Restricted, Some("hostPathVolumes"))));
static RUN_AS_NON_ROOT: Rule =
    rule("runAsNonRoot", &[], Some(of(PodSecurityLevel::Restricted, None)));

static RULES: &[&Rule] =
    &[&HOST_PATHS, &HOST_PATH_VOLUMES, &PRIVILEGED, &RESTRICTED_VOLUMES, &RUN_AS_NON_ROOT];

fn checks(level: Level, _: Version) -> Vec<ActiveCheck> {
    let rules: &[&'static Rule] = match level {
        Level::Privileged => &[],
        Level::Baseline => &[&HOST_PATH_VOLUMES, &PRIVILEGED],
        Level::Restricted => &[&PRIVILEGED, &RESTRICTED_VOLUMES, &RUN_AS_NON_ROOT],
    };
    rules.iter().map(|rule| active(rule)).collect()
}

fn active(rule: &'static Rule) -> ActiveCheck {
    ActiveCheck { rule, check: Box::new(Silent), revision: 0 }
}

fn options() -> Options {
    let terms = Terms { trusted_labels: vec!["app".to_owned()], ..Terms::default() };
    Options { terms, ..Options::at(now()) }
}

fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn compile_texts(
    texts: &[&str],
    options: &Options,
) -> Result<(PolicySet, Vec<Problem>), Vec<Problem>> {
    let sources: Vec<Source> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| Source { name: format!("{index}.yaml"), text: (*text).to_owned() })
        .collect();
    compile_with(&sources, options, Catalogue { rules: RULES, standard: checks })
}

fn set(texts: &[&str]) -> PolicySet {
    match compile_texts(texts, &options()) {
        Ok((set, _)) => set,
        Err(problems) => panic!("{}", lines(&problems)),
    }
}

/// The problems of documents that do not compile, one a line.
/// The warnings of texts that compile.
fn warnings(texts: &[&str]) -> String {
    lines(&compile_texts(texts, &options()).unwrap().1)
}

fn errors(texts: &[&str]) -> String {
    lines(&compile_texts(texts, &options()).unwrap_err())
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A policy document with this `spec`, indented by two.
fn policy(name: &str, spec: &str) -> String {
    let spec = spec.replace('\n', "\n  ");
    format!(
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata:\n  name: {name}\nspec:\n  {spec}\n"
    )
}

fn exception(name: &str, spec: &str) -> String {
    policy(name, spec).replace("kind: PodPolicy", "kind: PodPolicyException")
}

/// Asks `judge` about a pod with these labels.
fn with_pod<T>(labels: &[(&str, &str)], judge: impl FnOnce(&PodView<'_>) -> T) -> T {
    let labels: serde_json::Map<String, serde_json::Value> =
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
    let json = serde_json::json!({"metadata": {"labels": labels}, "spec": {}}).to_string();
    let object = Object::decode(&json).unwrap();
    judge(&object.pod(Kind::Pod).unwrap())
}

fn input<'v>(pod: &'v PodView<'v>, namespace: &'v str) -> MatchInput<'v> {
    MatchInput {
        namespace,
        namespace_labels: None,
        pod,
        username: "jane",
        groups: &[] as &[Text<'_>],
        request: None,
    }
}
