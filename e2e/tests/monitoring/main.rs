//! What podgate tells of itself, read by the real Prometheus: its metrics, the dashboard's queries, and the alerts.
#![allow(clippy::panic, reason = "helpers of tests may fail as tests do")]

mod alerts;
mod scrape;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use e2e::{chart, helm, yaml_objects};
use serde_json::{Value, json};

/// The chart's objects with all of monitoring on.
fn rendered() -> Result<Vec<Value>> {
    let on = json!({"enabled": true});
    let values = json!({"monitoring": {"prometheusRule": on, "dashboard": on}});
    let chart = chart();
    let chart = chart.to_str().context("a plain path")?;
    let said = helm(&["template", "podgate", chart, "-n", "podgate", "-f", "-"], &values)?;
    yaml_objects(&said.succeeded()?)
}

/// The alerts, as Helm renders them.
fn rules() -> Result<Value> {
    let objects = rendered()?;
    let rule = objects.into_iter().find(|object| object["kind"] == "PrometheusRule");
    Ok(rule.context("a PrometheusRule")?["spec"].take())
}

/// The queries of the dashboard, with the title of their panel, as Grafana sends them.
fn queries() -> Result<Vec<(String, String)>> {
    let objects = rendered()?;
    let board = objects.iter().find(|object| object["data"]["podgate.json"].is_string());
    let board = board.context("a dashboard")?["data"]["podgate.json"].as_str();
    let board: Value = serde_json::from_str(board.unwrap_or_default())?;
    let mut queries = Vec::new();
    for panel in board["panels"].as_array().context("panels")? {
        let title = panel["title"].as_str().context("a title")?;
        for target in panel["targets"].as_array().context("targets")? {
            let query = target["expr"].as_str().context("a query")?;
            let query = query.replace("$namespace", "podgate").replace("$__rate_interval", "1m");
            queries.push((title.to_owned(), query));
        }
    }
    Ok(queries)
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self> {
        let path =
            std::env::temp_dir().join(format!("podgate-monitoring-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
