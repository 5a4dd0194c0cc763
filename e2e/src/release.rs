//! Podgate as a Helm release.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::helm::chart;

/// What the release is called, and its namespace.
pub const RELEASE: &str = "podgate";

/// The image that is installed where `PODGATE_IMAGE` names none.
const IMAGE: &str = "localhost/podgate:dev";

/// Installs the chart of this tree with `values`, or upgrades to them, and returns once all its pods are ready.
pub fn install(cluster: &Cluster, values: &Value) -> Result<()> {
    let chart = chart();
    let chart = chart.to_str().context("a path in UTF-8")?;
    let image = image();
    let (repository, tag) = image.rsplit_once(':').context("PODGATE_IMAGE is NAME:TAG")?;
    let mut values = values.clone();
    values["image"] = json!({"repository": repository, "tag": tag});
    let arguments = ["upgrade", "--install", RELEASE, chart, "--namespace", RELEASE];
    let more = ["--create-namespace", "-f", "-", "--wait", "--timeout=3m"];
    helm(cluster, &[&arguments[..], &more].concat(), &values)?;
    Ok(())
}

/// Uninstalls it, and removes its namespace.
pub fn remove(cluster: &Cluster) -> Result<()> {
    helm(
        cluster,
        &["uninstall", RELEASE, "--namespace", RELEASE, "--ignore-not-found", "--wait"],
        &Value::Null,
    )?;
    let namespace = ["delete", "namespace", RELEASE, "--ignore-not-found"];
    let _ = cluster.kubectl().run(&namespace)?.succeeded()?;
    Ok(())
}

/// Runs `helm` on `cluster` with `values`, which an argument `-f -` reads, and returns what it printed.
pub fn helm(cluster: &Cluster, arguments: &[&str], values: &Value) -> Result<String> {
    let kubeconfig = cluster.kubeconfig().to_str().context("a path in UTF-8")?;
    crate::helm(&[&["--kubeconfig", kubeconfig], arguments].concat(), values)?.succeeded()
}

/// What `make image` writes.
#[must_use]
pub fn archive() -> PathBuf {
    root().join("dist/podgate.tar")
}

/// The image that is installed.
#[must_use]
pub fn image() -> String {
    env::var("PODGATE_IMAGE").unwrap_or_else(|_| IMAGE.to_owned())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}
