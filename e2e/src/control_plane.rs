//! etcd and kube-apiserver, as every server of the tests starts them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use crate::certificates::{Authority, Pair, signing_key};
use crate::process::{End, Place, Process};

/// Every request leaves its metadata, which holds the annotations that webhooks add.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: Metadata
";

/// Starts etcd with its data in `data`, and tells its address.
pub(crate) fn start_etcd(
    binaries: &Path,
    place: Place<'_>,
    data: &Path,
    ports: [u16; 2],
) -> Result<(Process, String)> {
    let [url, peers] = ports.map(|port| format!("http://127.0.0.1:{port}"));
    let command = [
        binaries.join("etcd").display().to_string(),
        format!("--data-dir={}", data.display()),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=default={peers}"),
        // What it holds is thrown away, so it need not survive a power cut.
        "--unsafe-no-fsync".to_owned(),
    ];
    Ok((Process::start("etcd", End::Kill, place, &command)?, url))
}

/// The files an API server needs, which outlive it.
#[derive(Debug)]
pub(crate) struct Files {
    authority: PathBuf,
    serving: Pair,
    /// The key that signs service account tokens.
    pub(crate) signing: PathBuf,
    verifying: PathBuf,
    policy: PathBuf,
    audit_log: PathBuf,
    /// How admission plugins are set up.
    admission: PathBuf,
}

/// Who the API server says it is to a webhook that asks.
pub const WEBHOOK_CLIENT: &str = "kube-apiserver-to-webhooks";

impl Files {
    /// Writes them to `folder`.
    pub(crate) fn write(folder: &Path, authority: &Authority, serving: Pair) -> Result<Self> {
        let (signing, verifying) = signing_key(folder)?;
        let policy = folder.join("audit-policy.yaml");
        fs::write(&policy, AUDIT_POLICY)?;
        let audit_log = folder.join("audit.log");
        let admission = admission(folder, &authority.client(WEBHOOK_CLIENT, "")?)?;
        let authority = authority.certificate();
        Ok(Self { authority, serving, signing, verifying, policy, audit_log, admission })
    }
}

/// Lets the API server show `client` to every webhook that asks for a certificate, and tells where that is written.
fn admission(folder: &Path, client: &Pair) -> Result<PathBuf> {
    let kubeconfig = folder.join("webhooks.kubeconfig");
    let user = json!({"client-certificate": client.certificate, "client-key": client.key});
    let users =
        json!({"apiVersion": "v1", "kind": "Config", "users": [{"name": "*", "user": user}]});
    fs::write(&kubeconfig, users.to_string())?;
    let version = "apiserver.config.k8s.io/v1";
    let plugin = |name| {
        json!({"name": name, "configuration": {
            "apiVersion": version,
            "kind": "WebhookAdmissionConfiguration",
            "kubeConfigFile": kubeconfig,
        }})
    };
    let plugins = ["ValidatingAdmissionWebhook", "MutatingAdmissionWebhook"].map(plugin);
    let config =
        json!({"apiVersion": version, "kind": "AdmissionConfiguration", "plugins": plugins});
    let path = folder.join("admission.yaml");
    fs::write(&path, config.to_string())?;
    Ok(path)
}

/// Starts an API server that keeps its objects in the etcd at `store`; `flags` say where it is reached, and by whom.
pub(crate) fn start_apiserver(
    binaries: &Path,
    place: Place<'_>,
    files: &Files,
    store: &str,
    flags: &[String],
) -> Result<Process> {
    let mut command = vec![
        binaries.join("kube-apiserver").display().to_string(),
        format!("--etcd-servers={store}"),
        format!("--tls-cert-file={}", files.serving.certificate.display()),
        format!("--tls-private-key-file={}", files.serving.key.display()),
        format!("--client-ca-file={}", files.authority.display()),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", files.verifying.display()),
        format!("--service-account-signing-key-file={}", files.signing.display()),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        // Or it refuses privileged pods before any webhook is asked.
        "--allow-privileged".to_owned(),
        format!("--audit-policy-file={}", files.policy.display()),
        format!("--audit-log-path={}", files.audit_log.display()),
        format!("--admission-control-config-file={}", files.admission.display()),
    ];
    command.extend_from_slice(flags);
    Process::start("kube-apiserver", End::Kill, place, &command)
}

/// Writes a kubeconfig for `user` of the API server at `url`.
pub(crate) fn kubeconfig(path: &Path, url: &str, authority: &Authority, user: &Pair) -> Result<()> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "e2e",
        "clusters": [{"name": "e2e", "cluster": {"server": url, "certificate-authority": authority.certificate()}}],
        "users": [{"name": "e2e", "user": {"client-certificate": user.certificate, "client-key": user.key}}],
        "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e"}}],
    });
    fs::write(path, config.to_string())?;
    Ok(())
}
