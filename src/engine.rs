//! The judgement: a pure function from a policy set and one request to a decision.
//!
//! It does no I/O and reads no clock, no environment and no log. The webhook and every command call
//! [`decide`]; none has a match loop of its own.

mod decide;
mod decision;
mod message;
mod namespace;
mod pod_security;
mod target;

pub use decide::{Scope, decide};
pub use decision::{Decision, DecisionId, NotJudged, Outcome, PodSecurity, Violation};
