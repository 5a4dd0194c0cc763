//! A real browser, without a window.

mod browser;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

pub use self::browser::{Browser, ENTER, Focus, TAB};

/// Without a window, as root in a container, and with nothing of its own accord.
const QUIET: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-sync",
];

/// What a browser made of a page.
#[derive(Debug)]
pub struct Page {
    /// The document, after everything in it has run.
    pub dom: String,
    /// Hosts that the page itself had asked for anything; the browser has business of its own.
    pub hosts: Vec<String>,
}

/// Loads `url`, with its files in `folder`.
pub fn load(url: &str, folder: &Path) -> Result<Page> {
    let log = folder.join("net.json");
    let output = run(folder, &["--dump-dom", &format!("--log-net-log={}", log.display()), url])?;
    let dom = String::from_utf8(output)?;
    Ok(Page { dom, hosts: hosts(&log, url)? })
}

/// A picture of `url`, `width` by `height`, as PNG.
pub fn picture(
    url: &str,
    folder: &Path,
    (width, height): (u32, u32),
    dark: bool,
) -> Result<Vec<u8>> {
    let path = folder.join("picture.png");
    let (size, to) =
        (format!("--window-size={width},{height}"), format!("--screenshot={}", path.display()));
    let mut arguments = vec!["--hide-scrollbars", &size, &to];
    if dark {
        arguments.push("--blink-settings=preferredColorScheme=0");
    }
    arguments.push(url);
    run(folder, &arguments)?;
    fs::read(&path).context("a picture")
}

fn run(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new("timeout")
        .args(["60", "chromium"])
        .args(QUIET)
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(arguments)
        .output()
        .context("chromium is not installed: e2e/setup.sh chromium installs it")?;
    ensure!(output.status.success(), "chromium: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

/// Hosts of the requests that the page at `url` began, in the log that the browser writes.
fn hosts(log: &Path, url: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(log).context("the browser's log")?;
    let log: Value = serde_json::from_str(&text).context("the browser's log is JSON")?;
    let mut hosts: Vec<String> = Vec::new();
    for event in log["events"].as_array().into_iter().flatten() {
        let initiator = event["params"]["initiator"].as_str().unwrap_or_default();
        if !initiator.contains("://") || !url.starts_with(initiator) {
            continue;
        }
        let Some(asked) = event["params"]["url"].as_str() else { continue };
        let Some((scheme, rest)) = asked.split_once("://") else { continue };
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let host = format!("{scheme}://{host}");
        if scheme.starts_with("http") && !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    Ok(hosts)
}
