//! Records of the ledger as log records: the line as it stands in the chain, and beside it what is searched by.

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use prost::Message as _;

use super::sender::{Encoded, Signal};
use super::{Sender, Service, attribute};
use crate::ledger::Entry;
use crate::ledger::entry::{Body, Decision};
use crate::ledger::writer::Listener;

/// Lines of the ledger, whole ones.
#[derive(Debug)]
pub struct Logs;

/// Bytes of lines that are queued together, unless one line alone has more.
const PIECE: usize = 32 * 1024;

impl Listener for Sender<Logs> {
    fn lines(&self, lines: &[u8]) {
        let (mut piece, mut count) = (Vec::new(), 0);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if count > 0 && piece.len() + line.len() > PIECE {
                self.send(std::mem::take(&mut piece), std::mem::take(&mut count));
            }
            piece.extend_from_slice(line);
            count += 1;
        }
        if count > 0 {
            self.send(piece, count);
        }
    }
}

impl Signal for Logs {
    const NAME: &'static str = "logs";
    const PATH: &'static str = "/v1/logs";
    type Item = Vec<u8>;
    // 4 MiB.
    const BATCH: usize = 128;

    fn bytes(item: &Vec<u8>) -> usize {
        item.len()
    }

    fn encode(items: &[Vec<u8>], service: &Service) -> Encoded {
        let texts = items.iter().filter_map(|lines| std::str::from_utf8(lines).ok());
        // Written by this process a moment ago: each is a record.
        let entries = texts.flat_map(str::lines).filter_map(|line| Entry::read(line).ok());
        let log_records: Vec<LogRecord> = entries.map(|entry| record(&entry)).collect();
        let count = log_records.len() as u64;
        let scope = InstrumentationScope {
            name: "podgate.ledger".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let logs = ResourceLogs {
            resource: Some(service.resource()),
            scope_logs: vec![ScopeLogs { scope: Some(scope), log_records, ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        };
        let request = ExportLogsServiceRequest { resource_logs: vec![logs] };
        Encoded { body: request.encode_to_vec(), count }
    }
}

fn record(entry: &Entry) -> LogRecord {
    let mut attributes = vec![
        attribute::text("podgate.boot", &entry.chain.boot),
        attribute::number("podgate.seq", entry.head.seq.cast_signed()),
    ];
    let severity = match &entry.body {
        Body::Decision(decision) => {
            attributes.extend(of_decision(decision));
            match decision.decision.as_str() {
                "failed" => SeverityNumber::Error,
                "denied" => SeverityNumber::Warn,
                _ => SeverityNumber::Info,
            }
        }
        Body::Change(change) => {
            attributes.extend(of_object(&change.object.kind, &change.object.name));
            attributes.push(attribute::text("k8s.namespace.name", &change.object.namespace));
            attributes.push(attribute::text("user.name", &change.user.name));
            SeverityNumber::Info
        }
        Body::Gap(_) => SeverityNumber::Error,
        _ => SeverityNumber::Info,
    };
    let time = nanos(entry.time);
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: severity.into(),
        severity_text: severity.as_str_name().trim_start_matches("SEVERITY_NUMBER_").to_owned(),
        body: Some(attribute::any(Value::StringValue(entry.line.clone()))),
        event_name: event_name(entry.body.schema()),
        attributes,
        ..LogRecord::default()
    }
}

/// `podgate.decision` for `podgate.dev/decision/v1`.
fn event_name(schema: &str) -> String {
    format!("podgate.{}", schema.split('/').nth(1).unwrap_or(schema))
}

fn of_decision(decision: &Decision) -> Vec<KeyValue> {
    let Decision { object, violations, .. } = decision;
    let mut attributes = vec![
        attribute::text("podgate.decision", &decision.decision),
        attribute::text("podgate.decision.id", &decision.decision_id),
        attribute::flag("podgate.dry_run", decision.dry_run),
        attribute::text("podgate.incident", &decision.incident),
        attribute::text("podgate.operation", &decision.operation),
        attribute::texts("podgate.policies", violations.iter().map(|v| &*v.policy)),
        attribute::texts("podgate.rules", violations.iter().map(|v| &*v.rule)),
        attribute::text("k8s.namespace.name", &object.namespace),
        attribute::text("user.name", &decision.user.name),
    ];
    // What a name is made from is none.
    if !object.name.is_empty() {
        attributes.extend(of_object(&object.kind, &object.name));
    }
    attributes
}

/// What the semantic conventions call the name of an object of this kind; none for those of which they do not speak.
fn of_object(kind: &str, name: &str) -> Option<KeyValue> {
    let key = match kind {
        "Pod" => "k8s.pod.name",
        "Deployment" => "k8s.deployment.name",
        "ReplicaSet" => "k8s.replicaset.name",
        "StatefulSet" => "k8s.statefulset.name",
        "DaemonSet" => "k8s.daemonset.name",
        "Job" => "k8s.job.name",
        "CronJob" => "k8s.cronjob.name",
        "ReplicationController" => "k8s.replicationcontroller.name",
        _ => return None,
    };
    Some(attribute::text(key, name))
}

/// Nanoseconds since 1970; nothing of podgate's is older.
pub(super) fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanosecond()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute_of<'r>(record: &'r LogRecord, key: &str) -> Option<&'r Value> {
        record
            .attributes
            .iter()
            .find(|attribute| attribute.key == key)?
            .value
            .as_ref()?
            .value
            .as_ref()
    }

    #[test]
    fn a_denial_is_a_warning_with_what_is_searched_by() {
        let line = crate::ledger::testing::denial();
        let entry = Entry::read(&line).unwrap();
        let record = record(&entry);
        assert_eq!((record.severity_text.as_str(), record.severity_number), ("WARN", 13));
        assert_eq!(record.event_name, "podgate.decision");
        assert_eq!(record.body, Some(attribute::any(Value::StringValue(line))));
        for (key, value) in [
            ("podgate.decision", "denied"),
            ("k8s.namespace.name", "shop"),
            ("k8s.pod.name", "web"),
            ("user.name", "ann"),
        ] {
            assert_eq!(
                attribute_of(&record, key),
                Some(&Value::StringValue(value.to_owned())),
                "{key}"
            );
        }
        let Some(Value::ArrayValue(rules)) = attribute_of(&record, "podgate.rules") else {
            panic!()
        };
        assert_eq!(rules.values.len(), 1, "each once");
        assert_eq!(record.time_unix_nano, nanos(entry.time));
    }

    #[test]
    fn lines_that_are_none_are_left_out_and_not_counted() {
        let line = crate::ledger::testing::denial();
        let items = vec![format!("{line}\n{line}\n").into_bytes(), b"no record\n\xff".to_vec()];
        let encoded = Logs::encode(&items, &Service::default());
        assert_eq!(encoded.count, 2);
        let request = ExportLogsServiceRequest::decode(&*encoded.body).unwrap();
        assert_eq!(request.resource_logs[0].scope_logs[0].log_records.len(), 2);
    }
}
