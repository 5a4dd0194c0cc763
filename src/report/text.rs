//! `-o text`: for a person. Colours are written always; the stream leaves them out where it must.

use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};

use super::{Entry, Found, Outcome, Report, counted};
use crate::engine::{self, Settled};

pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const MILD: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const TITLE: Style = Style::new().bold();

/// The report for a person: objects with violations in full, the others only counted.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for entry in &report.entries {
        match &entry.result {
            Outcome::Judged(decision, _) if !decision.violations.is_empty() => {
                judged(entry, decision, out)?;
            }
            Outcome::Failed(error) => {
                heading(entry, "unreadable", BAD, out)?;
                writeln!(out, "  {error}\n")?;
            }
            _ => {}
        }
    }
    summary(report, out)
}

fn judged(entry: &Entry, decision: &engine::Decision, out: &mut impl Write) -> io::Result<()> {
    heading(entry, decision.outcome.as_str(), style(decision.outcome), out)?;
    // Policies that ask the same rule: the field is named once, the policies all.
    for Found { violation, position, by, .. } in entry.found() {
        writeln!(out, "  {}", violation.sentence())?;
        writeln!(out, "    fix: {}", violation.remedy())?;
        write!(out, "    {FAINT}{}", entry.place(position.line))?;
        for violation in by {
            let enforcement = violation.enforcement.as_str().to_lowercase();
            write!(out, "  policy {} ({enforcement}", violation.policy)?;
            if let Some(standard) = violation.standard {
                write!(out, " {standard}")?;
            }
            write!(out, ")")?;
            match &violation.settled {
                Some(Settled::Exception(exception)) => write!(out, " excepted by {exception}")?,
                Some(Settled::Fix) => write!(out, " filled in on the way in")?,
                Some(Settled::FixInPods) => write!(out, " filled in as its pods come")?,
                None => {}
            }
        }
        writeln!(out, "{FAINT:#}")?;
    }
    for warning in decision.ending_warnings() {
        writeln!(out, "  {MILD}{warning}{MILD:#}")?;
    }
    writeln!(out)
}

pub(super) fn heading(
    entry: &Entry,
    word: &str,
    style: Style,
    out: &mut impl Write,
) -> io::Result<()> {
    write!(out, "{}", entry.place(entry.line))?;
    if !entry.kind.is_empty() {
        write!(out, "  {}", entry.kind)?;
        let slash = if entry.namespace.is_empty() { "" } else { "/" };
        write!(out, " {}{slash}{}", entry.namespace, entry.name)?;
    }
    writeln!(out, "  {style}{word}{style:#}")
}

fn style(outcome: engine::Outcome) -> Style {
    match outcome {
        engine::Outcome::Denied | engine::Outcome::Failed => BAD,
        engine::Outcome::Warned | engine::Outcome::Excepted => MILD,
        engine::Outcome::Allowed | engine::Outcome::Fixed => GOOD,
    }
}

fn summary(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let judged = report.decisions().count();
    let mut parts = Vec::new();
    for outcome in engine::Outcome::ALL {
        let count = report.decisions().filter(|decision| decision.outcome == outcome).count();
        if count > 0 {
            let style = style(outcome);
            parts.push(format!("{style}{count} {}{style:#}", outcome.as_str()));
        }
    }
    write!(out, "{} judged", counted(judged, "object"))?;
    if !parts.is_empty() {
        write!(out, ": {}", parts.join(", "))?;
    }
    writeln!(out)?;
    skipped(report.entries.iter(), out)?;
    unknown_labels(report.entries.iter(), out)?;
    if report.failed() > 0 {
        writeln!(out, "{BAD}{} could not be read{BAD:#}", report.failed())?;
    }
    Ok(())
}

/// Says which kinds were left out.
pub(super) fn skipped<'e>(
    entries: impl Iterator<Item = &'e Entry>,
    out: &mut impl Write,
) -> io::Result<()> {
    let skipped = entries.filter(|entry| matches!(entry.result, Outcome::Skipped(_)));
    let kind = |entry: &'e Entry| if entry.kind.is_empty() { "no kind" } else { &*entry.kind };
    let mut kinds: Vec<&str> = skipped.map(kind).collect();
    let count = kinds.len();
    if count == 0 {
        return Ok(());
    }
    kinds.sort_unstable();
    kinds.dedup();
    writeln!(out, "{count} skipped, they carry no pod: {}", kinds.join(", "))
}

/// Says what was not judged for want of a namespace's labels: silence would read as a pass.
pub(super) fn unknown_labels<'e>(
    entries: impl Iterator<Item = &'e Entry>,
    out: &mut impl Write,
) -> io::Result<()> {
    let asked: Vec<&Entry> = entries.filter(|entry| !entry.not_judged_by.is_empty()).collect();
    if asked.is_empty() {
        return Ok(());
    }
    let mut policies: Vec<&str> =
        asked.iter().flat_map(|entry| &entry.not_judged_by).map(|policy| &**policy).collect();
    policies.sort_unstable();
    policies.dedup();
    let mut namespaces: Vec<&str> = asked.iter().map(|entry| entry.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    writeln!(
        out,
        "{MILD}{} not judged by {}{MILD:#}, since the labels of these namespaces are not known: {}; give their \
         Namespace manifests too",
        asked.len(),
        policies.join(", "),
        namespaces.join(", ")
    )
}
