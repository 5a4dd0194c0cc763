//! The ledger: what was decided, one record a decision, each chained to the one before.
//!
//! Records go to standard output, one JSON line each, in the schema [`record::SCHEMA`].

pub mod chain;
pub mod change;
pub mod entry;
pub mod instance;
pub mod mark;
pub mod record;
mod sink;
mod writer;

pub use entry::Entry;
pub use instance::Instance;
pub use record::{Record, Request};
pub use writer::Ledger;
