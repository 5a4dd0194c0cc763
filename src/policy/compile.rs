//! From texts to a set, or to everything that is wrong with them.

use jiff::Timestamp;

use super::admission_policy;
use super::document;
use super::exception::{self, CompiledException, Terms};
use super::names::is_subdomain;
use super::problem::{Problem, Severity};
use super::reader::{Fields, Place, Reporter};
use super::set::{CompiledPolicy, PolicySet, canonical};
use super::standard::{self, ActiveCheck, Level, Version};
use super::watch::{Watch, Watched};
use crate::rules::{self, Rule};
use crate::spelling::suggest;
use crate::yaml::{self, Node};

/// The version of all documents.
pub const API_VERSION: &str = "podgate.dev/v1";
pub(super) const POLICY: &str = "PodPolicy";
pub(super) const EXCEPTION: &str = "PodPolicyException";
/// Fields of a document.
pub(super) const DOCUMENT: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];
/// Fields of `metadata`. The API server's own may stand beside the name: the document may be a copy of a
/// custom resource.
pub(super) const METADATA: &[&str] = &[
    "name",
    "labels",
    "annotations",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "finalizers",
    "ownerReferences",
    "managedFields",
    "generateName",
    "selfLink",
];

/// A text with documents in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path of the file, or another name for messages.
    pub name: String,
    /// The text.
    pub text: String,
}

/// What compiling depends on besides the documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The time that `expires` is compared with.
    pub now: Timestamp,
    /// What the admin asks of exceptions.
    pub terms: Terms,
    /// How bad an exception that has ended is. It never covers anything.
    pub expired: Severity,
    /// Whether `ValidatingAdmissionPolicy` documents are read, too. In a cluster the API server evaluates them itself.
    pub admission_policies: bool,
}

impl Options {
    /// At `now`, with no terms; an exception that has ended is an error, and so is a policy of Kubernetes' own.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now, terms: Terms::default(), expired: Severity::Error, admission_policies: false }
    }
}

/// The rules that documents may name.
#[derive(Clone, Copy)]
pub(super) struct Catalogue {
    pub(super) rules: &'static [&'static Rule],
    pub(super) standard: fn(Level, Version) -> Vec<ActiveCheck>,
}

/// Compiles documents into a set, with warnings.
///
/// A rule that stands in `standard` and is also listed in `rules` is the listed one: its arguments and
/// its enforcement replace the standard's. A Restricted check named in `except` brings the Baseline
/// check back that it stands in for, unless that is named too.
///
/// # Errors
/// All problems of all sources, warnings included, by file, line and column.
pub fn compile(
    sources: &[Source],
    options: &Options,
) -> Result<(PolicySet, Vec<Problem>), Vec<Problem>> {
    let catalogue = Catalogue { rules: rules::ALL, standard: standard::checks };
    compile_with(sources, options, catalogue)
}

/// The same, to be watched while cases are judged: a set that notes what it is asked.
///
/// # Errors
/// As [`compile`].
pub fn compile_watched(
    sources: &[Source],
    options: &Options,
) -> Result<(PolicySet, Vec<Watched>), Vec<Problem>> {
    let catalogue = Catalogue { rules: rules::ALL, standard: standard::checks };
    let (set, _, watched) = read_all(sources, options, catalogue, true)?;
    Ok((set, watched))
}

pub(super) fn compile_with(
    sources: &[Source],
    options: &Options,
    catalogue: Catalogue,
) -> Result<(PolicySet, Vec<Problem>), Vec<Problem>> {
    let (set, problems, _) = read_all(sources, options, catalogue, false)?;
    Ok((set, problems))
}

type Compiled = (PolicySet, Vec<Problem>, Vec<Watched>);

