//! `-o json`: one array, an element an object.

use serde::Serialize;

use super::{Entry, Outcome, Report};
use crate::engine::{Settled, Violation};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryJson<'r> {
    file: &'r str,
    document: usize,
    line: u32,
    /// What it was rendered from, as the renderer names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'r str>,
    api_version: &'r str,
    kind: &'r str,
    namespace: &'r str,
    name: &'r str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_judged_by: Vec<&'r str>,
    #[serde(flatten)]
    result: ResultJson<'r>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", untagged)]
enum ResultJson<'r> {
    #[serde(rename_all = "camelCase")]
    Judged {
        decision: &'static str,
        allowed: bool,
        violations: Vec<ViolationJson<'r>>,
        policy_set: &'r str,
    },
    Skipped {
        skipped: &'static str,
    },
    Failed {
        error: &'r str,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ViolationJson<'r> {
    policy: &'r str,
    rule: &'r str,
    path: String,
    line: u32,
    found: String,
    allowed: &'r str,
    message: String,
    enforcement: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    standard: Option<String>,
    fix: String,
    /// Where Podgate may fill it in by itself: how safe that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    applicability: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<&'r str>,
}

/// The report as a JSON array.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(report: &Report, out: &mut impl std::io::Write) -> std::io::Result<()> {
    let entries: Vec<_> = report.entries.iter().map(entry).collect();
    serde_json::to_writer_pretty(&mut *out, &entries)?;
    writeln!(out)
}

fn entry(entry: &Entry) -> EntryJson<'_> {
    let result = match &entry.result {
        Outcome::Judged(decision, positions) => ResultJson::Judged {
            decision: decision.outcome.as_str(),
            allowed: decision.outcome.is_allowed(),
            violations: decision
                .violations
                .iter()
                .zip(positions)
                .map(|(found, position)| violation(found, position.line))
                .collect(),
            policy_set: &decision.policy_set,
        },
        Outcome::Skipped(skipped) => ResultJson::Skipped { skipped },
        Outcome::Failed(error) => ResultJson::Failed { error },
    };
    EntryJson {
        file: &entry.file,
        document: entry.document,
        line: entry.line,
        source: entry.source.as_ref().map(|source| &*source.name),
        api_version: &entry.api_version,
        kind: &entry.kind,
        namespace: &entry.namespace,
        name: &entry.name,
        not_judged_by: entry.not_judged_by.iter().map(|policy| &**policy).collect(),
        result,
    }
}

fn violation(violation: &Violation, line: u32) -> ViolationJson<'_> {
    let finding = &violation.finding;
    ViolationJson {
        policy: &violation.policy,
        rule: &violation.rule,
        path: finding.path.to_string(),
        line,
        found: finding.found.to_string(),
        allowed: &finding.allowed,
        message: violation.sentence().to_string(),
        enforcement: violation.enforcement.as_str(),
        standard: violation.standard.map(|standard| standard.to_string()),
        fix: finding.remedy.to_string(),
        applicability: finding.remedy.fill().map(|fill| fill.applicability.as_str()),
        settled: violation.settled.as_ref().map(Settled::as_str),
        exception: violation.exception(),
    }
}
