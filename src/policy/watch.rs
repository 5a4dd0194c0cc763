//! What is asked of policies while cases are judged: each rule, and each way through their expressions.

use std::sync::Arc;

use super::reader::{Place, Reporter};
use super::set::{CompiledRule, Question};
use crate::cel::{Program, Seen};
use crate::pod::PodView;
use crate::rules::{Check, Finding, RuleId};

/// A policy that is watched.
#[derive(Debug)]
pub struct Watched {
    /// Its name.
    pub policy: String,
    /// The file that it stands in.
    pub source: String,
    /// Its rules, and whether each is asked.
    pub rules: Vec<(RuleId, Arc<Seen>)>,
    /// What decides in its expressions.
    pub branches: Vec<WatchedBranch>,
}

/// A part of an expression that decides which way it takes.
#[derive(Debug)]
pub struct WatchedBranch {
    /// The field that the expression stands in.
    pub path: String,
    /// Its line in the file.
    pub line: u32,
    /// Its column there.
    pub column: u32,
    /// Which operand of which operator; `None` for the expression as a whole.
    pub operand: Option<(usize, &'static str)>,
    /// What it gave.
    pub seen: Arc<Seen>,
}

/// What is watched of the policies of one source.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Policies that were read.
    pub(super) policies: Vec<Watched>,
    /// Of the policy that is being read.
    branches: Vec<WatchedBranch>,
}

impl Watch {
    /// Takes note of the operands in `program`; `place` tells where a byte of it stands.
    pub(super) fn operands(
        &mut self,
        program: &Program,
        path: &str,
        place: impl Fn(usize) -> Place,
    ) {
        self.branches.extend(program.branches().iter().map(|branch| {
            let Place { line, column } = place(branch.at);
            let operand = Some((branch.number, branch.operator));
            let seen = Arc::clone(&branch.seen);
            WatchedBranch { path: path.to_owned(), line, column, operand, seen }
        }));
    }

    /// Takes note of `program` as a whole.
    pub(super) fn whole(&mut self, program: &Program, path: &str, place: Place) {
        let Place { line, column } = place;
        self.branches.extend(program.seen().map(|seen| WatchedBranch {
            path: path.to_owned(),
            line,
            column,
            operand: None,
            seen: Arc::clone(seen),
        }));
    }
}

/// Ends the reading of a policy: its rules tell from now on when they are asked.
pub(super) fn rules(
    report: &mut Reporter,
    policy: &str,
    rules: Vec<CompiledRule>,
) -> Vec<CompiledRule> {
    let source = report.source().to_owned();
    let Some(watch) = &mut report.watch else { return rules };
    let branches = std::mem::take(&mut watch.branches);
    let mut watched = Vec::new();
    let rules = rules
        .into_iter()
        .map(|rule| {
            let (seen, question) = watch_question(rule.question);
            watched.push((rule.id.clone(), seen));
            CompiledRule { question, ..rule }
        })
        .collect();
    watch.policies.push(Watched { policy: policy.to_owned(), source, rules: watched, branches });
    rules
}

fn watch_question(question: Question) -> (Arc<Seen>, Question) {
    match question {
        Question::BuiltIn(rule, check) => {
            let seen = Arc::<Seen>::default();
            let watching = Watching { check, seen: Arc::clone(&seen) };
            (seen, Question::BuiltIn(rule, Box::new(watching)))
        }
        Question::Own(own) => (own.program.seen().cloned().unwrap_or_default(), Question::Own(own)),
    }
}

/// A rule that tells when it is asked.
#[derive(Debug)]
struct Watching {
    check: Box<dyn Check>,
    seen: Arc<Seen>,
}

impl Check for Watching {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        let before = findings.len();
        self.check.check(pod, findings);
        self.seen.note(Some(findings.len() == before));
    }
}
