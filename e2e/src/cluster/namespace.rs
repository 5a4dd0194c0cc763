//! A namespace of one test.

use std::env;
use std::ops::Deref;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{Cluster, is_ready};
use crate::gate::Namespace;
use crate::poll::wait_for;

/// Set to keep what the tests made, to look at it.
pub const KEEP: &str = "PODGATE_KEEP";

/// Time for an image to be unpacked and a container to start, on a machine that has much else to do.
const START: Duration = Duration::from_mins(2);

/// A namespace that is deleted when it is dropped. While a test fails, it shows what happened in it first.
pub struct TemporaryNamespace<'cluster> {
    cluster: &'cluster Cluster,
    namespace: Namespace,
}

impl Deref for TemporaryNamespace<'_> {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.namespace
    }
}

impl<'cluster> TemporaryNamespace<'cluster> {
    pub(super) fn new(cluster: &'cluster Cluster, name: String) -> Self {
        Self { cluster, namespace: Namespace { name } }
    }

    /// Creates `pod` and returns it once it is ready.
    pub fn run(&self, pod: &Value) -> Result<Value> {
        let _ = self.cluster.client().create(&self.pods(), pod)?.accepted()?;
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        self.ready(name)
    }

    /// The pod of that name, once it is ready.
    pub fn ready(&self, name: &str) -> Result<Value> {
        let path = format!("{}/{name}", self.pods());
        wait_for(&format!("pod {}/{name} to be ready", self.name), START, || {
            let pod = self.cluster.client().get(&path)?.accepted()?.body;
            ensure!(pod["status"]["phase"] != "Failed", "the pod failed: {}", pod["status"]);
            Ok(is_ready(&pod).then_some(pod))
        })
    }

    /// Runs `command` in the pod of that name, and returns what it printed.
    pub fn exec(&self, pod: &str, command: &[&str]) -> Result<String> {
        let arguments = ["exec", "--namespace", &self.name, pod, "--"];
        Ok(self.cluster.kubectl().run(&[&arguments, command].concat())?.succeeded()?.stdout)
    }
}

impl Drop for TemporaryNamespace<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.cluster.dump(&self.name);
        }
        if env::var_os(KEEP).is_none() {
            // One that stays is in nobody's way.
            let _ = self.cluster.client().delete(&format!("/api/v1/namespaces/{}", self.name));
        }
    }
}
