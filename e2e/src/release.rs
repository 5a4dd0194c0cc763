//! Podgate as a Helm release.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::servers;

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
    let file = cluster.kubectl().file(&values)?;
    let file = file.to_str().context("a path in UTF-8")?;
    let arguments = ["upgrade", "--install", RELEASE, chart, "--namespace", RELEASE];
    let more = ["--create-namespace", "--values", file, "--wait", "--timeout=3m"];
    helm(cluster, &[&arguments[..], &more].concat())?;
    Ok(())
}

/// Uninstalls it, and removes its namespace.
pub fn remove(cluster: &Cluster) -> Result<()> {
    helm(cluster, &["uninstall", RELEASE, "--namespace", RELEASE, "--ignore-not-found", "--wait"])?;
    let namespace = ["delete", "namespace", RELEASE, "--ignore-not-found"];
    let _ = cluster.kubectl().run(&namespace)?.succeeded()?;
    Ok(())
}

/// Runs `helm` on `cluster`, and returns what it printed; a failure shows all of it.
pub fn helm(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let output = Command::new(servers::helm()?.join("helm"))
        .arg("--kubeconfig")
        .arg(cluster.kubeconfig())
        .args(arguments)
        // Its caches, and nobody's settings.
        .env("HOME", cluster.folder())
        .output()
        .context("running helm")?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    ensure!(output.status.success(), "helm {arguments:?} failed:\n{stdout}{stderr}");
    Ok(stdout)
}

/// The chart of this tree.
#[must_use]
pub fn chart() -> PathBuf {
    root().join("charts/podgate")
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
