//! Policies: documents in, an immutable set out.
//!
//! [`load::read`] gets the text of files and folders, [`compile`] turns texts into a [`PolicySet`] or
//! into the list of everything that is wrong with them, and the set says which policies a pod
//! has to answer to. A set is never changed: a new one replaces it.

mod admission_policy;
mod arguments;
mod assemble;
mod compile;
mod digest;
mod document;
mod exception;
mod expression;
mod index;
mod library;
pub mod load;
mod matcher;
mod names;
pub mod namespace_labels;
mod pattern;
mod pod_security;
mod problem;
mod reader;
mod resource;
pub mod schema;
mod selector;
mod set;
pub mod standard;
mod watch;

use std::fmt;

use crate::rules::Applicability;

pub use assemble::{Assembled, assemble};
pub use compile::{API_VERSION, Options, Source, compile, compile_watched};
pub use digest::sha256;
pub use exception::{CompiledException, Life, NOTICE, Terms};
pub use expression::{Condition, Expression, OnError};
pub use library::embedded;
pub use matcher::MatchInput;
pub use pod_security::{Exemptions, PodSecurity};
pub use problem::{Problem, Severity};
pub use resource::{is_exception, resource};
pub use set::{Bound, CompiledPolicy, CompiledRule, Mutation, PolicySet, Question};
pub use watch::{Watched, WatchedBranch};

/// What a violation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Enforcement {
    /// The request is refused.
    Deny,
    /// The sender is warned.
    Warn,
    /// It is recorded.
    Audit,
}

impl Enforcement {
    /// All of them, strictest first.
    pub const ALL: [Self; 3] = [Self::Deny, Self::Warn, Self::Audit];

    /// The word in policies, records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "Deny",
            Self::Warn => "Warn",
            Self::Audit => "Audit",
        }
    }
}

impl fmt::Display for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much of what is absent is filled in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fix {
    /// Nothing.
    #[default]
    Never,
    /// What cannot change a working program.
    Safe,
    /// What may stop a program that leaned on the default, too.
    All,
}

impl Fix {
    /// All of them, least first.
    pub const ALL: [Self; 3] = [Self::Never, Self::Safe, Self::All];

    /// The word in policies.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "Never",
            Self::Safe => "Safe",
            Self::All => "All",
        }
    }

    /// Whether it lets a field be filled.
    #[must_use]
    pub fn permits(self, applicability: Applicability) -> bool {
        match self {
            Self::Never => false,
            Self::Safe => applicability == Applicability::Safe,
            Self::All => true,
        }
    }
}

/// Where fields are filled in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum FixIn {
    /// In pods alone: what is stored of a workload stays as its author wrote it.
    #[default]
    Pods,
    /// In the templates of workloads too, so that they can be seen to comply.
    Templates,
}

impl FixIn {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Pods, Self::Templates];

    /// The word in policies.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pods => "Pods",
            Self::Templates => "Templates",
        }
    }
}

#[cfg(test)]
mod tests;
