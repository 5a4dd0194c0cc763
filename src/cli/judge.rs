//! How `check` and `fix` judge manifests: by which policies, and in which namespaces.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;

use super::policies::{self, Policies, PolicyArgs};
use crate::admission::{Attributes, NamespaceLabels};
use crate::engine::{self, Scope};
use crate::manifest::Document;
use crate::policy::{PolicySet, Severity};
use crate::report::{Entry, Outcome, Source};
use crate::yaml::YamlError;

/// Arguments that say by what manifests are judged.
#[derive(Debug, clap::Args)]
pub(super) struct JudgeArgs {
    #[command(flatten)]
    policies: PolicyArgs,
    /// Judge by a Pod Security Standard instead of policies: baseline or restricted, with @v1.N for
    /// a version
    #[arg(long, value_name = "LEVEL[@VERSION]", conflicts_with_all = ["policies", "from_cluster"])]
    standard: Option<String>,
    /// Namespace of objects that name none
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    namespace: String,
}

/// The time that the judgement is given: it reads no clock itself.
#[expect(clippy::disallowed_methods, reason = "here it starts")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

impl JudgeArgs {
    /// The policies, compiled. Their warnings go to standard error.
    pub(super) fn policies(&self, now: Timestamp) -> anyhow::Result<Policies> {
        match &self.standard {
            Some(standard) => {
                self.policies.read_only(policies::standard(standard)?, now, Severity::Error)
            }
            None => self.policies.read(now, Severity::Error),
        }
    }
}

/// Judges the objects of manifests.
pub(super) struct Judge<'j> {
    pub(super) set: &'j PolicySet,
    pub(super) now: Timestamp,
    /// The labels of the namespaces among the inputs, by name, and of those in the cluster that is asked.
    namespaces: HashMap<&'j str, NamespaceLabels>,
    /// Namespace of objects that name none.
    namespace: &'j str,
    /// The folder in which the paths begin that a renderer names.
    source_root: &'j Path,
}

impl<'j> Judge<'j> {
    /// A judge who knows all `documents`: a namespace may stand after the pods that live in it, and in
    /// another file.
    pub(super) fn new(
        args: &'j JudgeArgs,
        policies: &'j Policies,
        documents: impl Iterator<Item = &'j Document>,
        now: Timestamp,
    ) -> Self {
        let Policies { set, namespaces } = policies;
        let known = namespaces.iter().map(|(name, labels)| (name.as_str(), labels.clone()));
        let namespaces = known.chain(documents.filter_map(Document::namespace_labels)).collect();
        Self { set, now, namespaces, namespace: &args.namespace, source_root: Path::new("") }
    }

    /// The same, where the paths that a renderer names begin in the folder `root`.
    pub(super) fn with_source_root(self, root: &'j Path) -> Self {
        Self { source_root: root, ..self }
    }

    /// What an object is to a decision.
    pub(super) fn attributes<'d>(&'d self, document: &'d Document) -> Attributes<'d> {
        let mut attributes = document.attributes(self.namespace);
        attributes.namespace_labels = self.namespaces.get(&*attributes.namespace).cloned();
        attributes
    }

    pub(super) fn judge(&self, file: &str, document: &Document) -> Entry {
        let attributes = self.attributes(document);
        let identity = format!("{file}#{}", document.index);
        let mut not_judged_by = Vec::new();
        let result = if document.kind.is_empty() {
            Outcome::Skipped("is not a Kubernetes object: it has no kind")
        } else {
            let mut decision =
                engine::decide(self.set, &attributes, Scope::All, &identity, self.now);
            not_judged_by = decision.forget_unknown_labels();
            match (&decision.failure, decision.not_judged) {
                (Some(failure), _) => Outcome::Failed(failure.clone()),
                (None, Some(reason)) => Outcome::Skipped(reason.as_str()),
                (None, None) => {
                    let position =
                        |v: &engine::Violation| document.position_of(&v.finding.path.to_string());
                    let positions = decision.violations.iter().map(position).collect();
                    Outcome::Judged(Box::new(decision), positions)
                }
            }
        };
        Entry {
            file: file.to_owned(),
            document: document.index,
            line: document.line(),
            source: document.origin.as_ref().map(|origin| Source {
                name: origin.name.clone(),
                file: origin.file(self.source_root),
            }),
            api_version: document.api_version.clone(),
            kind: document.kind.clone(),
            namespace: attributes.namespace.to_string(),
            name: document.name.clone(),
            not_judged_by,
            result,
        }
    }
}

/// What is said of a file as a whole that cannot be judged. `line` is 0 where none is to blame.
pub(super) fn unreadable(file: &str, line: u32, error: &str) -> Entry {
    Entry {
        file: file.to_owned(),
        document: 0,
        line,
        source: None,
        api_version: String::new(),
        kind: String::new(),
        namespace: String::new(),
        name: String::new(),
        not_judged_by: Vec::new(),
        result: Outcome::Failed(error.to_owned()),
    }
}

/// An error of the reader, with its line.
pub(super) fn at_line(error: &YamlError) -> (u32, String) {
    let YamlError { line, column, message } = error;
    (*line, format!("line {line}, column {column}: {message}"))
}
