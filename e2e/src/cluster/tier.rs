//! Whether this machine can be a node.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use super::containerd::PLUGINS;
use super::control_group::hierarchies;

/// The programs that a node calls, and those that make its namespaces.
const TOOLS: [&str; 10] =
    ["conntrack", "find", "ip", "iptables", "mount", "nsenter", "rustc", "stat", "tar", "unshare"];

/// What this machine lacks, in words.
#[must_use]
pub fn missing() -> Vec<String> {
    if env::consts::OS != "linux" {
        return vec!["this is not Linux".to_owned()];
    }
    let mut missing = Vec::new();
    let path = env::var_os("PATH").unwrap_or_default();
    let found = |tool: &&str| env::split_paths(&path).any(|folder| folder.join(tool).exists());
    for tool in TOOLS.iter().filter(|tool| !found(tool)) {
        missing.push(format!("there is no {tool}"));
    }
    for plugin in ["host-local", "portmap", "ptp"] {
        if !Path::new(PLUGINS).join(plugin).exists() {
            missing.push(format!("there is no {PLUGINS}/{plugin}"));
        }
    }
    if let Err(error) = hierarchies() {
        missing.push(format!("{error:#}"));
    }
    // Whether one is root and whether a root may do this are one question.
    let unshare = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "true"])
        .stdin(Stdio::null())
        .output();
    match unshare {
        Ok(output) if output.status.success() => {}
        Ok(output) => missing.push(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => missing.push(format!("unshare: {error}")),
    }
    missing
}
