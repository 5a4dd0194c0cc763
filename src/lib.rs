//! Podgate: the gate between a pod and the kernel it shares.
//!
//! One review flows through the modules in this order:
//!
//! ```text
//! bytes -> admission (review, attributes) -> pod (the view that rules read)
//!       -> policy (set, matcher) -> engine::decide -> Decision
//!       -> server (response) and ledger (record), or report (what the CLI prints)
//! ```
//!
//! [`engine::decide`] is pure: it does no I/O and reads no clock. Every command calls it.
//! `docs/architecture.md` has the map, and `tests/layering.rs` keeps it.

pub mod admission;
pub mod cel;
pub mod cli;
pub mod cluster;
pub mod console;
pub mod engine;
pub mod ledger;
pub mod manifest;
pub mod otlp;
pub mod pod;
pub mod policy;
pub mod report;
pub mod rules;
pub mod server;
mod spelling;
pub mod yaml;
