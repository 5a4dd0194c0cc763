//! The ledger: what was decided, one record a decision.
//!
//! Records go to standard output, one JSON line each, in the schema [`record::SCHEMA`].

pub mod record;
mod sink;

pub use record::{Record, Request};
pub use sink::LineSink;
