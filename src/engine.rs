//! The judgement: a pure function from a policy set and one request to a decision.
//!
//! It does no I/O and reads no clock, no environment and no log. The webhook and every command call
//! [`decide`], and [`fix()`] for what may be filled in on the way; none has a match loop of its own.

mod decide;
mod decision;
mod ending;
mod expressions;
mod fix;
mod message;
mod namespace;
mod owner;
mod pod_security;
mod target;

pub use decide::{Scope, decide};
pub use decision::{
    Decision, DecisionId, NotJudged, Outcome, PodSecurity, RuleFault, Settled, Violation,
};
pub use ending::Ending;
pub use fix::{Fix, Operation, Patch, fix, fixes};
pub use owner::Owner;
