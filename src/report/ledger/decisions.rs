//! Decisions, as `podgate ledger query` and `podgate explain` tell of them.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::ledger::entry::{Decision, Violation};
use crate::ledger::store::{Decided, Incident, Repeat};
use crate::report::text::{BAD, FAINT, GOOD, MILD, TITLE};
use crate::rules;

/// One decision in a list: what, when, about what, why, and who is behind it.
///
/// # Errors
/// Where `out` cannot be written.
pub fn line(decided: &Decided, out: &mut impl Write) -> io::Result<()> {
    let Some(decision) = decided.decision() else { return Ok(()) };
    heading(decided, decision, decided.repeat.filter(|repeat| repeat.count > 1), out)?;
    for of_rule in by_rule(&decision.violations) {
        if let [first, more @ ..] = &of_rule[..] {
            let more = match more.len() {
                0 => String::new(),
                1 => ", and 1 more field".to_owned(),
                more => format!(", and {more} more fields"),
            };
            writeln!(out, "    {}{more}", reason(first))?;
        }
    }
    if let Some(failure) = &decision.failure {
        writeln!(out, "    {}", printable(failure))?;
    }
    writeln!(out, "    {FAINT}{}{FAINT:#}", who(decided, decision))
}

/// Violations of one rule of one policy together, in the order in which they come first.
fn by_rule(violations: &[Violation]) -> Vec<Vec<&Violation>> {
    let mut rules: Vec<Vec<&Violation>> = Vec::new();
    for violation in violations {
        let same = |of_rule: &&mut Vec<&Violation>| {
            of_rule.first().is_some_and(|first| {
                first.rule == violation.rule && first.policy == violation.policy
            })
        };
        match rules.iter_mut().find(same) {
            Some(of_rule) => of_rule.push(violation),
            None => rules.push(vec![violation]),
        }
    }
    rules
}

fn heading(
    decided: &Decided,
    decision: &Decision,
    repeat: Option<Repeat>,
    out: &mut impl Write,
) -> io::Result<()> {
    let style = match decision.decision.as_str() {
        "denied" | "failed" => BAD,
        "warned" | "excepted" => MILD,
        _ => GOOD,
    };
    let object = &decision.object;
    let place = [object.namespace.as_str(), object.kind.as_str(), object.shown_name()];
    let place: Vec<String> =
        place.into_iter().filter(|part| !part.is_empty()).map(printable).collect();
    let dry_run = if decision.dry_run { ", dry run" } else { "" };
    let repeat =
        repeat.map(|Repeat { count, first, .. }| format!(", {count} times since {first:.0}"));
    writeln!(
        out,
        "{:.0}  {style}{:<8}{style:#}  {}  {} {}{dry_run}{}",
        decided.entry.time,
        printable(&decision.decision),
        printable(&decision.decision_id),
        printable(&decision.operation),
        place.join(" "),
        repeat.unwrap_or_default(),
    )
}

fn reason(violation: &Violation) -> String {
    let Violation { policy, rule, path, found, exception, settled, .. } = violation;
    let settled = match (exception, settled.as_deref()) {
        (Some(exception), _) => format!(", let in by exception {exception}"),
        (None, Some(settled)) => format!(", {settled}"),
        (None, None) => String::new(),
    };
    printable(&format!("{rule}: {path} is {found} (policy {policy}{settled})"))
}

fn who(decided: &Decided, decision: &Decision) -> String {
    let sent = format!("sent by {}", decision.user.name);
    let text = match (&decided.actor, &decision.owner) {
        (Some(actor), _) => format!(
            "{sent}; {} {} was changed by {} at {:.0}",
            actor.kind, actor.name, actor.changed_by, actor.changed_at
        ),
        (None, Some(owner)) => format!("{sent} for {} {}", owner.kind, owner.name),
        (None, None) => sent,
    };
    printable(&text)
}

/// A decision in full.
///
/// # Errors
/// Where `out` cannot be written.
pub fn full(decided: &Decided, out: &mut impl Write) -> io::Result<()> {
    let Some(decision) = decided.decision() else { return Ok(()) };
    heading(decided, decision, None, out)?;
    writeln!(out, "{}", who(decided, decision))?;
    if let Some(Repeat { count, first, last }) = decided.repeat.filter(|repeat| repeat.count > 1) {
        writeln!(
            out,
            "the same happened {count} times, from {first:.0} to {last:.0} (incident {})",
            printable(&decision.incident)
        )?;
    }
    for violation in &decision.violations {
        writeln!(out, "\n{TITLE}{}{TITLE:#}", reason(violation))?;
        writeln!(out, "    must be: {}", printable(&violation.allowed))?;
        writeln!(out, "    fix: {}", printable(&violation.fix))?;
        if rules::find(&violation.rule).is_some() {
            writeln!(out, "    more: podgate explain {}", violation.rule)?;
        }
    }
    for fix in &decision.fixes {
        let text = format!(
            "{} was set to {} (rule {}, policy {}, {})",
            fix.path, fix.value, fix.rule, fix.policy, fix.applicability
        );
        writeln!(out, "\nfilled in: {}", printable(&text))?;
    }
    for (what, text) in [("failure", &decision.failure), ("note", &decision.note)] {
        if let Some(text) = text {
            writeln!(out, "\n{what}: {}", printable(text))?;
        }
    }
    let entry = &decided.entry;
    writeln!(out, "\n{FAINT}images: {}", printable(&decision.images.join(", ")))?;
    writeln!(
        out,
        "request {}, judged in {} us",
        printable(&decision.request_uid),
        decision.latency_micros
    )?;
    writeln!(
        out,
        "policy set {} (generation {})",
        printable(&decision.policy_set.digest),
        decision.policy_set.generation
    )?;
    let intact = if entry.is_intact() { "intact" } else { "ALTERED" };
    writeln!(
        out,
        "record {} of {}: {intact}, {}{FAINT:#}",
        entry.head.seq,
        printable(&entry.chain.to_string()),
        entry.head.hash
    )
}

/// What happened again and again.
///
/// # Errors
/// Where `out` cannot be written.
pub fn incident(incident: &Incident, out: &mut impl Write) -> io::Result<()> {
    let Repeat { count, first, last } = incident.repeat;
    let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
    writeln!(
        out,
        "{TITLE}{times}{TITLE:#}, {first:.0} to {last:.0}  {FAINT}incident {}{FAINT:#}",
        printable(&incident.key)
    )?;
    match &incident.newest {
        Some(newest) => line(&Decided { repeat: None, ..newest.clone() }, out),
        None => writeln!(out, "    its records are no longer kept"),
    }
}

/// A decision as JSON: its record, and what is known beside it.
#[must_use]
pub fn json(decided: &Decided) -> Value {
    let mut value: Value = serde_json::from_str(&decided.entry.line).unwrap_or_default();
    if let Some(actor) = &decided.actor {
        value["actor"] = json!(actor);
    }
    if let Some(repeat) = &decided.repeat {
        value["repeat"] = json!(repeat);
    }
    value
}

/// What an object's author wrote must not steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}
