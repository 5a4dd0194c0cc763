//! The real `helm`, on the chart of this repository.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize as _;
use serde_json::Value;

/// What `helm` printed, and whether it succeeded.
#[must_use]
#[derive(Debug)]
pub struct HelmOutput {
    /// Whether it ended with 0.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl HelmOutput {
    /// The standard output of a success, or an error that shows the failure.
    pub fn succeeded(self) -> Result<String> {
        ensure!(self.success, "helm failed:\n{}{}", self.stdout, self.stderr);
        Ok(self.stdout)
    }

    /// The standard error of a failure, or an error that shows what was printed instead.
    pub fn refused(self) -> Result<String> {
        ensure!(!self.success, "helm succeeded:\n{}", self.stdout);
        Ok(self.stderr)
    }
}

/// Runs `helm` with `arguments` and `values`, which an argument `-f -` reads.
///
/// Nothing of the user's own helm is read, and no server is talked to unless `arguments` name one.
pub fn helm(arguments: &[&str], values: &Value) -> Result<HelmOutput> {
    let mut child = Command::new(binary()?)
        .args(arguments)
        .envs(
            ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"].map(|name| (name, scratch())),
        )
        .env("KUBECONFIG", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("running helm")?;
    child
        .stdin
        .take()
        .context("helm has a standard input")?
        .write_all(values.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    Ok(HelmOutput {
        success: output.status.success(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

/// The folder of the chart.
#[must_use]
pub fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/podgate")
}

/// The objects in YAML documents, such as `helm template` prints.
pub fn objects(text: &str) -> Result<Vec<Value>> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).context("helm printed no YAML"))
        .filter(|object| !matches!(object, Ok(Value::Null)))
        .collect()
}

fn scratch() -> PathBuf {
    env::temp_dir().join("podgate-e2e-helm")
}

/// The binary, built where it is not in the cache yet.
fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = BINARY.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    found.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn build() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers/helm.sh");
    let output = Command::new(&script)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("running {}", script.display()))?;
    ensure!(output.status.success(), "{} failed ({})", script.display(), output.status);
    let printed = String::from_utf8(output.stdout)?;
    let folder = printed.lines().last().context("helm.sh names the folder on its last line")?;
    Ok(Path::new(folder).join("helm"))
}
