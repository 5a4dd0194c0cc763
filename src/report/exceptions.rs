//! What `podgate exceptions` prints.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::counted;
use super::text::{BAD, FAINT, GOOD, MILD, TITLE};
use crate::ledger::store::ExceptionUse;
use crate::policy::{CompiledException, Life, PolicySet};

/// What exceptions were used for.
#[derive(Debug)]
pub struct Used {
    /// Since when.
    pub since: Timestamp,
    /// How often.
    pub uses: Vec<ExceptionUse>,
}

/// The exceptions of a set, and what should be looked at.
#[derive(Debug)]
pub struct Report {
    entries: Vec<Entry>,
    since: Option<Timestamp>,
}

/// An exception.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    state: &'static str,
    expires: Timestamp,
    policy: String,
    rules: Vec<String>,
    owner: String,
    reason: String,
    source: String,
    line: u32,
    /// How often it was needed; absent where no ledger was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    uses: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_use: Option<Timestamp>,
    concerns: Vec<Concern>,
}

/// Why somebody should look at an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Concern {
    /// It covers nothing any more.
    Expired,
    /// It ends soon.
    Expiring,
    /// Nothing needed it.
    Unused,
    /// It holds in every namespace. With a ledger: those where it was needed.
    EveryNamespace { needed: BTreeSet<String> },
    /// Nothing needed these of its rules.
    RulesNotNeeded { rules: Vec<String> },
    /// Nothing needed it in these of its namespaces.
    NamespacesNotNeeded { namespaces: Vec<String> },
}

impl Report {
    /// Looks at each exception of `set` at `now`; `used` is what a ledger tells, where one was asked.
    #[must_use]
    pub fn of(set: &PolicySet, used: Option<&Used>, now: Timestamp) -> Self {
        let entries = set.exceptions().iter().map(|exception| Entry::of(exception, used, now));
        Self { entries: entries.collect(), since: used.map(|used| used.since) }
    }

    /// Whether there is anything to look at.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        self.entries.iter().any(|entry| !entry.concerns.is_empty())
    }
}

impl Entry {
    fn of(exception: &CompiledException, ledger: Option<&Used>, now: Timestamp) -> Self {
        let is_its = |one: &&ExceptionUse| one.exception == exception.name;
        let uses = ledger.map(|ledger| ledger.uses.iter().filter(is_its).collect::<Vec<_>>());
        Self {
            name: exception.name.clone(),
            state: exception.life(now).as_str(),
            expires: exception.expires,
            policy: exception.policy.clone(),
            rules: exception.rules.clone(),
            owner: exception.owner.clone(),
            reason: exception.reason.clone(),
            source: exception.source.clone(),
            line: exception.line,
            uses: uses.as_ref().map(|uses| uses.iter().map(|one| one.count).sum()),
            last_use: uses.iter().flatten().map(|one| one.last).max(),
            concerns: concerns(exception, uses.as_deref(), now),
        }
    }
}

fn concerns(
    exception: &CompiledException,
    uses: Option<&[&ExceptionUse]>,
    now: Timestamp,
) -> Vec<Concern> {
    let life = exception.life(now);
    if life == Life::Expired {
        return vec![Concern::Expired];
    }
    let mut concerns = Vec::new();
    if life == Life::Expiring {
        concerns.push(Concern::Expiring);
    }
    let needed: BTreeSet<String> =
        uses.into_iter().flatten().map(|one| one.namespace.clone()).collect();
    let unused = uses.is_some_and(<[_]>::is_empty);
    if unused {
        concerns.push(Concern::Unused);
    }
    if exception.holds_in_every_namespace() {
        concerns.push(Concern::EveryNamespace { needed: needed.clone() });
    }
    // Of one that nothing needed, no part was.
    let Some(uses) = uses.filter(|uses| !uses.is_empty()) else { return concerns };
    let is_needed = |rule: &&String| uses.iter().any(|one| one.rule == **rule);
    let rules: Vec<String> =
        exception.rules.iter().filter(|rule| !is_needed(rule)).cloned().collect();
    if !rules.is_empty() {
        concerns.push(Concern::RulesNotNeeded { rules });
    }
    let named = exception.namespaces().filter(|name| !needed.contains(*name));
    let namespaces: Vec<String> = named.map(str::to_owned).collect();
    if !namespaces.is_empty() {
        concerns.push(Concern::NamespacesNotNeeded { namespaces });
    }
    concerns
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("it has ended and covers nothing: renew it, or remove it"),
            Self::Expiring => f.write_str("it ends within 14 days: renew it, or let it end"),
            Self::Unused => f.write_str("nothing needed it: remove it"),
            Self::EveryNamespace { needed } if needed.is_empty() => {
                f.write_str("it holds in every namespace: list those that need it")
            }
            Self::EveryNamespace { needed } => {
                let needed: Vec<&str> = needed.iter().map(String::as_str).collect();
                write!(
                    f,
                    "it holds in every namespace, and was needed in {}: list those",
                    needed.join(", ")
                )
            }
            Self::RulesNotNeeded { rules } => {
                write!(f, "nothing broke {}: remove it from its rules", rules.join(", "))
            }
            Self::NamespacesNotNeeded { namespaces } => {
                write!(f, "nothing needed it in {}: remove it there", namespaces.join(", "))
            }
        }
    }
}

/// The report for a person.
///
/// # Errors
/// Where `out` cannot be written.
pub fn text(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for entry in &report.entries {
        let style = match entry.state {
            "expired" => BAD,
            "expiring" => MILD,
            _ => GOOD,
        };
        writeln!(
            out,
            "{TITLE}{}{TITLE:#}  {style}{}{style:#} until {}",
            entry.name, entry.state, entry.expires
        )?;
        writeln!(out, "  policy {}: {}", entry.policy, entry.rules.join(", "))?;
        writeln!(out, "  {}, because: {}", entry.owner, entry.reason)?;
        match (entry.uses, entry.last_use) {
            (Some(uses), Some(last)) => writeln!(out, "  used {uses} times, last {last}")?,
            (Some(_), None) => writeln!(out, "  not used")?,
            (None, _) => {}
        }
        for concern in &entry.concerns {
            writeln!(out, "  {MILD}look: {concern}{MILD:#}")?;
        }
        writeln!(out, "  {FAINT}{}:{}{FAINT:#}\n", entry.source, entry.line)?;
    }
    let count = counted(report.entries.len(), "exception");
    let worrying = report.entries.iter().filter(|entry| !entry.concerns.is_empty()).count();
    write!(out, "{count}, {worrying} to look at")?;
    match report.since {
        Some(since) => writeln!(out, "; uses since {since}"),
        None => writeln!(out, "; give --ledger to see which are used"),
    }
}

/// The report for a program: one array.
///
/// # Errors
/// Where `out` cannot be written.
pub fn json(report: &Report, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &report.entries)?;
    writeln!(out)
}
