//! The binaries of the servers: from the cache, or built into it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, anyhow, ensure};

/// The Kubernetes that is tested where `PODGATE_KUBERNETES_VERSION` names none.
const KUBERNETES: &str = "1.37.2";

/// The folder with etcd, kube-apiserver and kubectl of one Kubernetes version. Building them takes minutes the first
/// time, and their progress goes to standard error.
pub(crate) fn kubernetes() -> Result<&'static Path> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&FOLDER, || build("build.sh", &[&version(), "etcd", "kube-apiserver", "kubectl"]))
}

/// The custom resources of `OpenReports`, as YAML files.
pub fn openreports() -> Result<PathBuf> {
    build("openreports.sh", &[])
}

/// The folder with prometheus and promtool.
pub(crate) fn prometheus() -> Result<&'static Path> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&FOLDER, || build("prometheus.sh", &[]))
}

/// The folders with what makes this machine a node.
#[derive(Debug)]
pub(crate) struct Node {
    /// With everything of [`kubernetes`] too.
    pub(crate) kubernetes: PathBuf,
    pub(crate) containerd: PathBuf,
    pub(crate) runc: PathBuf,
}

/// Builds what a node runs.
pub(crate) fn node() -> Result<Node> {
    let version = version();
    let mut servers = vec![version.as_str(), "etcd", "kube-apiserver", "kubectl"];
    servers.extend(["kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"]);
    Ok(Node {
        kubernetes: build("build.sh", &servers)?,
        containerd: build("containerd.sh", &[])?,
        runc: build("runc.sh", &[])?,
    })
}

/// Whether the Kubernetes that is tested is the newest that is known here.
#[must_use]
pub fn is_newest() -> bool {
    version() == KUBERNETES
}

fn version() -> String {
    env::var("PODGATE_KUBERNETES_VERSION").unwrap_or_else(|_| KUBERNETES.to_owned())
}

/// What it failed with is kept, or every test would try again.
fn once(
    cell: &'static OnceLock<Result<PathBuf, String>>,
    make: impl FnOnce() -> Result<PathBuf>,
) -> Result<&'static Path> {
    let found = cell.get_or_init(|| make().map_err(|error| format!("{error:#}")));
    found.as_deref().map_err(|error| anyhow!("{error}"))
}

/// Runs a script of `servers/`, which names the folder it built into.
fn build(script: &str, arguments: &[&str]) -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers").join(script);
    let output = Command::new(&script)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("running {}", script.display()))?;
    ensure!(output.status.success(), "{} failed ({})", script.display(), output.status);
    let printed = String::from_utf8(output.stdout)?;
    let folder = printed.lines().last().context("the script names the folder on its last line")?;
    Ok(PathBuf::from(folder))
}
