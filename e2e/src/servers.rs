//! The binaries of the servers: from the cache, or built into it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};

/// The Kubernetes that is tested where `PODGATE_KUBERNETES_VERSION` names none.
const KUBERNETES: &str = "1.37.2";

/// The folder with etcd, kube-apiserver and kubectl of one Kubernetes version. Building them takes minutes the first
/// time, and their progress goes to standard error.
pub(crate) fn folder() -> Result<&'static Path> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = FOLDER.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    found.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn build() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers/build.sh");
    let version = env::var("PODGATE_KUBERNETES_VERSION").unwrap_or_else(|_| KUBERNETES.to_owned());
    let output = Command::new(&script)
        .args([&version, "etcd", "kube-apiserver", "kubectl"])
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("running {}", script.display()))?;
    ensure!(output.status.success(), "{} failed ({})", script.display(), output.status);
    let printed = String::from_utf8(output.stdout)?;
    let folder = printed.lines().last().context("build.sh names the folder on its last line")?;
    Ok(PathBuf::from(folder))
}
