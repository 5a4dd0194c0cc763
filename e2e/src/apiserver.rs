//! An etcd and a kube-apiserver of our own.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

use crate::audit::{self, Event};
use crate::certificates::Authority;
use crate::client::Client;
use crate::control_plane::{self, Files, start_apiserver, start_etcd};
use crate::kubectl::Kubectl;
use crate::poll::wait_for;
use crate::process::{Place, Process};
use crate::servers;

/// A Kubernetes API without nodes: whatever may be asked of a webhook, without anything that runs pods.
pub struct ApiServer {
    folder: PathBuf,
    kubeconfig: PathBuf,
    authority: Authority,
    client: Client,
    kubectl: Kubectl,
    names: AtomicUsize,
    /// In the order in which they end: the API server before the store it leans on.
    processes: Mutex<[Process; 2]>,
}

impl ApiServer {
    /// Starts the servers, and returns once they are ready.
    pub fn start() -> Result<Self> {
        let binaries = servers::kubernetes()?;
        let folder = new_folder()?;
        let authority = Authority::new(&folder)?;
        let admin = authority.client("admin", "system:masters")?;
        let files = Files::write(&folder, &authority, authority.server("kube-apiserver")?)?;
        let place = Place::here(&folder);

        let data = folder.join("etcd");
        let store = Place { scratch: Some(&data), ..place };
        let (etcd, store) = start_etcd(binaries, store, &data, [free_port()?, free_port()?])?;
        let port = free_port()?;
        let apiserver = start_apiserver(binaries, place, &files, &store, &flags(port))?;
        let mut processes = [apiserver, etcd];

        let kubeconfig = folder.join("kubeconfig");
        control_plane::kubeconfig(
            &kubeconfig,
            &format!("https://127.0.0.1:{port}"),
            &authority,
            &admin,
        )?;
        let client = Client::new(&kubeconfig)?;
        wait_for("the API server to be ready", Duration::from_mins(3), || {
            for process in &mut processes {
                process.still_runs()?;
            }
            // A connection refused is as good as "not yet": the line above tells when it will never come.
            Ok(client.get("/readyz").is_ok_and(|answer| answer.code == 200).then_some(()))
        })
        .with_context(|| processes[0].log_end())?;
        let kubectl = Kubectl::new(&binaries.join("kubectl"), &kubeconfig, &folder);
        Ok(Self {
            folder,
            kubeconfig,
            authority,
            client,
            kubectl,
            names: AtomicUsize::new(0),
            processes: Mutex::new(processes),
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

    /// What the audit log says of the requests that created `name` in `namespace`. The API server writes an event after
    /// the answer has left, so this waits for the first.
    pub fn audit_of_create(&self, resource: &str, namespace: &str, name: &str) -> Result<Event> {
        let path = self.folder.join("audit.log");
        let what = format!("an audit event about {resource} {namespace}/{name}");
        wait_for(&what, Duration::from_secs(10), || {
            audit::find_create(&path, resource, namespace, name)
        })
    }

    /// The end of what the API server logged.
    pub fn log_end(&self) -> String {
        self.processes.lock().map_or_else(|_| String::new(), |processes| processes[0].log_end())
    }

    /// How the admin gets in.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A name that nothing else on this server has.
    pub fn unique(&self, stem: &str) -> String {
        format!("{stem}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// A new folder for the files of one part of a test.
    pub(crate) fn folder_for(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir(&folder).with_context(|| format!("creating {}", folder.display()))?;
        Ok(folder)
    }
}

/// A port that was free a moment ago, and that no other part of this run is given.
///
/// It lies below those that the system hands out to clients: one of them could take it while its server is away.
pub(crate) fn free_port() -> Result<u16> {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    // Another run on this machine starts elsewhere.
    let start = u16::try_from(process::id() % u32::from(COUNT))?;
    for _ in 0..COUNT {
        let port = FIRST + (start + GIVEN.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free from {FIRST} on")
}

/// What is particular to a server that only this machine's own programs reach, and that has no nodes.
fn flags(port: u16) -> [String; 6] {
    [
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        // It refuses to advertise a loopback address, and would look for another. Without nodes nobody asks for it, so
        // this one is from a range that leads nowhere.
        "--advertise-address=192.0.2.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        // No controller creates the service account that each pod would have to name.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
    ]
}

/// Under the target folder, where the logs can still be read after the run and `cargo clean` removes them.
pub(crate) fn new_folder() -> Result<PathBuf> {
    let started = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let folder = folders()?.join(format!("{started}-{}", process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

/// Where each run has its folder.
pub(crate) fn folders() -> Result<PathBuf> {
    let binary = env::current_exe()?;
    let folder = binary.parent().context("a program lies in a folder")?;
    // Programs lie in <target>/<profile>, and tests one further down.
    let profile = if folder.ends_with("deps") { folder.parent() } else { Some(folder) };
    Ok(profile.context("tests lie below the profile")?.join("e2e"))
}
