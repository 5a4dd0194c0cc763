//! The cluster's side: everything that talks to the Kubernetes API.
//!
//! Nothing here answers a review, and nothing that answers one waits for what is here: the server is handed
//! what was learnt (labels, policies, a certificate) and goes on with it where the API is gone.

mod ca_bundle;
pub mod certificates;
mod client;
pub mod crd;
pub mod doctor;
mod events;
mod in_force;
pub mod kubeconfig;
pub mod lease;
mod ledger_key;
mod namespaces;
mod nodes;
pub mod proof;
mod reports;
mod resources;
mod sign_in;
pub mod status;
#[cfg(test)]
mod testing;
mod watch;

pub use client::{ConnectError, connect};
pub use events::Events;
pub use in_force::{InForce, ReadError, read as in_force};
pub use ledger_key::keep as keep_ledger_key;
pub use namespaces::{Health, Namespaces};
pub use nodes::{UserNamespaces, watch_nodes};
pub use reports::{Kept, Reports, ReportsError};
pub use resources::Resources;
pub use sign_in::{Owner, SignIn};

use std::sync::Arc;

use jiff::Timestamp;

/// The name under which podgate writes to the API: its field manager, and what its Secrets say.
const MANAGER: &str = "podgate";

/// Reads the clock. `cli` hands it on, and tests hand on one that they move.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
