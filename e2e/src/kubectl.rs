//! The real `kubectl`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What `kubectl` printed, and how it ended.
#[must_use]
#[derive(Debug)]
pub struct Output {
    /// The exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// The output of a success, or an error that shows the failure.
    pub fn succeeded(self) -> Result<Self> {
        ensure!(
            self.code == 0,
            "kubectl failed with {}:\n{}{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }

    /// The standard error of a refusal, or an error that shows what was accepted instead.
    pub fn refused(self) -> Result<String> {
        ensure!(
            self.code == 1,
            "kubectl ended with {}:\n{}{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self.stderr)
    }
}

/// `kubectl` as one user of one server.
#[derive(Debug)]
pub struct Kubectl {
    binary: PathBuf,
    kubeconfig: PathBuf,
    folder: PathBuf,
    files: AtomicUsize,
}

impl Kubectl {
    pub(crate) fn new(binary: &Path, kubeconfig: &Path, folder: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            kubeconfig: kubeconfig.to_owned(),
            folder: folder.to_owned(),
            files: AtomicUsize::new(0),
        }
    }

    /// The file that names the server and its user.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Runs `kubectl` with `arguments`.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        self.spawn(arguments, None)
    }

    /// Runs `kubectl <arguments> -f -` with `object` on its standard input.
    pub fn run_on(&self, arguments: &[&str], object: &Value) -> Result<Output> {
        self.spawn(&[arguments, &["-f", "-"]].concat(), Some(object))
    }

    /// Writes `object` to a file that `-f` can name.
    pub fn file(&self, object: &Value) -> Result<PathBuf> {
        let path = self
            .folder
            .join(format!("manifest-{}.json", self.files.fetch_add(1, Ordering::Relaxed)));
        fs::write(&path, object.to_string())?;
        Ok(path)
    }

    fn spawn(&self, arguments: &[&str], input: Option<&Value>) -> Result<Output> {
        let mut child = Command::new(&self.binary)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(arguments)
            // Its discovery cache, and its messages in English.
            .env("HOME", &self.folder)
            .env("LC_ALL", "C")
            .stdin(if input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("running {}", self.binary.display()))?;
        if let (Some(object), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(object.to_string().as_bytes())?;
        }
        let output = child.wait_with_output()?;
        Ok(Output {
            code: output.status.code().context("kubectl was killed")?,
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }
}
