//! This machine as the one node of a cluster, control plane included.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::control_group::ControlGroup;
use super::enclosure::{self, Enclosure, Link};
use super::{containerd, kubelet};
use crate::apiserver::folders;
use crate::certificates::Authority;
use crate::client::Client;
use crate::control_plane::{self, Files, start_apiserver, start_etcd};
use crate::poll::wait_for;
use crate::process::{End, Place, Process};
use crate::servers;

/// What the node is called.
pub(crate) const NAME: &str = "node";
/// Where pods get their addresses from.
pub(crate) const PODS: &str = "10.88.0.0/16";
/// The first address of the Services, which is the API server's.
const SERVICE: [u8; 4] = [10, 96, 0, 1];
const PORT: u16 = 6443;

const READY: Duration = Duration::from_mins(5);

/// Everything from etcd to the kubelet, in namespaces of its own. Once dropped, nothing of it is left but its logs.
pub(crate) struct Node {
    /// Ends first, and everything else with it.
    enclosure: Option<Enclosure>,
    apiserver: Option<Process>,
    others: Vec<Process>,
    binaries: servers::Node,
    folder: PathBuf,
    files: Files,
    group: ControlGroup,
    link: Link,
    /// Locked as long as this lives: a folder whose lock can be had is one of the dead.
    _lock: File,
}

impl Node {
    /// Prepares a node whose files are in `folder`, and tells the admin's kubeconfig.
    pub(crate) fn new(folder: &Path) -> Result<(Self, PathBuf)> {
        sweep()?;
        let lock = File::create(folder.join("lock"))?;
        lock.lock()?;
        let link = Link::free()?;
        let authority = Authority::new(folder)?;
        let names = ["kubernetes.default.svc", "localhost"];
        let addresses = [link.inside, [127, 0, 0, 1].into(), SERVICE.into()];
        let serving = authority.server_at("kube-apiserver", &addresses, &names)?;
        let files = Files::write(folder, &authority, serving)?;

        let url = format!("https://{}:{PORT}", link.inside);
        let kubeconfig = folder.join("kubeconfig");
        let kubelet = format!("system:node:{NAME}");
        let users = [
            ("admin", "system:masters", kubeconfig.clone()),
            (
                "system:kube-controller-manager",
                "",
                folder.join("kube-controller-manager.kubeconfig"),
            ),
            ("system:kube-scheduler", "", folder.join("kube-scheduler.kubeconfig")),
            ("system:kube-proxy", "", folder.join("kube-proxy.kubeconfig")),
            (kubelet.as_str(), "system:nodes", folder.join("kubelet.kubeconfig")),
        ];
        for (user, group, path) in users {
            control_plane::kubeconfig(&path, &url, &authority, &authority.client(user, group)?)?;
        }
        // By this one the API server asks the kubelet for logs.
        authority.client("kube-apiserver-kubelet-client", "system:masters")?;
        authority.server_at("kubelet", &[link.inside], &[NAME])?;

        let node = Self {
            enclosure: None,
            apiserver: None,
            others: Vec::new(),
            binaries: servers::node()?,
            folder: folder.to_owned(),
            files,
            group: control_group(folder)?,
            link,
            _lock: lock,
        };
        containerd::configure(&node.binaries, folder, &node.data())?;
        kubelet::configure(folder, &node.data(), &node.link, &node.group)?;
        Ok((node, kubeconfig))
    }

    /// What goes with the node, unlike its logs.
    fn data(&self) -> PathBuf {
        data(&self.folder)
    }

    /// Starts everything, for the first time or again, and returns once the node is ready. Pods find the images of
    /// `archives`.
    pub(crate) fn boot(&mut self, client: &Client, archives: &[PathBuf]) -> Result<()> {
        fs::create_dir_all(self.data())?;
        self.group.create()?;
        let enclosure = Enclosure::start(&self.data(), &self.keep(), &self.group, &self.link)?;
        let enclosure = self.enclosure.insert(enclosure);
        let place = Place { logs: &self.folder, scratch: None, enclosure: Some(enclosure) };

        let mut containerd = containerd::start(&self.binaries, place)?;
        let data = data(&self.folder).join("etcd");
        let (etcd, store) = start_etcd(&self.binaries.kubernetes, place, &data, [2379, 2380])?;
        self.others.push(etcd);
        self.start_apiserver(&store)?;
        self.wait_for_apiserver(client)?;

        let enclosure = self.enclosure.as_ref().context("the enclosure was just made")?;
        let place = Place { logs: &self.folder, scratch: None, enclosure: Some(enclosure) };
        self.others.push(controller_manager(&self.binaries, place, &self.files)?);
        self.others.push(scheduler(&self.binaries, place)?);
        containerd::wait(&self.binaries, enclosure, &mut containerd)?;
        self.others.push(containerd);
        for archive in archives {
            containerd::import(&self.binaries, enclosure, archive)?;
        }
        let kubelet = kubelet::start(&self.binaries, place, &self.data(), &self.link)?;
        self.others.push(kubelet);
        self.others.push(proxy(&self.binaries, place)?);
        self.wait_for_node(client)
    }

    /// Pulls the plug: everything ends at once, and only what was written stays.
    pub(crate) fn halt(&mut self) -> Result<()> {
        File::create(self.keep())?;
        let stopped = self.enclosure.take().map_or(Ok(()), |mut enclosure| enclosure.stop());
        self.apiserver = None;
        self.others.clear();
        fs::remove_file(self.keep())?;
        stopped
    }

