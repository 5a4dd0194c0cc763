//! The control group below which a node keeps those of its pods.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// One name in each hierarchy of control groups: a single one (v2), or one a controller (v1).
#[derive(Debug)]
pub(crate) struct ControlGroup {
    name: String,
    hierarchies: Vec<PathBuf>,
}

impl ControlGroup {
    /// The group of that name, which need not be there.
    pub(crate) fn named(name: &str) -> Result<Self> {
        Ok(Self { name: name.to_owned(), hierarchies: hierarchies()? })
    }

    /// Makes it.
    pub(crate) fn create(&self) -> Result<()> {
        for (hierarchy, folder) in self.hierarchies.iter().zip(self.folders()) {
            fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
            // In the single hierarchy a group has the controllers that the group above hands down; v1 has no such file.
            let controllers = hierarchy.join("cgroup.controllers");
            for group in [hierarchy, &folder] {
                for controller in
                    fs::read_to_string(&controllers).unwrap_or_default().split_whitespace()
                {
                    // One that cannot be handed down is missed by the kubelet, which says so.
                    let _ =
                        fs::write(group.join("cgroup.subtree_control"), format!("+{controller}"));
                }
            }
        }
        Ok(())
    }

    /// As a path below each hierarchy's root.
    pub(crate) fn path(&self) -> String {
        format!("/{}", self.name)
    }

    /// Its folder in each hierarchy.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        self.hierarchies.iter().map(|hierarchy| hierarchy.join(&self.name)).collect()
    }

    /// Removes it and all below, which takes that no process is in them.
    pub(crate) fn remove(&self) {
        for folder in self.folders() {
            remove(&folder);
        }
    }
}

fn remove(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    // The kernel takes its files away with it. What stays is empty, and in nobody's way.
    let _ = fs::remove_dir(folder);
}

/// Where the hierarchies are mounted.
pub(crate) fn hierarchies() -> Result<Vec<PathBuf>> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("reading the mounts")?;
    let found: Vec<PathBuf> = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (at, kind) = (fields.next()?, fields.next()?);
            matches!(kind, "cgroup" | "cgroup2").then(|| at.into())
        })
        .collect();
    ensure!(!found.is_empty(), "no control groups are mounted");
    Ok(found)
}
