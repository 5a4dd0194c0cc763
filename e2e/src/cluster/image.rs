//! The images of the tests' own containers, made without a builder or a registry.

use std::env::consts::ARCH;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::enclosure::run;

/// Its name. It holds the program of `bin/probe.rs` and runs it as nobody.
pub const PROBE: &str = "localhost/podgate-probe:dev";
/// The same program, run as root since nobody is named.
pub const ROOT_PROBE: &str = "localhost/podgate-probe:root";

/// Compiles the program and writes an archive of both images to `folder`, as `docker save` would.
pub fn probe(folder: &Path) -> Result<PathBuf> {
    let work = folder.join("probe");
    fs::create_dir_all(&work)?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    run(Command::new("rustc")
        .current_dir(source)
        .args([
            "--edition=2024",
            "-Copt-level=s",
            "-Cstrip=symbols",
            "-Ctarget-feature=+crt-static",
            "-o",
        ])
        .arg(work.join("probe"))
        .arg("src/bin/probe.rs"))
    .context("compiling the probe")?;
    pack(&work, "layer.tar", &["probe"])?;

    let architecture = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let layer = format!("sha256:{}", digest(&fs::read(work.join("layer.tar"))?));
    let mut manifest = Vec::new();
    for (file, name, user) in [("config.json", PROBE, "65532:65532"), ("root.json", ROOT_PROBE, "")]
    {
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": ["/probe"], "User": user},
            "rootfs": {"type": "layers", "diff_ids": [layer]},
        });
        fs::write(work.join(file), config.to_string())?;
        manifest.push(json!({"Config": file, "RepoTags": [name], "Layers": ["layer.tar"]}));
    }
    fs::write(work.join("manifest.json"), json!(manifest).to_string())?;
    let files = ["manifest.json", "config.json", "root.json", "layer.tar"];
    pack(&work, "../probe.tar", &files)?;
    fs::remove_dir_all(work)?;
    Ok(folder.join("probe.tar"))
}

fn pack(folder: &Path, archive: &str, files: &[&str]) -> Result<()> {
    run(Command::new("tar")
        .current_dir(folder)
        .args([
            "--owner=0",
            "--group=0",
            "--mode=0755",
            "--mtime=@0",
            "--create",
            "--file",
            archive,
        ])
        .args(files))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
