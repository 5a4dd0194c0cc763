//! What `podgate check`, `podgate fix` and `podgate doctor` print.

pub mod cases;
pub mod coverage;
pub mod doctor;
pub mod exceptions;
pub mod field;
pub mod fix;
pub mod functions;
pub mod github;
pub mod json;
pub mod junit;
pub mod ledger;
pub mod rule;
pub mod sarif;
pub mod text;

use std::fmt;
use std::sync::Arc;

use crate::engine::{Decision, Violation};
use crate::manifest::Position;
use crate::policy::Enforcement;

/// So many of something, in words.
#[must_use]
pub fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What became of the objects of all files, in order.
#[derive(Debug, Default)]
pub struct Report {
    /// One entry an object, or a file that could not be read.
    pub entries: Vec<Entry>,
}

/// One object, or a file that could not be read.
#[derive(Debug)]
pub struct Entry {
    /// The file, as it was named; `-` for standard input.
    pub file: String,
    /// Which object of the file, from 1; 0 for the file as a whole.
    pub document: usize,
    /// Line on which the object starts, or on which reading failed.
    pub line: u32,
    /// What it was rendered from, where the text says so.
    pub source: Option<Source>,
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// Namespace in which it was judged.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Policies that did not judge it, since they read the labels of its namespace and nobody gave those.
    pub not_judged_by: Vec<Arc<str>>,
    /// What became of it.
    pub result: Outcome,
}

/// The template or manifest that an object was rendered from. Its lines are not known: those of an entry are of what was
/// rendered.
#[derive(Debug)]
pub struct Source {
    /// As the renderer names it.
    pub name: String,
    /// The file, where it is one below the working directory or where the caller said.
    pub file: Option<String>,
}

/// What became of one object.
#[derive(Debug)]
pub enum Outcome {
    /// It was judged: the decision, and for each of its violations where the field stands.
    Judged(Box<Decision>, Vec<Position>),
    /// It carries no pod.
    Skipped(&'static str),
    /// It could not be read.
    Failed(String),
}

impl Report {
    /// How many entries could not be read.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry.result, Outcome::Failed(_))).count()
    }

    /// Decisions over the objects that were judged.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.entries.iter().filter_map(|entry| match &entry.result {
            Outcome::Judged(decision, _) => Some(&**decision),
            _ => None,
        })
    }

    /// Whether any rule is broken that neither an exception covers nor a fix mends.
    #[must_use]
    pub fn has_violations(&self) -> bool {
        self.decisions().any(|d| d.violations.iter().any(|v| v.settled.is_none()))
    }
}

/// What is wrong in one place, whichever policies ask for it.
#[derive(Debug)]
struct Found<'r> {
    /// As the first of the policies finds it.
    violation: &'r Violation,
    position: Position,
    /// What the strictest of them does about it.
    enforcement: Enforcement,
    /// Whether it stands in nobody's way: an exception or a fix settles it for each of them.
    is_settled: bool,
    /// All that find it.
    by: Vec<&'r Violation>,
}

impl Found<'_> {
    /// Why it stands in nobody's way, if it does not.
    fn settled_by(&self) -> Option<String> {
        if !self.is_settled {
            return None;
        }
        Some(match self.violation.exception() {
            Some(exception) => format!("let in by the exception {exception}"),
            None => "filled in by the policy on the way in".to_owned(),
        })
    }
}

impl Entry {
    /// What is wrong with an object that was judged, each field once for a rule.
    fn found(&self) -> Vec<Found<'_>> {
        let Outcome::Judged(decision, positions) = &self.result else { return Vec::new() };
        let all = &decision.violations;
        let mut found = Vec::new();
        for (index, (violation, position)) in all.iter().zip(positions).enumerate() {
            if all[..index].iter().any(|earlier| earlier.repeats(violation)) {
                continue;
            }
            let by: Vec<_> = all.iter().filter(|other| other.repeats(violation)).collect();
            let open = || by.iter().filter(|violation| violation.settled.is_none());
            let is_settled = open().next().is_none();
            let strictest = open().map(|violation| violation.enforcement).min();
            let enforcement = strictest.unwrap_or(violation.enforcement);
            found.push(Found { violation, position: *position, enforcement, is_settled, by });
        }
        found
    }

    /// The file that the object was rendered from, where it is known.
    fn source_file(&self) -> Option<&str> {
        self.source.as_ref()?.file.as_deref()
    }

    /// A place in the text, for people, `place` being its line and perhaps column: `a.yaml:12`, and
    /// `chart/templates/a.yaml (line 12 of -)` where it was rendered.
    fn place(&self, place: impl fmt::Display) -> String {
        match &self.source {
            None => format!("{}:{place}", self.file),
            Some(Source { name, file }) => {
                format!("{} (line {place} of {})", file.as_ref().unwrap_or(name), self.file)
            }
        }
    }

    /// The object, for people: `Pod shop/web`.
    fn object(&self) -> String {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        format!("{} {}{slash}{}", self.kind, self.namespace, self.name)
    }
}
