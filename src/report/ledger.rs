//! What `podgate ledger` prints.

pub mod decisions;
pub mod verify;
