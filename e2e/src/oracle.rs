//! Upstream's own Pod Security evaluator, wrapped by the Go module in `oracle/`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow, ensure};

/// Runs the oracle and hands each of its lines to `take`: one JSON object a pod that it judged.
///
/// # Errors
/// Where the oracle cannot be built or fails, and where `take` does.
pub fn judgements(args: &[&str], mut take: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let program = ORACLE.as_ref().map_err(|error| anyhow!("{error:#}"))?;
    let mut oracle = go(program).args(args).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(oracle.stdout.take().context("piped")?);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        take(&line)?;
        line.clear();
    }
    let status = oracle.wait()?;
    ensure!(status.success(), "oracle {args:?} failed ({status})");
    Ok(())
}

/// The oracle's program, built once a run; Go's own cache makes the next one quick.
static ORACLE: LazyLock<Result<PathBuf>> = LazyLock::new(|| {
    let program = std::env::temp_dir().join(format!("podgate-oracle-{}", std::process::id()));
    let status =
        go("go").arg("build").arg("-o").arg(&program).arg(".").status().context("running go")?;
    ensure!(status.success(), "the oracle was not built ({status})");
    Ok(program)
});

/// A command in the oracle's module, deaf to the flags for Go that the machine may have set.
fn go(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle"));
    command.env("GOFLAGS", "-mod=readonly -buildvcs=false").env("GOWORK", "off");
    command
}
