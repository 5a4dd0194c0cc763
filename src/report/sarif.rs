//! `-o sarif`: SARIF 2.1.0 (OASIS), for code scanning: each result with rule, place and fix.

use std::io::{self, Write};
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Entry, Found, Outcome, Report, rule};
use crate::manifest::Position;
use crate::policy::Enforcement;
use crate::rules;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const SITE: &str = "https://github.com/podgate/podgate";
/// Under this name a result has the same value however its line moves.
const FINGERPRINT: &str = "podgateViolation/v1";

/// The report as one SARIF log.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let found: Vec<(&Entry, Found<'_>)> = report
        .entries
        .iter()
        .flat_map(|entry| entry.found().into_iter().map(move |found| (entry, found)))
        .collect();
    let mut rules: Vec<&str> = found.iter().map(|(_, found)| &*found.violation.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let failures: Vec<Value> = report.entries.iter().filter_map(failure).collect();
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: json!({"driver": {
                "name": "Podgate",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": SITE,
                "rules": rules.iter().map(|id| descriptor(id)).collect::<Vec<_>>(),
            }}),
            column_kind: "unicodeCodePoints",
            invocations: json!([{
                "executionSuccessful": failures.is_empty(),
                "toolExecutionNotifications": failures,
            }]),
            results: Results { found: &found, rules: &rules },
            properties: json!({"policySet": report.decisions().next().map(|d| &d.policy_set)}),
        }],
    };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Log<'r> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'r>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'r> {
    tool: Value,
    column_kind: &'static str,
    invocations: Value,
    results: Results<'r>,
    /// By which policies all of it was judged.
    properties: Value,
}

/// Made one by one while they are written: of many manifests there are hundreds of thousands.
struct Results<'r> {
    found: &'r [(&'r Entry, Found<'r>)],
    rules: &'r [&'r str],
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let results = self.found.iter().map(|(entry, found)| result(entry, found, self.rules));
        serializer.collect_seq(results)
    }
}

/// What a rule is, for whoever looks at its first result.
fn descriptor(id: &str) -> Value {
    let Some(rule) = rules::find(id) else { return json!({"id": id}) };
    let controls = rule.controls.iter();
    let controls =
        controls.map(|control| format!("{} {}", rule::framework(control.framework), control.id));
    let tags: Vec<String> =
        ["security", "kubernetes"].map(str::to_owned).into_iter().chain(controls).collect();
    json!({
        "id": id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule::text(rule), "markdown": rule::markdown(rule)},
        "helpUri": format!("{SITE}/blob/main/docs/rules/{id}.md"),
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": tags},
    })
}

fn result(entry: &Entry, found: &Found<'_>, rules: &[&str]) -> Value {
    let Found { violation, position, enforcement, by, .. } = found;
    let path = violation.finding.path.to_string();
    let level = match enforcement {
        Enforcement::Deny => "error",
        Enforcement::Warn => "warning",
        Enforcement::Audit => "note",
    };
    let policies: Vec<&str> = by.iter().map(|violation| &*violation.policy).collect();
    let object = entry.object();
    let message = format!("{}. Fix: {}", violation.sentence(), violation.remedy());
    let mut result = json!({
        "ruleId": violation.rule,
        "ruleIndex": rules.iter().position(|rule| **rule == *violation.rule),
        "level": level,
        "message": {"text": message},
        "locations": [{
            "physicalLocation": place(entry, *position),
            "logicalLocations": [{"name": path, "fullyQualifiedName": format!("{object} {path}"), "kind": "member"}],
        }],
        "partialFingerprints": {FINGERPRINT: fingerprint(entry, &violation.rule, &path)},
        "properties": {"policies": policies, "enforcement": enforcement.as_str()},
    });
    if let Some(source) = &entry.source {
        result["message"]["text"] =
            json!(format!("{message}. Rendered: {}", entry.place(position)));
        result["relatedLocations"] = json!([{
            "physicalLocation": region(&entry.file, *position),
            "message": {"text": "as it was rendered"},
        }]);
        result["properties"]["source"] = json!(source.name);
    }
    // It stands there, and somebody has said that it may.
    if let Some(why) = found.settled_by() {
        result["suppressions"] =
            json!([{"kind": "external", "status": "accepted", "justification": why}]);
    }
    result
}

/// What could not be judged, as a notification of the run.
fn failure(entry: &Entry) -> Option<Value> {
    let Outcome::Failed(error) = &entry.result else { return None };
    let position = Position { line: entry.line, column: 0 };
    let rendered = match &entry.source {
        Some(_) => format!(". Rendered: {}", entry.place(position)),
        None => String::new(),
    };
    Some(json!({
        "level": "error",
        "message": {"text": format!("{error}{rendered}")},
        "locations": [{"physicalLocation": place(entry, position)}],
    }))
}

/// Where a position is told of: in the template, where it was rendered from one, and else in the text itself.
fn place(entry: &Entry, position: Position) -> Value {
    match entry.source_file() {
        // Of a template no line is known, and code scanning shows nothing that has none.
        Some(file) => region(file, Position { line: 1, column: 0 }),
        None => region(&entry.file, position),
    }
}

fn region(file: &str, Position { line, column }: Position) -> Value {
    let mut place = json!({"artifactLocation": {"uri": uri(file)}});
    // 0 is nowhere.
    for (name, number) in [("startLine", line), ("startColumn", column)] {
        if number > 0 {
            place["region"][name] = json!(number);
        }
    }
    place
}

/// The same for the same field of the same object in the same file.
fn fingerprint(entry: &Entry, rule: &str, path: &str) -> String {
    let Entry { kind, namespace, name, .. } = entry;
    let file = entry.source_file().unwrap_or(&entry.file);
    let mut hash = Sha256::new();
    for part in [file, kind, namespace, name, rule, path] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    base16ct::lower::encode_string(&hash.finalize()[..16])
}

/// A file as a URI: relative ones are relative to where the command ran.
fn uri(file: &str) -> String {
    if file == "-" {
        return "stdin".to_owned();
    }
    let scheme = if Path::new(file).is_absolute() { "file://" } else { "" };
    let file = file.strip_prefix("./").unwrap_or(file);
    format!("{scheme}{}", utf8_percent_encode(file, ESCAPED))
}

/// All but what RFC 3986 does not reserve, and the slash.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_uris() {
        for (file, expected) in [
            ("deploy/web app.yaml", "deploy/web%20app.yaml"),
            ("./a.yaml", "a.yaml"),
            ("/srv/ü.yaml", "file:///srv/%C3%BC.yaml"),
            ("a:b#c%.yaml", "a%3Ab%23c%25.yaml"),
            ("-", "stdin"),
        ] {
            assert_eq!(uri(file), expected);
        }
    }
}
