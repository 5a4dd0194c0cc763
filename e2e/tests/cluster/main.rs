//! What Podgate does in a cluster, against a real API server: certificates, policies as custom resources, labels of
//! namespaces.

mod certificates;
mod events;
mod from_cluster;
mod namespaces;
mod nodes;
mod owner;
mod proof;
mod reports;
mod resources;
mod schema;
mod sign_in;

use std::sync::OnceLock;
use std::time::Duration;

use e2e::{ApiServer, Namespace, Rejection, wait_for};
use serde_json::{Value, json};

/// How long the cluster may take to hear of something.
const BOUND: Duration = Duration::from_secs(30);

/// What a test returns. An error in it panics where the test meets it: the harness then shows the line, and a gate that
/// is dropped on the way out shows its logs.
type Outcome = Result<(), Failure>;

/// The error that never is.
#[derive(Debug)]
enum Failure {}

impl From<anyhow::Error> for Failure {
    #[track_caller]
    #[expect(clippy::panic, reason = "this is how a test fails")]
    fn from(error: anyhow::Error) -> Self {
        panic!("{error:?}")
    }
}

/// The API server that all tests share, with podgate's custom resources.
fn server() -> &'static ApiServer {
    // What it failed with is kept, or every test would try again.
    static SERVER: OnceLock<Result<ApiServer, String>> = OnceLock::new();
    let started = SERVER.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    started.as_ref().expect("the API server starts")
}

fn start() -> anyhow::Result<ApiServer> {
    const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let server = ApiServer::start()?;
    for (_, definition) in podgate::cluster::crd::definitions() {
        let _ = server.client().create(DEFINITIONS, &definition)?.accepted()?;
        let path =
            format!("{DEFINITIONS}/{}", definition["metadata"]["name"].as_str().expect("a name"));
        wait_for(&format!("{path} to be served"), BOUND, || {
            let found = server.client().get(&path)?.accepted()?.body;
            let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
            // A schema that is not structural is stored all the same, and says so there.
            let bad = conditions.iter().find(|c| c["type"] == "NonStructuralSchema");
            anyhow::ensure!(bad.is_none(), "{bad:?}");
            let is = |kind| conditions.iter().any(|c| c["type"] == kind && c["status"] == "True");
            Ok((is("Established") && is("NamesAccepted")).then_some(()))
        })?;
    }
    Ok(server)
}

/// A new namespace that no gate guards.
fn namespace() -> anyhow::Result<Namespace> {
    let name = server().unique("podgate");
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let _ = server().client().create("/api/v1/namespaces", &object)?.accepted()?;
    Ok(Namespace { name })
}

fn resource(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "podgate.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// Checks that the webhook that denies refused because of `policy`.
#[track_caller]
fn assert_denied_by(refusal: &Rejection, policy: &str) {
    assert_eq!((refusal.code, refusal.reason.as_str()), (403, "Forbidden"), "{refusal:?}");
    let text = "admission webhook \"deny.podgate.dev\" denied the request: ";
    assert!(refusal.message.starts_with(text), "{refusal:?}");
    assert!(refusal.message.contains(&format!("of policy {policy} ")), "{refusal:?}");
}

/// Held by a test whose Podgate writes the status of policies: two of them would overrule each other for ever.
fn only_writer_of_status() -> std::sync::MutexGuard<'static, ()> {
    static ONLY: std::sync::Mutex<()> = std::sync::Mutex::new(());
    // A test that failed leaves nothing behind that the next one reads.
    ONLY.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
