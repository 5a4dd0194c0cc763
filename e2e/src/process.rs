//! Child processes that never outlive the test.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cluster::Enclosure;
use crate::poll::wait_for;

/// A shell that runs the program and ends it when its own standard input closes. The servers of a test binary live in a
/// static, which nothing drops; but however the test process ends, the pipe it holds closes. Who ends the whole process group,
/// as Ctrl-C and `timeout` do, must not end this shell before it has done so; a program that ends by a signal asks for it itself.
const SUPERVISE: &str = r#"
signal=$1 scratch=$2
shift 2
trap '' HUP INT TERM
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
( cat <&3 >/dev/null; kill -s "$signal" "$child"; [ "$signal" = KILL ] || { sleep 20; kill -s KILL "$child"; } ) 2>/dev/null &
watcher=$!
exec 3<&-
wait "$child"
code=$?
kill -s KILL "$watcher" 2>/dev/null
[ -z "$scratch" ] || rm -rf "$scratch"
exit "$code"
"#;

/// How a program is asked to end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// It has nothing to save.
    Kill,
    /// It drains first, which is part of what is tested.
    Term,
}

/// Where a program runs, and what becomes of its files.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Where its logs go.
    pub(crate) logs: &'a Path,
    /// What is removed once it has ended.
    pub(crate) scratch: Option<&'a Path>,
    /// The namespaces it runs in, where those are not ours.
    pub(crate) enclosure: Option<&'a Enclosure>,
}

impl<'a> Place<'a> {
    /// On this machine, with logs in `logs`.
    pub(crate) fn here(logs: &'a Path) -> Self {
        Self { logs, scratch: None, enclosure: None }
    }
}

/// A running program, with its output in files beside each other: `<name>.out` and `<name>.err`.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    supervisor: Child,
    /// Open as long as the program may run.
    lifeline: Option<ChildStdin>,
    logs: PathBuf,
}

impl Process {
    /// Starts `command` in `place`.
    pub(crate) fn start(
        name: &str,
        end: End,
        place: Place<'_>,
        command: &[impl AsRef<OsStr>],
    ) -> Result<Self> {
        let signal = match end {
            End::Kill => "KILL",
            End::Term => "TERM",
        };
        let log = |kind: &str| {
            let path = place.logs.join(format!("{name}.{kind}"));
            File::options()
                .create(true)
                .append(true)
                .open(&path)
                .with_context(|| format!("opening {}", path.display()))
        };
        // Inside the namespaces, so that the signal reaches the program and not who waits for it out here.
        let mut shell = place.enclosure.map_or_else(|| Command::new("sh"), |it| it.command("sh"));
        let mut supervisor = shell
            .args(["-c", SUPERVISE, name, signal])
            .arg(place.scratch.map_or(OsStr::new(""), Path::as_os_str))
            .args(command)
            .current_dir(place.logs)
            .stdin(Stdio::piped())
            .stdout(log("out")?)
            .stderr(log("err")?)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let lifeline = supervisor.stdin.take();
        Ok(Self { name: name.to_owned(), supervisor, lifeline, logs: place.logs.to_owned() })
    }

    /// Fails when the program has ended, which a wait for its readiness should not sit out.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        if let Some(status) = self.supervisor.try_wait()? {
            anyhow::bail!(
                "{} ended early ({status}); its log ends:\n{}",
                self.name,
                self.log_end()
            );
        }
        Ok(())
    }

    /// Asks the program to end and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<ExitStatus> {
        self.lifeline = None;
        let name = format!("{} to end", self.name);
        wait_for(&name, Duration::from_secs(30), || Ok(self.supervisor.try_wait()?))
    }

    /// Sends the program TERM, as a node does to a container, and waits until it has ended.
    pub(crate) fn terminate(&mut self, program: &str) -> Result<ExitStatus> {
        let parent = self.supervisor.id().to_string();
        Command::new("pkill").args(["-TERM", "-x", "-P", &parent, program]).status()?;
        let name = format!("{} to end", self.name);
        wait_for(&name, Duration::from_secs(40), || Ok(self.supervisor.try_wait()?))
    }

    /// The last lines the program wrote to either stream.
    pub(crate) fn log_end(&self) -> String {
        ["out", "err"].map(|kind| end_of(&self.logs.join(format!("{}.{kind}", self.name)))).concat()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing is left to do about a program that would not end: its supervisor kills it.
        let _ = self.stop();
    }
}

fn end_of(path: &Path) -> String {
    // Enough to see what happened; the whole file is where the first line says.
    const LINES: usize = 25;
    const LINE: usize = 600;
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    let tail = &all[all.len().saturating_sub(LINES)..];
    let cut: String = tail.iter().flat_map(|line| line.chars().take(LINE).chain(['\n'])).collect();
    format!("--- {} (last {} of {} lines)\n{cut}", path.display(), tail.len(), all.len())
}
