//! Podgate's own certificates: an authority and a leaf, kept in two Secrets and told to the API server.
//!
//! [`plan`] decides, as a pure function of what stands in the cluster and the time; [`Keeper`] looks, does
//! what the plan says, and looks again. Every write carries the version that was read, so that two writers
//! cannot undo each other, and any step may be the last one before a crash: the next look goes on from there.

mod issue;
mod keeper;
mod material;
mod plan;
mod secrets;

pub use keeper::{Keeper, Kept, Pem, Problem, Settings};
pub use plan::Lifetimes;

#[cfg(test)]
mod tests;
