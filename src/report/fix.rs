//! What `podgate fix` tells: what was filled in, what was not and why.

use std::io::{self, Write};

use super::text::{self, BAD, FAINT, GOOD, MILD};
use super::{Entry, Outcome, counted};
use crate::engine::{Fix, Violation};

/// What became of the objects of all files, in order.
#[derive(Debug, Default)]
pub struct Repairs {
    /// One an object, or a file that could not be read or written.
    pub objects: Vec<Object>,
    /// How many files changed.
    pub files: usize,
    /// Nothing was written: it is told what would be.
    pub is_trial: bool,
}

/// What became of one object.
#[derive(Debug)]
pub struct Object {
    /// The object as it is judged after the repair.
    pub entry: Entry,
    /// What was filled in.
    pub filled: Vec<Fix>,
    /// Why each of the violations that are left is left, in their order.
    pub reasons: Vec<String>,
}

impl Object {
    /// An object, or a file, that could not be judged or written.
    #[must_use]
    pub fn failed(entry: Entry) -> Self {
        Self { entry, filled: Vec::new(), reasons: Vec::new() }
    }

    /// The violations that are left, which no exception covers, each with its line and the reason. What
    /// a policy would fill in on the way in is left all the same: the text does not say it.
    fn left(&self) -> impl Iterator<Item = (&Violation, u32, &str)> {
        let (violations, positions) = match &self.entry.result {
            Outcome::Judged(decision, positions) => (&decision.violations[..], &positions[..]),
            _ => (&[][..], &[][..]),
        };
        let all = violations.iter().zip(positions).zip(&self.reasons);
        all.enumerate().filter_map(move |(index, ((violation, position), reason))| {
            // Policies that ask the same rule: the field is named once.
            let is_told = violations[..index].iter().any(|earlier| earlier.repeats(violation));
            let is_left = violation.exception().is_none() && !is_told;
            is_left.then_some((violation, position.line, reason.as_str()))
        })
    }
}

impl Repairs {
    /// How many violations are left that no exception covers.
    #[must_use]
    pub fn left(&self) -> usize {
        self.objects.iter().map(|object| object.left().count()).sum()
    }

    /// How many objects or files could not be read, judged or written.
    #[must_use]
    pub fn failed(&self) -> usize {
        let is_failed = |object: &&Object| matches!(object.entry.result, Outcome::Failed(_));
        self.objects.iter().filter(is_failed).count()
    }

    /// The summary for a person: objects in which something was filled in or is left, and counts.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for object in &self.objects {
            self.object(object, out)?;
        }
        self.counts(out)
    }

    fn object(&self, object: &Object, out: &mut impl Write) -> io::Result<()> {
        let Object { entry, filled, .. } = object;
        if let Outcome::Failed(error) = &entry.result {
            text::heading(entry, "failed", BAD, out)?;
            return writeln!(out, "  {}\n", printable(error));
        }
        let is_left = object.left().next().is_some();
        let (word, style) = match (filled.is_empty(), is_left) {
            (true, false) => return Ok(()),
            (false, false) => ("fixed", GOOD),
            (false, true) => ("partly fixed", MILD),
            (true, true) => ("not fixed", BAD),
        };
        text::heading(entry, word, style, out)?;
        let done = if self.is_trial { "would fill in" } else { "filled in" };
        for Fix { policy, rule, fill } in filled {
            let (path, value) = (fill.path.to_string(), &fill.value);
            writeln!(out, "  {done}: {} = {}", printable(&path), printable(value))?;
            let (applicability, reason) = (fill.applicability, printable(&fill.reason));
            writeln!(
                out,
                "    {FAINT}{rule} of policy {policy}, {applicability}: {reason}{FAINT:#}"
            )?;
        }
        for (violation, line, reason) in object.left() {
            writeln!(out, "  left: {}", violation.sentence())?;
            writeln!(out, "    why: {}", printable(reason))?;
            let (place, policy) = (entry.place(line), &violation.policy);
            writeln!(out, "    {FAINT}{place}  policy {policy}{FAINT:#}")?;
        }
        writeln!(out)
    }

    fn counts(&self, out: &mut impl Write) -> io::Result<()> {
        let judged = |object: &&Object| matches!(object.entry.result, Outcome::Judged(..));
        let objects = self.objects.iter().filter(judged).count();
        let filled: usize = self.objects.iter().map(|object| object.filled.len()).sum();
        let would = if self.is_trial { "to be filled in" } else { "filled in" };
        let left = self.left();
        let style = if left > 0 { BAD } else { GOOD };
        writeln!(
            out,
            "{} judged: {} {would} in {}, {style}{} left{style:#}",
            counted(objects, "object"),
            counted(filled, "field"),
            counted(self.files, "file"),
            counted(left, "violation"),
        )?;
        let entries = || self.objects.iter().map(|object| &object.entry);
        text::skipped(entries(), out)?;
        text::unknown_labels(entries(), out)?;
        if self.failed() > 0 {
            writeln!(out, "{BAD}{} failed{BAD:#}", self.failed())?;
        }
        Ok(())
    }
}

/// A text whose control characters are escaped: names come from manifests and end on terminals.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}