    /// Ends the API server and starts it again; the rest goes on.
    pub(crate) fn restart_apiserver(&mut self, client: &Client) -> Result<()> {
        self.apiserver.take().context("no API server runs")?.stop()?;
        self.start_apiserver("http://127.0.0.1:2379")?;
        self.wait_for_apiserver(client)
    }

    /// Makes the image in `archive` known to the node.
    pub(crate) fn import(&self, archive: &Path) -> Result<()> {
        let enclosure = self.enclosure.as_ref().context("the node is not running")?;
        containerd::import(&self.binaries, enclosure, archive)
    }

    /// Kills a container.
    pub(crate) fn kill(&self, id: &str) -> Result<()> {
        let enclosure = self.enclosure.as_ref().context("the node is not running")?;
        containerd::kill(&self.binaries, enclosure, id)
    }

    /// The ends of all logs.
    pub(crate) fn log_ends(&self) -> String {
        self.apiserver.iter().chain(&self.others).map(Process::log_end).collect()
    }

    /// The file that keeps the data of a node that is stopped.
    fn keep(&self) -> PathBuf {
        self.folder.join("keep")
    }

    fn start_apiserver(&mut self, store: &str) -> Result<()> {
        let place = Place { logs: &self.folder, scratch: None, enclosure: self.enclosure.as_ref() };
        let pair = self.folder.join("kube-apiserver-kubelet-client");
        let flags = [
            format!("--secure-port={PORT}"),
            format!("--advertise-address={}", self.link.inside),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            // The node's name is known to no DNS.
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            format!("--kubelet-certificate-authority={}", self.folder.join("ca.crt").display()),
            format!("--kubelet-client-certificate={}.crt", pair.display()),
            format!("--kubelet-client-key={}.key", pair.display()),
        ];
        self.apiserver =
            Some(start_apiserver(&self.binaries.kubernetes, place, &self.files, store, &flags)?);
        Ok(())
    }

    fn wait_for_apiserver(&mut self, client: &Client) -> Result<()> {
        wait_for("the API server to be ready", READY, || {
            self.still_run()?;
            // A connection refused is as good as "not yet": the line above tells when it will never come.
            Ok(client.get("/readyz").is_ok_and(|answer| answer.code == 200).then_some(()))
        })
        .with_context(|| self.log_ends())
    }

    fn wait_for_node(&mut self, client: &Client) -> Result<()> {
        wait_for("the node to be ready", READY, || {
            self.still_run()?;
            let node = client.get(&format!("/api/v1/nodes/{NAME}"))?;
            Ok(is_ready(&node.body).then_some(()))
        })
        .with_context(|| self.log_ends())
    }

    fn still_run(&mut self) -> Result<()> {
        self.apiserver.iter_mut().chain(&mut self.others).try_for_each(Process::still_runs)
    }
}

/// Whether the object's condition `Ready` holds.
pub(crate) fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|it| it["type"] == "Ready" && it["status"] == "True")
}

fn controller_manager(
    binaries: &servers::Node,
    place: Place<'_>,
    files: &Files,
) -> Result<Process> {
    let mut command = controller(binaries, place, "kube-controller-manager");
    command.extend([
        format!("--service-account-private-key-file={}", files.signing.display()),
        format!("--root-ca-file={}", place.logs.join("ca.crt").display()),
        "--use-service-account-credentials=true".to_owned(),
        "--allocate-node-cidrs=false".to_owned(),
    ]);
    Process::start("kube-controller-manager", End::Kill, place, &command)
}

fn scheduler(binaries: &servers::Node, place: Place<'_>) -> Result<Process> {
    let command = controller(binaries, place, "kube-scheduler");
    Process::start("kube-scheduler", End::Kill, place, &command)
}

fn controller(binaries: &servers::Node, place: Place<'_>, name: &str) -> Vec<String> {
    vec![
        binaries.kubernetes.join(name).display().to_string(),
        format!("--kubeconfig={}", place.logs.join(name).with_extension("kubeconfig").display()),
        // There is one of each.
        "--leader-elect=false".to_owned(),
        "--authentication-skip-lookup=true".to_owned(),
        "--bind-address=127.0.0.1".to_owned(),
    ]
}

fn proxy(binaries: &servers::Node, place: Place<'_>) -> Result<Process> {
    let command = [
        binaries.kubernetes.join("kube-proxy").display().to_string(),
        format!("--kubeconfig={}", place.logs.join("kube-proxy.kubeconfig").display()),
        format!("--hostname-override={NAME}"),
        format!("--cluster-cidr={PODS}"),
        "--proxy-mode=iptables".to_owned(),
        // These are the machine's, and may not be set from within a network namespace.
        "--conntrack-max-per-core=0".to_owned(),
        "--conntrack-tcp-timeout-established=0".to_owned(),
        "--conntrack-tcp-timeout-close-wait=0".to_owned(),
    ];
    Process::start("kube-proxy", End::Kill, place, &command)
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// Each run has its own, named after its folder.
fn control_group(folder: &Path) -> Result<ControlGroup> {
    let name = folder.file_name().context("a folder has a name")?;
    ControlGroup::named(&format!("podgate-{}", name.to_string_lossy()))
}

/// Removes what runs have left that were killed together with those who clean up after them.
fn sweep() -> Result<()> {
    for folder in fs::read_dir(folders()?)? {
        let folder = folder?.path();
        let Ok(lock) = File::open(folder.join("lock")) else { continue };
        match lock.try_lock() {
            Ok(()) => enclosure::sweep(&data(&folder), &control_group(&folder)?)?,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
    Ok(())
}
