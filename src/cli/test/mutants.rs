//! Policies with one rule changed: a change that no case notices shows what the cases do not test.

use super::document::TestDocument;
use super::{Policies, case};
use crate::policy::Mutation;
use crate::report::cases::{Mutant, Mutants, RuleName};

/// Every mutant of the policies, and those that all cases pass.
pub(super) fn survivors(policies: &Policies, document: &TestDocument) -> anyhow::Result<Mutants> {
    let original = policies.compile()?;
    let mut mutants = Mutants::default();
    for policy in original.policies() {
        for rule in &policy.rules {
            for mutation in Mutation::ALL {
                let mut set = policies.compile()?;
                if !set.mutate(&policy.name, &rule.id, mutation) {
                    continue;
                }
                mutants.made += 1;
                let mut is_noticed = false;
                for case in &document.cases {
                    let decision = case::decide(case, &set, policies.options.now)?;
                    if !case::told(case, &decision).failures.is_empty() {
                        is_noticed = true;
                        break;
                    }
                }
                if !is_noticed {
                    let rule = RuleName::new(&policy.name, &rule.id);
                    mutants.unnoticed.push(Mutant { rule, change: mutation.as_str() });
                }
            }
        }
    }
    Ok(mutants)
}
