//! Upstream's own Pod Security evaluator, wrapped by the Go module in `oracle/`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;

/// One of upstream's own test pods, as the oracle's `fixtures` tells it.
#[derive(Debug, Deserialize)]
pub struct Fixture<'a> {
    /// Which one it is.
    pub id: String,
    /// The level that it is judged by.
    pub level: String,
    /// The version of that.
    pub version: String,
    /// The pod, as upstream writes it.
    #[serde(borrow)]
    pub pod: &'a RawValue,
    /// Whether upstream lets it in.
    pub allowed: bool,
}

/// Runs the oracle and hands each of its lines to `take`: one JSON object a pod that it judged.
///
/// # Errors
/// Where the oracle cannot be built or fails, and where `take` does.
pub fn judgements(args: &[&str], take: impl FnMut(&str) -> Result<()>) -> Result<()> {
    answers(args, &[], take)
}

/// The same of pods that the caller made: each line of `questions` is a JSON object with `id`, `level`,
/// `version` and `pod`.
///
/// # Errors
/// As [`judgements`], and where a pod does not fit upstream's types.
pub fn judge(questions: &[u8], take: impl FnMut(&str) -> Result<()>) -> Result<()> {
    answers(&["judge"], questions, take)
}

fn answers(
    args: &[&str],
    questions: &[u8],
    mut take: impl FnMut(&str) -> Result<()>,
) -> Result<()> {
    let program = ORACLE.as_ref().map_err(|error| anyhow!("{error:#}"))?;
    let mut oracle = go(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = oracle.stdin.take().context("piped")?;
    let mut lines = BufReader::new(oracle.stdout.take().context("piped")?);
    // It answers while it still reads, and neither may wait for the other.
    let (asked, taken) = std::thread::scope(|scope| {
        let asked = scope.spawn(move || input.write_all(questions));
        let mut line = String::new();
        let mut read = || {
            while lines.read_line(&mut line)? > 0 {
                take(&line)?;
                line.clear();
            }
            anyhow::Ok(())
        };
        let taken = read();
        // A writer that nobody reads must end.
        drop(lines);
        (asked.join(), taken)
    });
    let status = oracle.wait()?;
    taken?;
    ensure!(status.success(), "oracle {args:?} failed ({status})");
    asked.map_err(|_| anyhow!("the questions were not written"))??;
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

/// Has Kubernetes evaluate expressions: each line of `questions` is a JSON object with `expression` and the values
/// of what it may read; each answer has the outcome in every version that is asked.
///
/// # Errors
/// As [`judgements`], and where a line is not as described.
pub fn evaluate(questions: &[u8], take: impl FnMut(&str) -> Result<()>) -> Result<()> {
    answers(&["expressions"], questions, take)
}
