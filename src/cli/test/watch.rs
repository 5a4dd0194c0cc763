//! `podgate test --watch`: tests run again whenever one of them, or a policy that it names, changes.
//!
//! As `podgate serve` does for its policies, what files hold is compared, and nothing else: editors that rename, links
//! that are swapped and volumes that tell of no change are all the same then.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::bail;

use super::{Args, Format, document, policy_paths};
use crate::cli::exit::{ExitStatus, closed_pipe_is_fine};
use crate::cli::inputs;
use crate::policy::load;

/// How often files are compared with what was tested.
const POLL: Duration = Duration::from_millis(300);
/// Empties a terminal, and begins at its top.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// A file as it was read, or why it was not.
type Seen = (String, Result<String, String>);

/// Runs until somebody ends it, by Ctrl-C for one, or nobody listens any more.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        bail!("--watch: standard input does not change; name a file or a folder");
    }
    if args.output != Format::Text {
        bail!("--watch tells a person how tests go: leave --output away");
    }
    let mut seen = look(&args.paths);
    let mut changed = None;
    loop {
        if let Err(error) = show(args, changed.as_deref(), seen.len()) {
            closed_pipe_is_fine(Err(error))?;
            return Ok(ExitStatus::Clean);
        }
        let before = seen;
        seen = loop {
            thread::sleep(POLL);
            let now = look(&args.paths);
            if now != before {
                break now;
            }
        };
        changed = change(&before, &seen);
    }
}

/// One run. What cannot be read or compiled is told, and waited for to be mended.
fn show(args: &Args, changed: Option<&str>, files: usize) -> io::Result<()> {
    let is_terminal = io::stdout().is_terminal();
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    match changed {
        _ if is_terminal => write!(out, "{CLEAR}")?,
        Some(file) => writeln!(out, "\n---- {file} changed\n")?,
        None => {}
    }
    match super::report(args) {
        Ok(report) => super::print(args, &report, &mut out)?,
        Err(error) => writeln!(out, "podgate: {error:#}")?,
    }
    writeln!(out, "\nwatching {files} {}", if files == 1 { "file" } else { "files" })?;
    out.flush()
}

/// The tests, and the policies that they name, as far as they can be read.
fn look(paths: &[PathBuf]) -> Vec<Seen> {
    let files = match inputs::files(paths) {
        Ok(files) => files,
        Err(error) => return vec![(String::new(), Err(format!("{error:#}")))],
    };
    let mut seen = Vec::new();
    for file in files {
        let text = inputs::text(&file).map_err(|error| format!("{error:#}"));
        // One that is broken names nothing; it has to change itself.
        let tests = text.as_ref().ok().and_then(|text| document::read(text).ok());
        for test in tests.unwrap_or_default() {
            seen.extend(policies(&policy_paths(&file, &test)));
        }
        seen.push((shown(&file), text));
    }
    // Tests often name the same policies.
    seen.sort();
    seen.dedup();
    seen
}

fn policies(paths: &[PathBuf]) -> Vec<Seen> {
    match load::read(paths) {
        Ok(sources) => sources.into_iter().map(|source| (source.name, Ok(source.text))).collect(),
        Err(problems) => {
            problems.into_iter().map(|p| (p.source.clone(), Err(p.to_string()))).collect()
        }
    }
}

/// The first file that is not what it was.
fn change(before: &[Seen], now: &[Seen]) -> Option<String> {
    let other = |these: &[Seen], those: &[Seen]| {
        these.iter().find(|seen| !those.contains(seen)).map(|(file, _)| file.clone())
    };
    other(now, before).or_else(|| other(before, now))
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}
