//! End-to-end tests of Podgate against real servers.
//!
//! A webhook needs no kubelet, so an etcd and a kube-apiserver are enough of a cluster to see what a user sees: both are
//! built from source by `servers/build.sh`, and [`ApiServer`] starts them. A [`Gate`] is one real `podgate serve` with
//! its own policies, registered for the namespaces that carry its label, so tests share the API server and nothing else.
//!
//! What the servers wrote stays under the target folder; a test that fails prints the ends of those logs.

mod apiserver;
mod audit;
mod certificates;
mod client;
mod gate;
mod kubectl;
pub mod objects;
mod podgate;
mod poll;
mod process;
mod servers;
pub mod webhook;

pub use apiserver::ApiServer;
pub use audit::Event;
pub use client::{Answer, Client, Rejection};
pub use gate::{Gate, Namespace, decision_id};
pub use kubectl::{Kubectl, Output};
pub use podgate::Podgate;
pub use poll::wait_for;
