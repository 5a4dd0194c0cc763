//! The policies and exceptions in force, as pages tell of them.

use jiff::Timestamp;

use crate::policy::PolicySet;

/// The policies and exceptions in force at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    pub(super) digest: String,
    pub(super) policies: Vec<Policy>,
    pub(super) exceptions: Vec<Exception>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) rules: usize,
    pub(super) source: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exception {
    pub(super) name: String,
    pub(super) policy: String,
    pub(super) rules: String,
    pub(super) owner: String,
    pub(super) reason: String,
    pub(super) expires: Timestamp,
}

impl InForce {
    /// What is in `set`.
    #[must_use]
    pub fn of(set: &PolicySet) -> Self {
        let policies = set.policies().iter().map(|policy| Policy {
            name: policy.name.to_string(),
            description: policy.description.clone(),
            rules: policy.rule_ids().len(),
            source: format!("{}:{}", policy.source, policy.line),
        });
        let exceptions = set.exceptions().iter().map(|exception| Exception {
            name: exception.name.clone(),
            policy: exception.policy.clone(),
            rules: exception.rules.join(", "),
            owner: exception.owner.clone(),
            reason: exception.reason.clone(),
            expires: exception.expires,
        });
        Self {
            digest: set.digest().to_owned(),
            policies: policies.collect(),
            exceptions: exceptions.collect(),
        }
    }
}
