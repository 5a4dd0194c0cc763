//! What `podgate check`, `podgate fix` and `podgate doctor` print.

pub mod doctor;
pub mod fix;
pub mod json;
pub mod ledger;
pub mod rule;
pub mod text;

use std::sync::Arc;

use crate::engine::Decision;

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

/// What became of one object.
#[derive(Debug)]
pub enum Outcome {
    /// It was judged: the decision, and for each of its violations the line of the field.
    Judged(Box<Decision>, Vec<u32>),
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
