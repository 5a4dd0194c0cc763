//! What `podgate doctor` prints.

use std::io::{self, Write};

use serde::Serialize;

use super::text::{BAD, FAINT, GOOD, MILD};
use crate::cluster::doctor::{Finding, State};

/// Every finding in order, and a line that sums up.
///
/// # Errors
/// Where `out` cannot be written.
pub fn text(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    for Finding { check, state, found, advice } in findings {
        let style = match state {
            State::Fine => GOOD,
            State::Doubtful | State::Unknown => MILD,
            State::Wrong => BAD,
        };
        writeln!(out, "{style}{:<8}{style:#}  {check}: {found}", state.as_str())?;
        if !advice.is_empty() {
            writeln!(out, "          {FAINT}do: {advice}{FAINT:#}")?;
        }
    }
    let counts: Vec<String> = [State::Wrong, State::Unknown, State::Doubtful, State::Fine]
        .into_iter()
        .map(|state| (state, findings.iter().filter(|finding| finding.state == state).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {}", state.as_str()))
        .collect();
    writeln!(out, "\n{} things looked at: {}", findings.len(), counts.join(", "))
}

#[derive(Serialize)]
struct FindingJson<'f> {
    check: &'static str,
    state: &'static str,
    found: &'f str,
    #[serde(skip_serializing_if = "str::is_empty")]
    advice: &'f str,
}

/// The findings as a JSON array.
///
/// # Errors
/// Where `out` cannot be written.
pub fn json(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    let findings: Vec<_> = findings
        .iter()
        .map(|Finding { check, state, found, advice }| FindingJson {
            check,
            state: state.as_str(),
            found,
            advice,
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &findings)?;
    writeln!(out)
}
