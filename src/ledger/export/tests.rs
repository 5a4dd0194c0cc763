use serde_json::{Value, json};

use super::*;
use crate::ledger::chain::{Head, append, canonical};
use crate::ledger::entry::Entry;

fn decided(members: &Value) -> Decided {
    let mut record = json!({
        "boot": "b", "cluster": "", "replica": "r", "schema": "podgate.dev/decision/v1", "time": "2026-11-26T10:00:00.5Z",
        "decision": "denied", "decisionId": "7f3k-92", "operation": "CREATE",
        "object": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "shop", "uid": "u"},
        "user": {"name": "ann", "uid": "1", "groups": ["devs"]},
        "violations": [{"policy": "p", "rule": "privileged", "path": "spec.a", "found": "true", "fix": "remove it"},
            {"policy": "p", "rule": "privileged", "path": "spec.b", "found": "true", "fix": "remove it"}],
    });
    for (key, value) in members.as_object().cloned().unwrap_or_default() {
        record[key] = value;
    }
    let (mut line, mut head) = (Vec::new(), Head::START);
    append(&mut line, &mut head, canonical(record.as_object().unwrap()).unwrap().as_bytes());
    let entry = Entry::read(std::str::from_utf8(&line).unwrap()).unwrap();
    Decided { entry, actor: None, repeat: None }
}

fn export(format: Format, decided: &Decided) -> String {
    let mut exporter = Exporter::new(format, Vec::new()).unwrap();
    exporter.write(decided).unwrap();
    String::from_utf8(exporter.finish().unwrap()).unwrap()
}

#[test]
fn jsonl_is_the_line_itself() {
    let decided = decided(&json!({}));
    let text = export(Format::Jsonl, &decided);
    assert_eq!(text.trim_end(), decided.entry.line);
    assert!(Entry::read(&text).unwrap().is_intact());
}

#[test]
fn csv_has_a_header_and_quotes_what_needs_it() {
    let user = json!({"name": "=HYPERLINK(\"x\"),\n2", "uid": "", "groups": []});
    let text = export(Format::Csv, &decided(&json!({"user": user})));
    let mut lines = text.split("\r\n");
    assert!(lines.next().unwrap().starts_with("time,decision,decisionId,"));
    let row = lines.next().unwrap();
    assert!(row.contains(",\"'=HYPERLINK(\"\"x\"\"),\n2\","), "{row}");
    assert!(row.contains(",privileged,spec.a spec.b,"), "{row}");
    let mut reader = csv_reader(&text);
    assert_eq!(reader.records().count(), 1);
}

fn csv_reader(text: &str) -> ::csv::Reader<&[u8]> {
    ::csv::Reader::from_reader(text.as_bytes())
}

#[test]
fn ocsf_has_what_the_class_requires() {
    let event: Value = serde_json::from_str(&export(Format::Ocsf, &decided(&json!({})))).unwrap();
    for required in [
        "activity_id",
        "category_uid",
        "class_uid",
        "severity_id",
        "type_uid",
        "time",
        "metadata",
        "actor",
        "api",
        "src_endpoint",
    ] {
        assert!(!event[required].is_null(), "{required}: {event}");
    }
    assert_eq!(event["type_uid"], 600_301);
    assert_eq!(event["time"], 1_795_687_200_500_i64);
    assert_eq!(event["disposition"], "Blocked");
    assert_eq!(event["api"]["group"]["name"], "apps");
    assert_eq!(event["metadata"]["uid"], "7f3k-92");
    assert_eq!(event["unmapped"]["violations"].as_array().unwrap().len(), 2);
}
