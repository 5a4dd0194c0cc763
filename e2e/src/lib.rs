//! End-to-end tests of Podgate against real servers.
//!
//! A webhook needs no kubelet, so an etcd and a kube-apiserver are enough of a cluster to see what a user sees: both are
//! built from source by `servers/build.sh`, and [`ApiServer`] starts them. A [`Gate`] is one real `podgate serve` with
//! its own policies, registered for the namespaces that carry its label, so tests share the API server and nothing else.
//!
//! A chart and an image do need a node. A [`Cluster`] is this machine as one, or any other cluster by its kubeconfig.
//!
//! ```text
//! cargo test -p e2e --test apiserver
//! cargo test -p e2e --test node             after `make image`, and as root
//! ```
//!
//! | variable | |
//! |---|---|
//! | `PODGATE_KUBERNETES_VERSION` | the Kubernetes to test against, instead of the newest that is known to build |
//! | `PODGATE_CACHE` | where the servers are kept, instead of `~/.cache/podgate` |
//! | `PODGATE_BIN` | the podgate to test, instead of the one that cargo builds from this workspace |
//! | `PODGATE_KUBECONFIG` | the cluster to test in, instead of one on this machine; it must have the images |
//! | `PODGATE_IMAGE` | the image to install there, instead of `localhost/podgate:dev` |
//! | `PODGATE_KEEP` | when set, the cluster and the namespaces of its tests stay until Ctrl-C |
//!
//! What the servers wrote stays in `e2e/` under the target folder's profile; a test that fails prints the ends of the logs.

mod account;
mod apiserver;
mod audit;
mod certificates;
pub mod chromium;
mod client;
pub mod cluster;
mod console;
mod control_plane;
pub mod fleet;
mod gate;
mod helm;
mod kubectl;
pub mod ledger;
pub mod objects;
pub mod oracle;
mod outcome;
mod page;
mod podgate;
mod poll;
mod postgres;
mod process;
mod prometheus;
pub mod release;
mod repair;
mod servers;
pub mod webhook;

pub use account::ledger_viewer;
pub use apiserver::ApiServer;
pub use audit::Event;
pub use client::{Answer, Client, Rejection};
pub use cluster::Cluster;
pub use console::Console;
pub use control_plane::WEBHOOK_CLIENT;
pub use gate::{Gate, Namespace, decision_id};
pub use helm::{HelmOutput, chart, helm, objects as yaml_objects};
pub use kubectl::{Kubectl, Output};
pub use outcome::{Failure, Outcome, say};
pub use page::follow;
pub use podgate::{
    Podgate, check as podgate_check, compiles as podgate_compiles, get, programs,
    run as run_podgate,
};
pub use poll::wait_for;
pub use postgres::Postgres;
pub use prometheus::{Prometheus, promtool};
pub use repair::Repaired;
pub use servers::{is_newest, openreports};
