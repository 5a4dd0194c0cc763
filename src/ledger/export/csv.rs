//! A table, as RFC 4180 has it. What a spreadsheet would take for a formula gets a quote in front.

use std::io::{self, Write};

use crate::ledger::store::Decided;

const COLUMNS: [&str; 24] = [
    "time",
    "decision",
    "decisionId",
    "operation",
    "subresource",
    "dryRun",
    "namespace",
    "kind",
    "name",
    "generateName",
    "user",
    "groups",
    "changedBy",
    "changedAt",
    "workload",
    "policies",
    "rules",
    "paths",
    "exceptions",
    "images",
    "policySet",
    "requestUid",
    "replica",
    "seq",
];

/// Writes the names of the columns.
pub(super) fn header(out: &mut impl Write) -> io::Result<()> {
    write(out, COLUMNS.map(str::to_owned))
}

/// Writes a decision.
pub(super) fn row(decided: &Decided, out: &mut impl Write) -> io::Result<()> {
    let Some(decision) = decided.decision() else { return Ok(()) };
    let (entry, object, actor) = (&decided.entry, &decision.object, decided.actor.as_ref());
    let each = |of: fn(&crate::ledger::entry::Violation) -> &String| {
        let mut texts: Vec<&str> = Vec::new();
        for violation in &decision.violations {
            if !texts.contains(&of(violation).as_str()) {
                texts.push(of(violation));
            }
        }
        texts.join(" ")
    };
    write(
        out,
        [
            entry.time.to_string(),
            decision.decision.clone(),
            decision.decision_id.clone(),
            decision.operation.clone(),
            decision.subresource.clone(),
            decision.dry_run.to_string(),
            object.namespace.clone(),
            object.kind.clone(),
            object.name.clone(),
            object.generate_name.clone(),
            decision.user.name.clone(),
            decision.user.groups.join(" "),
            actor.map(|actor| actor.changed_by.clone()).unwrap_or_default(),
            actor.map(|actor| actor.changed_at.to_string()).unwrap_or_default(),
            actor.map(|actor| format!("{}/{}", actor.kind, actor.name)).unwrap_or_default(),
            each(|violation| &violation.policy),
            each(|violation| &violation.rule),
            each(|violation| &violation.path),
            decision.exceptions.join(" "),
            decision.images.join(" "),
            decision.policy_set.digest.clone(),
            decision.request_uid.clone(),
            entry.chain.replica.clone(),
            entry.head.seq.to_string(),
        ],
    )
}

fn write(out: &mut impl Write, cells: [String; COLUMNS.len()]) -> io::Result<()> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells.map(no_formula))?;
    let line = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    out.write_all(&line)
}

/// A spreadsheet runs what begins with one of these.
fn no_formula(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}
