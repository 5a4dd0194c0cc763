//! Podgate as the chart installs it, once for all tests.

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use e2e::cluster::{Traffic, is_ready};
use e2e::objects::{pod, privileged};
use e2e::{Answer, Cluster, release, say, wait_for};
use serde_json::{Value, json};

/// Its namespace holds its own pods to the strictest standard, as the newest release has it.
pub(crate) const STRICT: &str = "pod-security.kubernetes.io/enforce";
const STRICT_VERSION: &str = "pod-security.kubernetes.io/enforce-version";

/// Time for a Deployment to be all new, on a machine that has much else to do.
pub(crate) const ROLLOUT: Duration = Duration::from_mins(3);

/// What is installed: one policy, and certificates that can be made to last a minute.
pub(crate) fn values() -> Value {
    json!({"policies": {"library": ["shared-kernel"]}})
}

/// Installs Podgate where that has not been done yet.
pub(crate) fn podgate(cluster: &Cluster) -> Result<()> {
    static DONE: Mutex<Option<Result<(), String>>> = Mutex::new(None);
    let mut done = DONE.lock().map_err(|_| anyhow!("the installation panicked"))?;
    // What it failed with is kept, or every test would try again.
    let done = done.get_or_insert_with(|| install(cluster).map_err(|error| format!("{error:#}")));
    done.clone().map_err(|error| anyhow!("{error}"))
}

fn install(cluster: &Cluster) -> Result<()> {
    let archive = release::archive();
    let size = fs::metadata(&archive)
        .with_context(|| format!("{}: `make image` writes it", archive.display()))?
        .len();
    cluster.load(&archive)?;
    let labels = json!({STRICT: "restricted", STRICT_VERSION: "latest"});
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": release::RELEASE, "labels": labels},
    });
    let _ = cluster.client().create("/api/v1/namespaces", &namespace)?.accepted()?;

    let guarded = cluster.namespace("first", &json!({}))?;
    let pods = format!("{}?dryRun=All", guarded.pods());
    let start = Instant::now();
    let installed = thread::scope(|scope| {
        let installed =
            scope.spawn(|| release::install(cluster, &values()).map(|()| start.elapsed()));
        let first = wait_for("the first denial", ROLLOUT, || {
            let answer = cluster.client().create(&pods, &privileged(pod("bad")))?;
            Ok((answer.code == 403).then(|| start.elapsed()))
        });
        let installed = installed.join().map_err(|_| anyhow!("helm's thread panicked"))??;
        anyhow::Ok((first?, installed))
    });
    let (first, all) = installed.inspect_err(|_| cluster.dump(release::RELEASE))?;
    say(format_args!(
        "helm install: first denial after {:.1} s, all ready after {:.1} s; image {}",
        first.as_secs_f64(),
        all.as_secs_f64(),
        mebibytes(size),
    ));
    Ok(())
}

/// Good and bad pods for a namespace that Podgate guards. None is stored.
pub(crate) fn traffic<'a>(cluster: &'a Cluster, pods: &str) -> Traffic<'a> {
    Traffic {
        client: cluster.client(),
        path: format!("{pods}?dryRun=All"),
        good: pod("good"),
        bad: privileged(pod("bad")),
    }
}

/// Runs `kubectl` in Podgate's namespace.
pub(crate) fn kubectl(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let namespace = ["--namespace", release::RELEASE];
    Ok(cluster.kubectl().run(&[arguments, &namespace].concat())?.succeeded()?.stdout)
}

/// Podgate's pods of `component` that are not on their way out.
pub(crate) fn pods(cluster: &Cluster, component: &str) -> Result<Vec<Value>> {
    let mut pods =
        list(cluster, &format!("labelSelector=app.kubernetes.io/component%3D{component}"))?;
    pods.retain(|pod| !is_on_its_way_out(pod));
    Ok(pods)
}

/// Returns once every pod of Podgate that is on its way out is gone: until then it drains.
pub(crate) fn drained(cluster: &Cluster) -> Result<()> {
    wait_for("the last replica to have drained", ROLLOUT, || {
        Ok((!list(cluster, "")?.iter().any(is_on_its_way_out)).then_some(()))
    })
}

fn list(cluster: &Cluster, selector: &str) -> Result<Vec<Value>> {
    let path = format!("/api/v1/namespaces/{}/pods?{selector}", release::RELEASE);
    let mut list = cluster.client().get(&path)?.accepted()?.body;
    Ok(list["items"].as_array_mut().context("a list has items")?.drain(..).collect())
}

fn is_on_its_way_out(pod: &Value) -> bool {
    !pod["metadata"]["deletionTimestamp"].is_null()
}

/// Scales the webhook and returns once all its pods are ready, and no more of them are there.
pub(crate) fn scale(cluster: &Cluster, replicas: usize) -> Result<()> {
    let to = format!("--replicas={replicas}");
    kubectl(cluster, &["scale", "deployment/podgate-webhook", &to])?;
    wait_for(&format!("{replicas} webhooks"), ROLLOUT, || {
        let pods = pods(cluster, "webhook")?;
        Ok((pods.len() == replicas && pods.iter().all(is_ready)).then_some(()))
    })
}

/// Replaces every pod of the Deployment, as an upgrade does.
pub(crate) fn restart(cluster: &Cluster, deployment: &str) -> Result<()> {
    let deployment = format!("deployment/{deployment}");
    kubectl(cluster, &["rollout", "restart", &deployment])?;
    let status = kubectl(cluster, &["rollout", "status", &deployment, "--timeout=3m"])?;
    ensure!(status.contains("successfully rolled out"), "{status}");
    Ok(())
}

/// The size, to one decimal.
pub(crate) fn mebibytes(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

/// Creates `pod` at `path` until all answers are as `is_it` wants them, so often in a row that each replica will have been
/// asked, and returns the last.
pub(crate) fn settled(
    cluster: &Cluster,
    path: &str,
    pod: &Value,
    is_it: impl Fn(&Answer) -> bool,
) -> Result<Answer> {
    wait_for("all replicas to answer so", ROLLOUT, || {
        let mut last = None;
        for _ in 0..20 {
            let answer = cluster.client().create(path, pod)?;
            if !is_it(&answer) {
                return Ok(None);
            }
            last = Some(answer);
        }
        Ok(last)
    })
}
