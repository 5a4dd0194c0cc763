//! The cluster's side: everything that talks to the Kubernetes API.

mod client;
pub mod proof;

pub use client::{ConnectError, connect};
