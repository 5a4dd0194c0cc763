//! A real Prometheus that scrapes what a test runs, and `promtool`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::apiserver::free_port;
use crate::podgate::get;
use crate::poll::wait_for;
use crate::process::{End, Place, Process};
use crate::servers;

/// A server that scrapes each second.
#[derive(Debug)]
pub struct Prometheus {
    port: u16,
    /// Dropped first, which ends it.
    _process: Process,
}

impl Prometheus {
    /// Scrapes these pods, a name and a port each, under the labels that a `ServiceMonitor` of the chart gives them.
    pub fn start(folder: &Path, pods: &[(&str, u16)]) -> Result<Self> {
        let mut config = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n\
                          - job_name: podgate-metrics\n  static_configs:\n"
            .to_owned();
        for (pod, port) in pods {
            writeln!(
                config,
                "  - {{targets: ['127.0.0.1:{port}'], labels: {{namespace: podgate, pod: {pod}}}}}"
            )?;
        }
        let file = folder.join("prometheus.yaml");
        fs::write(&file, config)?;
        let port = free_port()?;
        let program = servers::prometheus()?.join("prometheus").display().to_string();
        let command = [
            program,
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", folder.join("tsdb").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        let mut process = Process::start("prometheus", End::Kill, Place::here(folder), &command)?;
        let told = wait_for("Prometheus to have scraped", Duration::from_mins(1), || {
            process.still_runs()?;
            let Ok((200, body)) = get(port, "/api/v1/query?query=min_over_time(up%5B1m%5D)") else {
                return Ok(None);
            };
            let answer: Value = serde_json::from_str(&body)?;
            let up = answer["data"]["result"].as_array().map_or(0, |targets| {
                targets.iter().filter(|target| target["value"][1] == "1").count()
            });
            Ok((up == pods.len()).then_some(()))
        });
        told.with_context(|| process.log_end())?;
        Ok(Self { port, _process: process })
    }

    /// The series that an expression gives now, as `promtool` prints them, a line each.
    pub fn query(&self, expression: &str) -> Result<Vec<String>> {
        let server = format!("http://127.0.0.1:{}", self.port);
        let output = promtool(&["query", "instant", &server, expression], "")?;
        ensure!(
            output.status.success(),
            "{expression}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout)?;
        Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }
}

/// What `promtool` says of `input`.
pub fn promtool(arguments: &[&str], input: &str) -> Result<Output> {
    let program: PathBuf = servers::prometheus()?.join("promtool");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("running promtool")?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    std::io::Write::write_all(&mut stdin, input.as_bytes())?;
    drop(stdin);
    Ok(child.wait_with_output()?)
}
