//! The ledger: what was decided, one record a decision, each chained to the one before.
//!
//! [`record`] and [`change`] say what is written, [`writer`] numbers it ([`chain`]) and puts it into the [`spool`] and on
//! standard output, one JSON line each. [`entry`] reads a line back.

pub mod announce;
pub mod chain;
pub mod change;
pub mod counters;
pub mod destination;
pub mod entry;
pub mod export;
pub mod instance;
pub mod mark;
pub mod query;
mod queue;
pub mod record;
pub mod remote;
pub mod ship;
pub mod signature;
mod sink;
pub mod spool;
pub mod store;
#[cfg(test)]
pub(crate) mod testing;
pub mod verify;
pub mod writer;

pub use counters::Counters;
pub use destination::{AppendError, Destination};
pub use entry::Entry;
pub use instance::Instance;
pub use queue::Ticket;
pub use record::{Record, Request};
pub use writer::Ledger;
