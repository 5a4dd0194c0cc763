//! `podgate test --watch`, as a real process whose files change.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

#[path = "support/commands.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod commands;

use commands::{podgate, stderr};

const POLICY: &str = "apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: p}
spec: {rules: [{privileged: {}}]}
";
const TEST: &str = "apiVersion: podgate.dev/v1
kind: PolicyTest
metadata: {name: t}
spec:
  policies: [policy.yaml]
  cases:
  - name: a plain pod
    object: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a}]}}
    expect: {decision: allowed}
";

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("watch-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("policy.yaml"), POLICY).unwrap();
    fs::write(folder.join("test.yaml"), TEST).unwrap();
    folder
}

/// As editors save: beside the file, and renamed, so that nobody reads half of it.
fn save(folder: &Path, name: &str, text: &str) {
    let beside = folder.join("being-saved");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, folder.join(name)).unwrap();
}

/// A run that ends with the test, however that ends.
struct Watching {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watching {
    fn start(folder: &Path) -> Self {
        let mut command = commands::command(folder, &["test", "--watch", "test.yaml"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// What is told until it waits again.
    fn told(&mut self) -> String {
        let mut told = String::new();
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended, after\n{told}");
            if line.starts_with("watching ") {
                return told + &line;
            }
            told += &line;
        }
    }

    /// Sends what Ctrl-C sends, and gives the signal that ended it. Where tests are run in the background of a shell,
    /// that one is ignored by all that they start, so that another is sent.
    fn interrupt(mut self) -> (i32, i32) {
        let id = self.child.id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap_or("0");
        let is_ignored = u64::from_str_radix(ignored, 16).unwrap() & 0b10 != 0;
        let (name, number) = if is_ignored { ("TERM", 15) } else { ("INT", 2) };
        let kill = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap();
        assert!(kill.success());
        let ended = self.child.wait().unwrap().signal().expect("a signal ended it");
        (ended, number)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_change_is_tested_and_a_broken_document_is_waited_for() {
    let folder = folder("change");
    let mut watching = Watching::start(&folder);
    let told = watching.told();
    assert!(told.starts_with("test.yaml  t\n  ok      a plain pod\n"), "{told}");
    assert!(told.ends_with("1 case: 1 passed\n\nwatching 2 files\n"), "{told}");

    // The policy, which the test names.
    let strict = POLICY.replace("{privileged: {}}", "{runAsNonRoot: {}}");
    save(&folder, "policy.yaml", &strict);
    let told = watching.told();
    assert!(told.starts_with("\n---- policy.yaml changed\n\ntest.yaml  t\n"), "{told}");
    assert!(told.contains("  FAILED  a plain pod\n"), "{told}");

    // Broken: a policy that does not compile, a test that cannot be read, a file that is gone.
    save(&folder, "policy.yaml", &POLICY.replace("privileged", "privilegd"));
    assert!(watching.told().contains("did you mean \"privileged\"?"));
    save(&folder, "test.yaml", &TEST.replace("expect", "expects"));
    assert!(watching.told().contains("spec.cases[0].expects: unknown field `expects`"));
    fs::remove_file(folder.join("test.yaml")).unwrap();
    assert!(watching.told().contains("cannot read test.yaml"));

    save(&folder, "policy.yaml", POLICY);
    save(&folder, "test.yaml", TEST);
    assert!(watching.told().contains("1 case: 1 passed\n"));
    let (ended, sent) = watching.interrupt();
    assert_eq!(ended, sent);
}

#[test]
fn what_cannot_change_is_not_waited_for() {
    let folder = folder("refused");
    for (args, expected) in [
        (["test", "--watch", "-"].as_slice(), "standard input does not change"),
        (&["test", "--watch", "-o", "junit", "test.yaml"], "leave --output away"),
    ] {
        let output = podgate(&folder, args);
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert_eq!(output.status.code(), Some(2));
    }
}
