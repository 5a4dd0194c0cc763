//! The container runtime and its network.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::enclosure::Enclosure;
use super::image;
use super::node::PODS;
use crate::poll::wait_for;
use crate::process::{End, Place, Process};
use crate::servers;

/// Where Debian's `containernetworking-plugins` are.
pub(crate) const PLUGINS: &str = "/usr/lib/cni";

/// Writes its configuration to `folder`.
pub(crate) fn configure(binaries: &servers::Node, folder: &Path, data: &Path) -> Result<()> {
    // Each pod has a link of its own to the node and no other way: so what it sends to a Service, and the answer, pass the node's NAT.
    let network = json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": true,
                "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "/run/cni"},
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    });
    fs::create_dir_all(folder.join("cni"))?;
    fs::write(folder.join("cni/pods.conflist"), network.to_string())?;

    let configuration = format!(
        "\
version = 3
root = '{root}'
state = '/run/containerd'

[plugins.'io.containerd.internal.v1.opt']
path = '{opt}'

[plugins.'io.containerd.cri.v1.images']
snapshotter = '{snapshotter}'

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{sandbox}'

[plugins.'io.containerd.cri.v1.runtime']
disable_apparmor = true
# Where a machine withholds CAP_SYS_RESOURCE, no process can be made less likely to be killed than its parent.
restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['{PLUGINS}']
conf_dir = '{networks}'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = '{runc}'
SystemdCgroup = false
",
        root = data.join("containerd").display(),
        opt = data.join("opt").display(),
        networks = folder.join("cni").display(),
        snapshotter = snapshotter(folder)?,
        sandbox = image::PROBE,
        runc = binaries.runc.join("runc").display(),
    );
    fs::write(folder.join("containerd.toml"), configuration)?;
    Ok(())
}

/// An overlay cannot be laid over another, as where the tests run in a container themselves.
fn snapshotter(folder: &Path) -> Result<&'static str> {
    let output = std::process::Command::new("stat")
        .args(["--file-system", "--format=%T"])
        .arg(folder)
        .output()?;
    Ok(if output.stdout.starts_with(b"overlay") { "native" } else { "overlayfs" })
}

/// Starts it.
pub(crate) fn start(binaries: &servers::Node, place: Place<'_>) -> Result<Process> {
    let command = [
        binaries.containerd.join("containerd").display().to_string(),
        format!("--config={}", place.logs.join("containerd.toml").display()),
    ];
    Process::start("containerd", End::Kill, place, &command)
}

/// Returns once it answers.
pub(crate) fn wait(
    binaries: &servers::Node,
    enclosure: &Enclosure,
    containerd: &mut Process,
) -> Result<()> {
    let ctr = binaries.containerd.join("ctr");
    wait_for("containerd to answer", Duration::from_secs(30), || {
        containerd.still_runs()?;
        Ok(enclosure.run(&ctr, &["version".as_ref()]).ok())
    })
}

/// Makes the images in `archive` known to the kubelet.
pub(crate) fn import(
    binaries: &servers::Node,
    enclosure: &Enclosure,
    archive: &Path,
) -> Result<()> {
    ctr(binaries, enclosure, &["images".as_ref(), "import".as_ref(), archive.as_os_str()])
}

/// Kills the container of that id.
pub(crate) fn kill(binaries: &servers::Node, enclosure: &Enclosure, id: &str) -> Result<()> {
    ctr(binaries, enclosure, &["tasks", "kill", "--signal=SIGKILL", id].map(AsRef::as_ref))
}

/// Runs containerd's client among the kubelet's containers and images.
fn ctr(binaries: &servers::Node, enclosure: &Enclosure, arguments: &[&OsStr]) -> Result<()> {
    let namespace = ["--namespace=k8s.io".as_ref()];
    enclosure.run(&binaries.containerd.join("ctr"), &[&namespace, arguments].concat())
}
