//! The book, which is `docs/` and the other pages for users: each YAML block is read by whoever would read it, each
//! command line of podgate is one that it knows, and what needs no cluster is run. What cannot be is listed here with
//! the reason; a new one fails until it is.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;
use podgate::policy::{self, Options, Source};
use podgate::{cli, manifest, yaml};
use serde_json::Value;

#[path = "support/chart_values.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod chart_values;
#[path = "support/commands.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod commands;
#[path = "support/markdown.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod markdown;
#[path = "support/shell.rs"]
mod shell;

use commands::{podgate, stderr, stdout, with_input};
use markdown::{blocks, files};
use shell::Words;

/// YAML that nobody here can read whole, by page and first line. The command lines in it are looked at all the same.
const FRAGMENTS: &[(&str, &str, &str)] = &[
    (
        "docs/ci.md",
        "- run: podgate check --policies policies -o github deploy/",
        "steps of GitHub Actions",
    ),
    (
        "docs/ci.md",
        "- run: podgate check --policies policies -o sarif deploy/ >podgate.sarif || [ $? -eq 1 ]",
        "steps of GitHub Actions",
    ),
    ("docs/ci.md", "- uses: podgate/podgate@main", "a step of GitHub Actions"),
    ("docs/ci.md", "repos:", "the settings of pre-commit"),
    ("docs/ci.md", "podgate:", "a job of GitLab"),
    (
        "docs/pod-security-admission.md",
        "- {apiGroups: [\"\"], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [namespaces]}",
        "a rule to put into a webhook configuration",
    ),
];

/// Command lines of podgate that are not run, by how they begin, or by an option.
const NOT_RUN: &[(&str, &str)] = &[
    ("serve", "goes on until it is ended; e2e/ runs it"),
    ("prove", "asks a cluster; e2e/tests/node/ runs it"),
    ("doctor", "asks a cluster; e2e/tests/cluster/ runs it"),
    ("ledger verify", "reads a ledger; e2e/tests/ledger/ runs it"),
    ("--ledger", "reads a ledger; e2e/tests/ledger/ runs it"),
    ("--from-cluster", "asks a cluster; e2e/tests/cluster/ runs it"),
    ("mistake.yaml", "is a mistake, which e2e/tests/node/ makes"),
];

/// Other programs, and why their command lines are only looked at.
const OTHERS: &[(&str, &str)] = &[
    ("helm", "needs a cluster, and is not installed by everybody; keys of --set are looked up"),
    ("kubectl", "needs a cluster"),
    ("kind", "makes a cluster"),
    ("kustomize", "is not installed by everybody"),
    ("jq", "is not installed by everybody"),
    ("make", "builds; the targets are looked up"),
    ("[", "looks at an exit code"),
    ("sed", "changes a text; e2e/tests/node/ runs it"),
    ("grep", "looks into a text; e2e/tests/node/ runs it"),
    ("head", "looks into a text; e2e/tests/node/ runs it"),
];

