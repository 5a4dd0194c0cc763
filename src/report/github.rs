//! `-o github`: workflow commands, which GitHub shows beside the lines of a pull request.
//!
//! Their form is that of GitHub Actions' documentation, "Workflow commands": properties and message have their own escapes.

use std::io::{self, Write};

use super::{Entry, Found, Outcome, Report};
use crate::manifest::Position;
use crate::policy::Enforcement;

/// A command for each thing that is wrong and that no exception or fix settles.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for entry in &report.entries {
        if let Outcome::Failed(error) = &entry.result {
            let place = Position { line: entry.line, column: 0 };
            command(out, "error", entry, place, "podgate cannot judge this", error)?;
        }
        for found in entry.found().iter().filter(|found| !found.is_settled) {
            let Found { violation, position, enforcement, .. } = found;
            let word = match enforcement {
                Enforcement::Deny => "error",
                Enforcement::Warn => "warning",
                Enforcement::Audit => "notice",
            };
            let title = format!("{} ({})", violation.rule, entry.object());
            let message = format!("{}\nfix: {}", violation.sentence(), violation.remedy());
            command(out, word, entry, *position, &title, &message)?;
        }
    }
    Ok(())
}

fn command(
    out: &mut impl Write,
    word: &str,
    entry: &Entry,
    position: Position,
    title: &str,
    message: &str,
) -> io::Result<()> {
    let file = entry.source_file();
    write!(out, "::{word} file={}", property(file.unwrap_or(&entry.file)))?;
    for (name, number) in [("line", position.line), ("col", position.column)] {
        // 0 is nowhere, and of a template no line is known.
        if number > 0 && file.is_none() {
            write!(out, ",{name}={number}")?;
        }
    }
    write!(out, ",title={}::{}", property(title), data(message))?;
    if entry.source.is_some() {
        write!(out, "{}", data(&format!("\nrendered: {}", entry.place(position))))?;
    }
    writeln!(out)
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_property_or_a_command_is_escaped() {
        assert_eq!(property("a:b,c%d\ne"), "a%3Ab%2Cc%25d%0Ae");
        assert_eq!(data("a:b,c%d\r\n::error::x"), "a:b,c%25d%0D%0A::error::x");
    }
}
