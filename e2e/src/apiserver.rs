//! An etcd and a kube-apiserver of our own.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::audit::{self, Event};
use crate::certificates::{Authority, Pair, signing_key};
use crate::client::Client;
use crate::kubectl::Kubectl;
use crate::poll::wait_for;
use crate::process::{End, Process};
use crate::servers;

/// Every request leaves its metadata, which holds the annotations that webhooks add.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: Metadata
";

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
        let binaries = servers::folder()?;
        let folder = new_folder()?;
        let authority = Authority::new(&folder)?;
        let admin = authority.client("admin", "system:masters")?;

        let (etcd, store) = start_etcd(binaries, &folder)?;
        let (apiserver, url) = start_apiserver(binaries, &folder, &authority, &store)?;
        let mut processes = [apiserver, etcd];

        let kubeconfig = kubeconfig(&folder, &url, &authority, &admin)?;
        let client = Client::new(&kubeconfig)?;
        wait_for("the API server to be ready", Duration::from_mins(1), || {
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

/// Under the target folder, where the logs can still be read after the run and `cargo clean` removes them.
fn new_folder() -> Result<PathBuf> {
    let binary = env::current_exe()?;
    let profile =
        binary.ancestors().nth(2).context("test binaries lie in <target>/<profile>/deps")?;
    let started = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let folder = profile.join("e2e").join(format!("{started}-{}", process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

fn start_etcd(binaries: &Path, folder: &Path) -> Result<(Process, String)> {
    let data = folder.join("etcd");
    let url = format!("http://127.0.0.1:{}", free_port()?);
    let peers = format!("http://127.0.0.1:{}", free_port()?);
    let cluster = format!("default={peers}");
    let program = binaries.join("etcd");
    let command: Vec<&OsStr> = vec![
        program.as_os_str(),
        "--data-dir".as_ref(),
        data.as_os_str(),
        "--listen-client-urls".as_ref(),
        url.as_ref(),
        "--advertise-client-urls".as_ref(),
        url.as_ref(),
        "--listen-peer-urls".as_ref(),
        peers.as_ref(),
        "--initial-advertise-peer-urls".as_ref(),
        peers.as_ref(),
        "--initial-cluster".as_ref(),
        cluster.as_ref(),
        // What it holds is thrown away, so it need not survive a power cut.
        "--unsafe-no-fsync".as_ref(),
    ];
    Ok((Process::start("etcd", End::Kill, folder, Some(&data), &command)?, url))
}

fn start_apiserver(
    binaries: &Path,
    folder: &Path,
    authority: &Authority,
    store: &str,
) -> Result<(Process, String)> {
    let port = free_port()?.to_string();
    let serving = authority.server("kube-apiserver")?;
    let (private, public) = signing_key(folder)?;
    let policy = folder.join("audit-policy.yaml");
    fs::write(&policy, AUDIT_POLICY)?;
    let (program, audit_log, ca) =
        (binaries.join("kube-apiserver"), folder.join("audit.log"), authority.certificate());
    let command: Vec<&OsStr> = vec![
        program.as_os_str(),
        "--etcd-servers".as_ref(),
        store.as_ref(),
        "--bind-address".as_ref(),
        "127.0.0.1".as_ref(),
        "--secure-port".as_ref(),
        port.as_ref(),
        // It refuses to advertise a loopback address, and would look for another. Without nodes nobody asks for it, so
        // this one is from a range that leads nowhere.
        "--advertise-address=192.0.2.1".as_ref(),
        "--endpoint-reconciler-type=none".as_ref(),
        "--tls-cert-file".as_ref(),
        serving.certificate.as_os_str(),
        "--tls-private-key-file".as_ref(),
        serving.key.as_os_str(),
        "--client-ca-file".as_ref(),
        ca.as_os_str(),
        "--service-account-issuer=https://kubernetes.default.svc".as_ref(),
        "--service-account-key-file".as_ref(),
        public.as_os_str(),
        "--service-account-signing-key-file".as_ref(),
        private.as_os_str(),
        "--service-cluster-ip-range=10.96.0.0/16".as_ref(),
        "--authorization-mode=RBAC".as_ref(),
        // No controller creates the service account that each pod would have to name.
        "--disable-admission-plugins=ServiceAccount".as_ref(),
        // Or it refuses privileged pods before any webhook is asked.
        "--allow-privileged".as_ref(),
        "--audit-policy-file".as_ref(),
        policy.as_os_str(),
        "--audit-log-path".as_ref(),
        audit_log.as_os_str(),
    ];
    let process = Process::start("kube-apiserver", End::Kill, folder, None, &command)?;
    Ok((process, format!("https://127.0.0.1:{port}")))
}

fn kubeconfig(folder: &Path, url: &str, authority: &Authority, user: &Pair) -> Result<PathBuf> {
    let path = folder.join("kubeconfig");
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "e2e",
        "clusters": [{"name": "e2e", "cluster": {"server": url, "certificate-authority": authority.certificate()}}],
        "users": [{"name": "admin", "user": {"client-certificate": user.certificate, "client-key": user.key}}],
        "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "admin"}}],
    });
    fs::write(&path, config.to_string())?;
    Ok(path)
}
