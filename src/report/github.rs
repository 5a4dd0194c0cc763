//! `-o github`: workflow commands, which GitHub shows beside the lines of a pull request.
//!
//! Their form is that of GitHub Actions' documentation, "Workflow commands": properties and message have their own escapes.

use std::io::{self, Write};

use super::{Entry, Found, Outcome, Report};
use crate::policy::Enforcement;

/// A command for each thing that is wrong and that no exception or fix settles.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for entry in &report.entries {
        if let Outcome::Failed(error) = &entry.result {
            command(out, "error", entry, (entry.line, 0), "podgate cannot judge this", error)?;
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
            command(out, word, entry, (position.line, position.column), &title, &message)?;
        }
    }
    Ok(())
}

fn command(
    out: &mut impl Write,
    word: &str,
    entry: &Entry,
    (line, column): (u32, u32),
    title: &str,
    message: &str,
) -> io::Result<()> {
    write!(out, "::{word} file={}", property(&entry.file))?;
    for (name, number) in [("line", line), ("col", column)] {
        // 0 is nowhere.
        if number > 0 {
            write!(out, ",{name}={number}")?;
        }
    }
    writeln!(out, ",title={}::{}", property(title), data(message))
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
