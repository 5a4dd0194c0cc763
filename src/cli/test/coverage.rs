//! What the cases of all tests ask of policies, put together.

use std::fs;
use std::path::PathBuf;

use crate::cel::Outcomes;
use crate::engine::Decision;
use crate::policy::{Watched, WatchedBranch};
use crate::report::coverage::{Branch, Coverage, Policy, Rule};
use crate::rules::RuleId;

/// What was asked so far. Several tests may be about one policy.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The file of each policy of `coverage`, however it was named.
    files: Vec<PathBuf>,
    coverage: Coverage,
}

impl Tally {
    /// Takes note of what these policies were asked since this was last called, for a case that ended so.
    pub(super) fn note(&mut self, watched: &[Watched], decision: &Decision) {
        for watched in watched {
            let policy = self.policy(watched);
            for (id, seen) in &watched.rules {
                let broken = decision
                    .violations
                    .iter()
                    .any(|found| *found.policy == *watched.policy && found.rule == *id);
                let asked = seen.take().asked;
                let rule = rule(&mut policy.rules, id);
                rule.broken |= broken;
                rule.kept |= asked && !broken;
            }
            for found in &watched.branches {
                let now = found.seen.take();
                let known = &mut branch(&mut policy.branches, found).outcomes;
                known.asked |= now.asked;
                known.was_true |= now.was_true;
                known.was_false |= now.was_false;
            }
        }
    }

    /// What came of it, held to so many percent.
    pub(super) fn end(self, wanted: u8) -> Coverage {
        Coverage { wanted, ..self.coverage }
    }

    fn policy(&mut self, watched: &Watched) -> &mut Policy {
        let file = fs::canonicalize(&watched.source).unwrap_or_else(|_| (&watched.source).into());
        let mut known = self.files.iter().zip(&self.coverage.policies);
        let known = known.position(|(f, policy)| *f == file && policy.name == watched.policy);
        let place = known.unwrap_or_else(|| {
            self.files.push(file);
            let (file, name) = (watched.source.clone(), watched.policy.clone());
            let (rules, branches) = (Vec::new(), Vec::new());
            self.coverage.policies.push(Policy { file, name, rules, branches });
            self.files.len() - 1
        });
        &mut self.coverage.policies[place]
    }
}

fn rule<'r>(rules: &'r mut Vec<Rule>, id: &RuleId) -> &'r mut Rule {
    let place = rules.iter().position(|rule| *rule.id == **id).unwrap_or_else(|| {
        rules.push(Rule { id: id.to_string(), ..Rule::default() });
        rules.len() - 1
    });
    &mut rules[place]
}

fn branch<'b>(branches: &'b mut Vec<Branch>, found: &WatchedBranch) -> &'b mut Branch {
    let is_it = |known: &Branch| {
        (&known.path, known.line, known.column, known.operand)
            == (&found.path, found.line, found.column, found.operand)
    };
    let place = branches.iter().position(is_it).unwrap_or_else(|| {
        branches.push(Branch {
            path: found.path.clone(),
            line: found.line,
            column: found.column,
            operand: found.operand,
            outcomes: Outcomes::default(),
        });
        branches.len() - 1
    });
    &mut branches[place]
}
