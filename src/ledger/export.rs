//! Decisions in the forms that other programs read.

mod csv;
mod ocsf;

use std::io::{self, Write};

use super::store::Decided;

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The records, exactly as they were written, one on a line.
    Jsonl,
    /// A table, with a header.
    Csv,
    /// API Activity of the Open Cybersecurity Schema Framework, one event on a line.
    Ocsf,
}

/// Writes decisions, one after the other.
#[derive(Debug)]
pub struct Exporter<W: Write> {
    format: Format,
    out: W,
}

impl<W: Write> Exporter<W> {
    /// Begins, with a header where the form has one.
    ///
    /// # Errors
    /// Where `out` cannot be written.
    pub fn new(format: Format, mut out: W) -> io::Result<Self> {
        if format == Format::Csv {
            csv::header(&mut out)?;
        }
        Ok(Self { format, out })
    }

    /// Goes on, without a header.
    #[must_use]
    pub fn resume(format: Format, out: W) -> Self {
        Self { format, out }
    }

    /// Writes a decision.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&mut self, decided: &Decided) -> io::Result<()> {
        match self.format {
            Format::Jsonl => writeln!(self.out, "{}", decided.entry.line),
            Format::Csv => csv::row(decided, &mut self.out),
            Format::Ocsf => writeln!(self.out, "{}", ocsf::event(decided)),
        }
    }

    /// Writes what waits, and gives back what was written to.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests;
