//! A cluster whose nodes run pods: one of our own on this machine, or any other by its kubeconfig.

mod containerd;
mod control_group;
mod enclosure;
mod image;
mod kubelet;
mod namespace;
mod node;
pub mod tier;
mod traffic;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Value, json};

use crate::apiserver::new_folder;
use crate::client::Client;
use crate::kubectl::Kubectl;
use crate::outcome::say;
use crate::poll::wait_for;
use crate::release;
use crate::servers;

pub(crate) use enclosure::Enclosure;
pub use image::{PROBE, ROOT_PROBE, probe};
pub use namespace::{KEEP, TemporaryNamespace};
use node::Node;
pub use traffic::{Tally, Traffic};

/// Names the cluster to test against, in the place of one of our own.
pub const KUBECONFIG: &str = "PODGATE_KUBECONFIG";

/// A cluster.
pub struct Cluster {
    /// Absent where somebody else runs the cluster.
    node: Option<Mutex<Node>>,
    client: Client,
    kubectl: Kubectl,
    kubeconfig: PathBuf,
    folder: PathBuf,
    names: AtomicUsize,
}

impl Cluster {
    /// The cluster of `PODGATE_KUBECONFIG`, or one of our own, started here.
    pub fn connect() -> Result<Self> {
        env::var_os(KUBECONFIG).map_or_else(Self::start, |given| Self::other(Path::new(&given)))
    }

    /// Starts a cluster on this machine, which ends when it is dropped, or else when this process ends.
    pub fn start() -> Result<Self> {
        let folder = new_folder()?;
        let (mut node, kubeconfig) = Node::new(&folder)?;
        let client = Client::new(&kubeconfig)?;
        node.boot(&client, &[probe(&folder)?])?;
        Self::new(Some(node), client, &kubeconfig, folder)
    }

    fn other(kubeconfig: &Path) -> Result<Self> {
        let kubeconfig = fs::canonicalize(kubeconfig)
            .with_context(|| format!("{KUBECONFIG}={}", kubeconfig.display()))?;
        let client = Client::new(&kubeconfig)?;
        Self::new(None, client, &kubeconfig, new_folder()?)
    }

    fn new(node: Option<Node>, client: Client, kubeconfig: &Path, folder: PathBuf) -> Result<Self> {
        let kubectl = Kubectl::new(&servers::kubernetes()?.join("kubectl"), kubeconfig, &folder);
        Ok(Self {
            node: node.map(Mutex::new),
            client,
            kubectl,
            kubeconfig: kubeconfig.to_owned(),
            folder,
            names: AtomicUsize::new(0),
        })
    }

    /// The admin's way to the API, which sees codes and headers.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The admin's `kubectl`, which sees what a person sees.
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// The admin's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Where logs go.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the image in `archive` known to the nodes. In another's cluster it must be already.
    pub fn load(&self, archive: &Path) -> Result<()> {
        self.node.as_ref().map_or(Ok(()), |_| self.node()?.import(archive))
    }

    /// Ends everything at once, as when the power fails, and starts it again with what was written by then.
    pub fn power_cycle(&self) -> Result<()> {
        let mut node = self.node()?;
        node.halt()?;
        node.boot(&self.client, &[])
    }

    /// Ends the API server and starts it again.
    pub fn restart_apiserver(&self) -> Result<()> {
        self.node()?.restart_apiserver(&self.client)
    }

    /// Kills the first container of `pod`, with no chance to finish anything.
    pub fn kill(&self, pod: &Value) -> Result<()> {
        let id = pod["status"]["containerStatuses"][0]["containerID"].as_str();
        let id = id.and_then(|id| id.strip_prefix("containerd://")).context("it never ran")?;
        self.node()?.kill(id)
    }

    /// The ends of the servers' logs, which only our own cluster shows.
    pub fn log_ends(&self) -> String {
        self.node().map_or_else(|_| String::new(), |node| node.log_ends())
    }

    /// A new namespace with `labels` in which pods can be created.
    pub fn namespace(&self, stem: &str, labels: &Value) -> Result<TemporaryNamespace<'_>> {
        // Another run may be at work in the same cluster.
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let name = format!("e2e-{stem}-{}-{number}", std::process::id());
        let object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels},
        });
        let _ = self.client.create("/api/v1/namespaces", &object)?.accepted()?;
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        wait_for("the namespace's service account", Duration::from_secs(20), || {
            Ok((self.client.get(&account)?.code == 200).then_some(()))
        })?;
        Ok(TemporaryNamespace::new(self, name))
    }

    /// Shows what happened in `namespace` and in Podgate's own: objects, events and logs.
    pub fn dump(&self, namespace: &str) {
        self.dump_objects(namespace);
        if namespace != release::RELEASE {
            self.dump_objects(release::RELEASE);
        }
        say(self.log_ends());
    }

    fn dump_objects(&self, namespace: &str) {
        let own = ["--namespace", namespace];
        for what in [
            &["get", "all,events", "--output=wide"][..],
            &["describe", "pods"],
            // kubectl wants a selector; this one is of all pods.
            &["logs", "--selector=!no-pod-has-this", "--all-containers", "--prefix", "--tail=50"],
        ] {
            match self.kubectl.run(&[what, &own].concat()) {
                Ok(output) => {
                    say(format_args!("--- kubectl {what:?}\n{}{}", output.stdout, output.stderr));
                }
                Err(error) => say(format_args!("--- kubectl {what:?}: {error:#}")),
            }
        }
    }

    fn node(&self) -> Result<MutexGuard<'_, Node>> {
        let node = self.node.as_ref().context("this cluster is not ours to stop and start")?;
        node.lock().map_err(|_| anyhow!("the node was left in the middle of a change"))
    }
}

/// Whether the object's condition `Ready` holds.
#[must_use]
pub fn is_ready(object: &Value) -> bool {
    node::is_ready(object)
}