fn read_all(
    sources: &[Source],
    options: &Options,
    catalogue: Catalogue,
    is_watched: bool,
) -> Result<Compiled, Vec<Problem>> {
    let mut batch = Batch::default();
    let mut reports = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let mut report = Reporter::new(&source.name, &source.text);
        report.watch = is_watched.then(Watch::default);
        match yaml::read(&source.text, yaml::Limits::default()) {
            Ok(documents) => {
                for document in documents {
                    read(&mut report, &document, options, catalogue, number, &mut batch);
                }
            }
            Err(error) => {
                let at = Place { line: error.line, column: error.column };
                report.error(at, "", error.message, "");
            }
        }
        reports.push(report);
    }
    let documents = std::mem::take(&mut batch.kubernetes);
    let (bound, strays) = documents.finish(&mut reports, &mut batch.lines);
    for (source, document) in strays {
        unknown_kind(&mut reports[source], &document, options);
    }
    batch.refuse_duplicates(&mut reports);
    batch.refuse_strays(&mut reports);
    let (mut problems, mut watched) = (Vec::new(), Vec::new());
    for mut report in reports {
        watched.extend(report.watch.into_iter().flat_map(|watch| watch.policies));
        report.problems.sort_by_key(|problem| (problem.line, problem.column));
        problems.append(&mut report.problems);
    }
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    let policies = batch.policies.into_iter().filter_map(|entry| entry.compiled);
    let policies = policies.chain(bound).collect();
    let exceptions = batch.exceptions.into_iter().filter_map(|entry| entry.compiled).collect();
    Ok((PolicySet::new(policies, exceptions, batch.lines), problems, watched))
}

/// What was read so far, also where it did not compile: its name is taken all the same.
#[derive(Default)]
struct Batch {
    policies: Vec<Entry<CompiledPolicy>>,
    exceptions: Vec<Entry<CompiledException>>,
    lines: Vec<String>,
    /// Documents of other kinds than Podgate's, where such are read.
    kubernetes: admission_policy::Documents,
}

struct Entry<T> {
    name: String,
    /// Which source it stands in.
    source: usize,
    at: Place,
    /// Where `spec` stands, and its parts that other documents are compared with.
    spec: Node,
    compiled: Option<T>,
    /// Its problems were reported; what depends on it is not judged.
    broken: bool,
}

fn read(
    report: &mut Reporter,
    document: &Node,
    options: &Options,
    catalogue: Catalogue,
    source: usize,
    batch: &mut Batch,
) {
    let before = report.problems.len();
    let kind = document.get("kind").and_then(Node::as_str);
    if !matches!(kind, Some(POLICY | EXCEPTION)) {
        if options.admission_policies && kind.is_some() {
            batch.kubernetes.take(report, document, source);
        } else {
            unknown_kind(report, document, options);
        }
        return;
    }
    let Some(fields) = Fields::new(report, document, "", DOCUMENT) else { return };
    let api_version = fields.required(report, "apiVersion", "write podgate.dev/v1");
    if let Some(other) = api_version.filter(|version| *version != API_VERSION) {
        let node = fields.get("apiVersion").unwrap_or(document);
        let message = format!("unknown version {other:?}");
        report.error(node, "apiVersion", message, format!("write {API_VERSION}"));
    }
    let name = name(report, &fields);
    let Some(spec) = fields.get("spec") else {
        report.error(document, "spec", "is missing", "");
        return;
    };
    let Some((name, at)) = name else { return };
    let spec_node = spec.clone();
    if kind == Some(POLICY) {
        let compiled = document::policy(report, name, spec, options, catalogue);
        batch.lines.push(canonical(POLICY, name, spec));
        let broken = has_errors(report, before);
        let entry = Entry { name: name.to_owned(), source, at, spec: spec_node, compiled, broken };
        batch.policies.push(entry);
    } else {
        let compiled = exception::read(report, name, spec, options);
        batch.lines.push(canonical(EXCEPTION, name, spec));
        let broken = has_errors(report, before);
        let entry = Entry { name: name.to_owned(), source, at, spec: spec_node, compiled, broken };
        batch.exceptions.push(entry);
    }
}