/// Which entries of the lists above something was found for.
#[derive(Default)]
struct Used(RefCell<BTreeSet<&'static str>>);

impl Used {
    fn find<'l, T>(
        &self,
        list: &'l [T],
        name: impl Fn(&T) -> &'static str,
        is_it: impl Fn(&T) -> bool,
    ) -> Option<&'l T> {
        let found = list.iter().find(|entry| is_it(entry))?;
        self.0.borrow_mut().insert(name(found));
        Some(found)
    }

    /// Entries that nothing needs any more.
    fn refuse_others(&self, names: impl Iterator<Item = &'static str>) {
        let unused: Vec<_> = names.filter(|name| !self.0.borrow().contains(name)).collect();
        assert!(unused.is_empty(), "listed, and found on no page: {unused:?}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page, by its name from the root.
fn pages() -> Vec<(String, String)> {
    let name = |path: &PathBuf| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    files(root()).iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn json(text: &str) -> Result<Vec<Value>, String> {
    let documents = yaml::read(text, yaml::Limits::default()).map_err(|error| error.to_string())?;
    Ok(documents.iter().map(|node| serde_json::from_str(&node.to_json()).unwrap()).collect())
}

/// What is wrong with policies and exceptions, Kubernetes' own among them. An exception may be of a policy of the
/// library, or of one that stands `before` it on its page.
fn compile(text: &str, before: &[Source]) -> Result<(), String> {
    let now = "2026-11-24T00:00:00Z".parse().unwrap();
    let options = Options { admission_policies: true, ..Options::at(now) };
    let defined = json(text)?;
    let is_defined = |source: &Source| {
        let known = &json(&source.text).unwrap()[0]["metadata"]["name"];
        defined.iter().any(|document| document["metadata"]["name"] == *known)
    };
    let mut sources = policy::embedded();
    sources.extend(before.iter().cloned());
    sources.retain(|source| !is_defined(source));
    sources.push(Source { name: "block".to_owned(), text: text.to_owned() });
    match policy::compile(&sources, &options) {
        Ok(_) => Ok(()),
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Err(lines.join("\n"))
        }
    }
}

/// Values of the chart, by its own schema, and the policies in them.
fn chart_values(values: &Value) -> Result<(), String> {
    let schema = fs::read_to_string(root().join("charts/podgate/values.schema.json")).unwrap();
    let schema = serde_json::from_str(&schema).unwrap();
    jsonschema::validate(&schema, values).map_err(|error| error.to_string())?;
    let documents = values["policies"]["documents"].as_object();
    documents.into_iter().flatten().try_for_each(|(_, text)| compile(text.as_str().unwrap(), &[]))
}

fn is_podgates(document: &Value) -> bool {
    document["apiVersion"] == policy::API_VERSION
}

fn is_admission_policy(document: &Value) -> bool {
    document["kind"].as_str().is_some_and(|kind| kind.starts_with("ValidatingAdmissionPolicy"))
}

/// Reads a block as what it is; `false` where it is nothing that is known here.
fn read(text: &str, before: &[Source]) -> Result<bool, String> {
    let documents = json(text)?;
    let schema: Value =
        serde_json::from_str(include_str!("../charts/podgate/values.schema.json")).unwrap();
    let is_value = |key: &String| schema["properties"].get(key).is_some();
    if documents.iter().any(|document| document["kind"] == "PolicyTest") {
        // They are run, below.
        return Ok(true);
    }
    if documents.iter().any(|document| is_podgates(document) || is_admission_policy(document)) {
        return compile(text, before).map(|()| true);
    }
    if documents
        .iter()
        .all(|document| document["apiVersion"].is_string() && document["kind"].is_string())
    {
        return manifest::read(text).map(|_| true).map_err(|error| error.to_string());
    }
    match documents.as_slice() {
        [Value::Object(values)] if values.keys().all(is_value) => {
            chart_values(&documents[0]).map(|()| true)
        }
        _ => Ok(false),
    }
}

#[test]
fn every_yaml_block_is_read() {
    let (used, mut wrong) = (Used::default(), Vec::new());
    for (page, text) in pages() {
        let mut before = Vec::new();
        for block in blocks(&text).iter().filter(|block| block.language == "yaml") {
            let first = block.text.lines().next().unwrap_or_default();
            let is_it = |fragment: &(&str, &str, &str)| fragment.0 == page && fragment.1 == first;
            match read(&block.text, &before) {
                Ok(true) if json(&block.text).unwrap()[0]["kind"] == "PodPolicy" => {
                    before.push(Source { name: "before".to_owned(), text: block.text.clone() });
                }
                Ok(true) => {}
                Ok(false) if used.find(FRAGMENTS, |fragment| fragment.1, is_it).is_some() => {}
                Ok(false) => wrong.push(format!(
                    "{page}:{}: nobody can read this; list it, with the reason",
                    block.line
                )),
                Err(error) => wrong.push(format!("{page}:{}: {error}", block.line)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    used.refuse_others(FRAGMENTS.iter().map(|fragment| fragment.1));
}

#[test]
fn what_is_wrong_in_a_block_is_found() {
    let values = |policy: &str| {
        format!(
            "policies:\n  documents:\n    a: |\n      apiVersion: podgate.dev/v1\n      kind: {policy}\n"
        )
    };
    for (block, expected) in [
        (
            "apiVersion: podgate.dev/v1\nkind: PodPolicy\nspec: {}\n".to_owned(),
            "metadata.name: is missing",
        ),
        ("a: [\n".to_owned(), ""),
        ("webhook: {replicas: many}\n".to_owned(), "many"),
        (values("PodPolicies"), "did you mean \"PodPolicy\"?"),
    ] {
        let error = read(&block, &[]).unwrap_err();
        assert!(error.contains(expected), "{block}\n{error}");
    }
    assert_eq!(read("- {run: podgate check}\n", &[]), Ok(false));
}

/// Every command of every shell block, and of strings in YAML blocks that are one.
fn all_commands() -> Vec<(String, Words)> {
    fn strings(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) if text.starts_with("podgate ") => found.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
            Value::Object(fields) => fields.values().for_each(|field| strings(field, found)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    for (page, text) in pages() {
        for block in blocks(&text) {
            let mut texts = Vec::new();
            match block.language.as_str() {
                "sh" => texts.push(block.text),
                "yaml" => json(&block.text)
                    .unwrap_or_default()
                    .iter()
                    .for_each(|d| strings(d, &mut texts)),
                _ => {}
            }
            let place = format!("{page}:{}", block.line);
            let words = texts.iter().flat_map(|text| shell::commands(text));
            all.extend(words.map(|words| (place.clone(), words)));
        }
    }
    all
}

/// The words of podgate's own command line in one: the line itself, or what is run in a container.
fn of_podgate(words: &Words) -> Option<&[String]> {
    if words[0] == "podgate" {
        return Some(words);
    }
    let inside = words.iter().position(|word| word == "--")? + 1;
    words.get(inside..).filter(|words| words.first().is_some_and(|word| word == "/podgate"))
}

#[test]
fn every_command_line_is_one_that_podgate_knows() {
    let (used, mut wrong) = (Used::default(), Vec::new());
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let values = fs::read_to_string(root().join("charts/podgate/values.yaml")).unwrap();
    let values = chart_values::documented(&values);
    let mut parsed = 0;
    for (place, words) in all_commands() {
        if let Some(words) = of_podgate(&words) {
            parsed += 1;
            if let Err(error) = cli::Cli::try_parse_from(words) {
                wrong.push(format!("{place}: {}\n{error}", words.join(" ")));
            }
            continue;
        }
        let program = words[0].as_str();
        if used.find(OTHERS, |other| other.0, |other| other.0 == program).is_none() {
            wrong.push(format!("{place}: {program} is not listed"));
        }
        for target in words.iter().skip(1).filter(|_| program == "make") {
            if !makefile.contains(&format!("\n{target}:")) {
                wrong.push(format!("{place}: make has no target {target}"));
            }
        }
        let sets = words.windows(2).filter(|pair| program == "helm" && pair[0] == "--set");
        for key in sets.flat_map(|pair| pair[1].split(',')).filter_map(|set| set.split('=').next())
        {
            if !values.iter().any(|value| value.path == key) {
                wrong.push(format!("{place}: the chart has no value {key}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(parsed > 30, "only {parsed} were found");
    used.refuse_others(OTHERS.iter().map(|other| other.0));
}

/// What stands in a sentence may leave out what a person fills in, but names no flag or command that is not there.
#[test]
fn every_command_in_a_sentence_is_one_that_podgate_knows() {
    let mut wrong = Vec::new();
    for (page, text) in pages() {
        for span in text.split('`').skip(1).step_by(2).filter(|span| span.starts_with("podgate ")) {
            let words = shlex::split(span).unwrap_or_default();
            let unknown = cli::Cli::try_parse_from(words).err().filter(|error| {
                !matches!(
                    error.kind(),
                    ErrorKind::MissingRequiredArgument
                        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                )
            });
            wrong.extend(unknown.map(|error| format!("{page}: {span}\n{error}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec:
  containers:
  - {name: a, image: registry.example.com/a, securityContext: {privileged: true}}
";

/// A folder with everything that command lines name: manifests, the library, and the documents of the pages
/// themselves. Gives the tests among those, too.
fn scratch() -> (PathBuf, Vec<String>) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
    let _ = fs::remove_dir_all(&folder);
    for name in ["deploy", "policies", "my-policies", "deploy/charts", "overlays/prod"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::write(folder.join("deploy/pod.yaml"), POD).unwrap();
    for policy in fs::read_dir(root().join("policies")).unwrap() {
        let policy = policy.unwrap();
        for name in ["policies", "my-policies"] {
            let link = folder.join(name).join(policy.file_name());
            std::os::unix::fs::symlink(policy.path(), link).unwrap();
        }
    }
    let mut tests = Vec::new();
    for (_, text) in pages() {
        for block in blocks(&text).iter().filter(|block| block.language == "yaml") {
            if let Some(file) = &block.file {
                fs::write(folder.join(file), &block.text).unwrap();
            }
            for document in json(&block.text).unwrap() {
                let name = document["metadata"]["name"].as_str().unwrap_or_default();
                let file = if document["kind"] == "PolicyTest" {
                    tests.push(format!("{name}-test.yaml"));
                    format!("{name}-test.yaml")
                } else if document["kind"] == "ValidatingAdmissionPolicy" {
                    format!("policies/{name}.yaml")
                } else if is_podgates(&document) {
                    format!("{name}.yaml")
                } else {
                    continue;
                };
                fs::write(folder.join(file), &block.text).unwrap();
            }
        }
    }
    (folder, tests)
}

#[test]
fn what_needs_no_cluster_runs() {
    let ((folder, tests), used, mut wrong) = (scratch(), Used::default(), Vec::new());
    let mut ran = 0;
    for (place, words) in all_commands() {
        let Some([_, args @ ..]) = of_podgate(&words) else { continue };
        let line = args.join(" ");
        if used
            .find(
                NOT_RUN,
                |entry| entry.0,
                |entry| line.starts_with(entry.0) || args.iter().any(|arg| arg == entry.0),
            )
            .is_some()
        {
            continue;
        }
        // Folders of the machine are folders in the scratch folder here.
        let here = |arg: &String| match arg.strip_prefix('/') {
            Some(path) => folder.join(path).to_str().unwrap().to_owned(),
            None => arg.clone(),
        };
        let args: Vec<String> = args.iter().map(here).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = if args.contains(&"-") {
            with_input(&folder, &args, POD)
        } else {
            podgate(&folder, &args)
        };
        ran += 1;
        // 1 is what a manifest with a violation comes to.
        if !matches!(output.status.code(), Some(0 | 1)) {
            wrong.push(format!("{place}: podgate {line}\n{}{}", stdout(&output), stderr(&output)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran > 15, "only {ran} were run");
    used.refuse_others(NOT_RUN.iter().map(|entry| entry.0));
    assert!(tests.len() > 1, "only {tests:?} were found");
    for test in tests {
        let output = podgate(&folder, &["test", &test]);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    }
}

#[test]
fn the_table_of_contents_names_every_page() {
    let contents = fs::read_to_string(root().join("docs/README.md")).unwrap();
    for (page, _) in pages() {
        let Some(page) = page.strip_prefix("docs/").filter(|page| *page != "README.md") else {
            continue;
        };
        // The rules have a table of their own, made from them.
        if page.starts_with("rules/") && page != "rules/README.md" {
            continue;
        }
        let links = contents.matches(&format!("]({page})")).count();
        assert_eq!(links, 1, "docs/README.md must link {page} once");
    }
    let front = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(front.contains("](docs/README.md)"), "README.md must link the table of contents");
}
