//! A page of the book, done as it says.
//!
//! A block of YAML is written to the file that the line before it names; a block of commands is run by a shell; a block of
//! text behind one is what it prints, where `…` stands for anything. A cluster hears of some things a moment later: a block
//! is run again until it prints what it should, so it must be one that can be.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::poll::wait_for;

/// How long a cluster may take to come round.
const BOUND: Duration = Duration::from_mins(2);

/// A step of a page.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A file, by its name, with what it holds.
    File(String, String),
    /// Commands, the line they stand on, and what they print where the page says so.
    Run(usize, String, Option<String>),
}

/// Does what `page` says in `folder`, with the programs of `path` and the cluster of `kubeconfig`. Gives the number of
/// blocks of commands.
///
/// # Errors
/// Where a block does not print what the page says, after some time.
pub fn follow(page: &str, folder: &Path, path: &[PathBuf], kubeconfig: &Path) -> Result<usize> {
    let mut ran = 0;
    for step in steps(page)? {
        match step {
            Step::File(name, text) => {
                let file = folder.join(&name);
                fs::create_dir_all(file.parent().context("a file is in a folder")?)?;
                fs::write(&file, text)?;
            }
            Step::Run(line, commands, expected) => {
                ran += 1;
                let mut last = String::new();
                let done = wait_for("the page to be right", BOUND, || {
                    last = run(&commands, folder, path, kubeconfig)?;
                    let is_right = expected.as_ref().is_none_or(|text| holds(text, &last));
                    Ok(is_right.then_some(()))
                });
                done.map_err(|error| anyhow!("line {line}: {error}\n{commands}printed\n{last}"))?;
            }
        }
    }
    Ok(ran)
}

fn steps(page: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let (mut name, mut lines) = (None, page.lines().enumerate());
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            // The last name between backticks that ends a line with a colon.
            let named = line.strip_suffix("`:").and_then(|line| line.rsplit('`').next());
            name = if line.is_empty() { name } else { named.map(str::to_owned) };
            continue;
        };
        let text: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let text = text.join("\n") + "\n";
        match (language, steps.last_mut()) {
            ("yaml", _) => {
                let name = name.take().with_context(|| format!("line {number}: no file named"))?;
                steps.push(Step::File(name, text));
            }
            ("sh", _) => steps.push(Step::Run(number + 2, text, None)),
            ("text", Some(Step::Run(_, _, expected @ None))) => *expected = Some(text),
            _ => bail!("line {number}: a block that is no step"),
        }
    }
    Ok(steps)
}

fn run(commands: &str, folder: &Path, path: &[PathBuf], kubeconfig: &Path) -> Result<String> {
    let before = std::env::var_os("PATH").unwrap_or_default();
    let path: OsString =
        std::env::join_paths(path.iter().cloned().chain(std::env::split_paths(&before)))?;
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1\n{commands}")])
        .current_dir(folder)
        .env("PATH", path)
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", folder)
        .env("LC_ALL", "C")
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether `printed` is `text`, line by line, where `…` is anything, and alone on a line any number of lines.
fn holds(text: &str, printed: &str) -> bool {
    let (expected, printed): (Vec<&str>, Vec<&str>) =
        (text.lines().collect(), printed.lines().filter(|line| !line.is_empty()).collect());
    let expected: Vec<&str> = expected.into_iter().filter(|line| !line.is_empty()).collect();
    lines_hold(&expected, &printed)
}

fn lines_hold(expected: &[&str], printed: &[&str]) -> bool {
    match expected {
        [] => printed.is_empty(),
        ["…", rest @ ..] => {
            (0..=printed.len()).any(|skipped| lines_hold(rest, &printed[skipped..]))
        }
        [line, rest @ ..] => {
            printed.first().is_some_and(|first| line_holds(line, first))
                && lines_hold(rest, &printed[1..])
        }
    }
}

fn line_holds(expected: &str, printed: &str) -> bool {
    let Some((first, rest)) = expected.split_once('…') else { return expected == printed };
    let Some(mut printed) = printed.strip_prefix(first) else { return false };
    let (between, last) = rest.rsplit_once('…').unwrap_or(("", rest));
    for part in between.split('…') {
        let Some(at) = printed.find(part) else { return false };
        printed = &printed[at + part.len()..];
    }
    printed.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_files_and_commands_with_what_they_print() {
        let page = "# A\n\nWrite `a/b.yaml`:\n\n```yaml\na: 1\n```\n\n```sh\ncat a\n```\n\n```text\n1\n```\n\n```sh\nls\n```\n";
        let expected = [
            Step::File("a/b.yaml".to_owned(), "a: 1\n".to_owned()),
            Step::Run(10, "cat a\n".to_owned(), Some("1\n".to_owned())),
            Step::Run(18, "ls\n".to_owned(), None),
        ];
        assert_eq!(steps(page).unwrap_or_default(), expected);
        assert!(steps("```yaml\na: 1\n```\n").is_err(), "no name");
        assert!(steps("```text\na\n```\n").is_err(), "nothing printed it");
    }

    #[test]
    fn what_is_printed_is_held_to_the_page() {
        for (text, printed, right) in [
            ("a\nb\n", "a\n\nb\n", true),
            ("a\nb\n", "a\n", false),
            ("a\n", "a\nb\n", false),
            ("a\n…\n", "a\nb\nc\n", true),
            ("…\nc\n", "a\nb\nc\n", true),
            ("…\nc\n", "a\nb\n", false),
            ("a … c\n", "a b c\n", true),
            ("a … c\n", "a b d\n", false),
            ("a…\n", "abc\n", true),
            ("…c\n", "abcd\n", false),
        ] {
            assert_eq!(holds(text, printed), right, "{text:?} {printed:?}");
        }
    }
}