fn has_errors(report: &Reporter, since: usize) -> bool {
    report.problems.iter().skip(since).any(|problem| problem.severity == Severity::Error)
}

fn unknown_kind(report: &mut Reporter, document: &Node, options: &Options) {
    let mut kinds = vec![POLICY, EXCEPTION];
    let of_kubernetes = [admission_policy::POLICY, admission_policy::BINDING];
    if options.admission_policies {
        kinds.extend(of_kubernetes);
    }
    let kind = document.get("kind").and_then(Node::as_str);
    let Some(kind) = kind else {
        let help = format!("a document has `apiVersion: {API_VERSION}` and `kind: {POLICY}`");
        report.error(document, "kind", "is missing", help);
        return;
    };
    let node = document.get("kind").unwrap_or(document);
    let help = if of_kubernetes.contains(&kind) {
        "the API server evaluates it itself; podgate check and podgate test read it".to_owned()
    } else {
        suggest(kind, &kinds)
    };
    report.error(node, "kind", format!("unknown kind {kind:?}"), help);
}

/// `metadata.name`.
fn name<'n>(report: &mut Reporter, fields: &Fields<'n>) -> Option<(&'n str, Place)> {
    let help = "name the document: lower case letters, digits, '-' and '.'";
    let Some(node) = fields.get("metadata") else {
        report.error(fields.node(), "metadata.name", "is missing", help);
        return None;
    };
    let metadata = Fields::new(report, node, "metadata", METADATA)?;
    let name = metadata.required(report, "name", help)?;
    let node = metadata.get("name")?;
    if !is_subdomain(name) {
        report.error(node, "metadata.name", format!("{name:?} is no DNS name"), help);
    }
    Some((name, node.into()))
}

impl Batch {
    fn refuse_duplicates(&self, reports: &mut [Reporter]) {
        twice(&self.policies, "policy", reports);
        twice(&self.exceptions, "exception", reports);
    }

    /// Exceptions whose policy or rule is not there.
    fn refuse_strays(&self, reports: &mut [Reporter]) {
        let names: Vec<&str> = self.policies.iter().map(|policy| &*policy.name).collect();
        for exception in &self.exceptions {
            let Some(wanted) = exception.spec.get("policy").filter(|node| node.as_str().is_some())
            else {
                continue;
            };
            let report = &mut reports[exception.source];
            let name = wanted.as_str().unwrap_or_default();
            let Some(policy) = self.policies.iter().find(|policy| *policy.name == *name) else {
                let message = format!("there is no policy {name:?}");
                report.error(wanted, "spec.policy", message, suggest(name, &names));
                continue;
            };
            let Some(compiled) = policy.compiled.as_ref().filter(|_| !policy.broken) else {
                continue;
            };
            let ids = compiled.rule_ids();
            let rules = exception.spec.get("rules").and_then(Node::as_sequence).unwrap_or_default();
            for (index, node) in rules.iter().enumerate() {
                if let Some(rule) = node.as_str().filter(|rule| !ids.contains(rule)) {
                    let message = format!("policy {name} has no rule {rule:?}");
                    let path = format!("spec.rules[{index}]");
                    report.error(node, &path, message, suggest(rule, &ids));
                }
            }
        }
    }
}

/// Reports every name that stands a second time, naming the first place.
fn twice<T>(entries: &[Entry<T>], what: &str, reports: &mut [Reporter]) {
    let mut seen: std::collections::HashMap<&str, &Entry<T>> = std::collections::HashMap::new();
    for entry in entries {
        let Some(first) = seen.get(entry.name.as_str()) else {
            seen.insert(&entry.name, entry);
            continue;
        };
        let place =
            format!("{}:{}:{}", reports[first.source].source(), first.at.line, first.at.column);
        let message = format!("{what} {} is already defined at {place}", entry.name);
        let help = "rename or remove one of them";
        reports[entry.source].error(entry.at, "metadata.name", message, help);
    }
}
