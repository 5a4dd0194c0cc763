//! A line of the ledger, read back.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::chain::{ChainId, Hash, Head, canonical, link};
use super::{change, mark, record};

/// A line of the ledger. The line itself is kept: it is what the hash is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The line as it was read, without its newline.
    pub line: String,
    /// Which chain it stands in.
    pub chain: ChainId,
    /// The cluster; empty where nobody said.
    pub cluster: String,
    /// Hash of the record before.
    pub previous: Hash,
    /// Its own number and hash, as it says.
    pub head: Head,
    /// When it was written.
    pub time: Timestamp,
    /// What it tells.
    pub body: Body,
}

/// What a record tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A decision.
    Decision(Box<Decision>),
    /// A workload's template was changed.
    Change(Box<Change>),
    /// A chain begins.
    Start(Start),
    /// The head of the chain, signed.
    Checkpoint(Checkpoint),
    /// Records were lost before they stood in the chain.
    Gap(Gap),
    /// The chain was closed.
    End,
    /// A schema of a newer podgate.
    Other(String),
}

/// A decision, as [`record::Record`] writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Decision {
    /// The outcome's word.
    pub decision: String,
    /// Its short name.
    pub decision_id: String,
    /// Whether nothing was to be stored.
    pub dry_run: bool,
    /// Names of the exceptions that were needed.
    pub exceptions: Vec<String>,
    /// Why the object could not be read.
    pub failure: Option<String>,
    /// What was filled in.
    pub fixes: Vec<Fix>,
    /// Images of the containers.
    pub images: Vec<String>,
    /// The same for what happens again and again.
    pub incident: String,
    /// How long the judgement took.
    pub latency_micros: u64,
    /// What the sender was told beside.
    pub note: Option<String>,
    /// The object.
    pub object: Object,
    /// CREATE, UPDATE, DELETE or CONNECT.
    pub operation: String,
    /// The object that manages it.
    pub owner: Option<Owner>,
    /// The policies that were in force.
    pub policy_set: PolicySet,
    /// The request's uid.
    pub request_uid: String,
    /// The subresource; empty for the object itself.
    pub subresource: String,
    /// Who sent the request.
    pub user: User,
    /// The rules that were broken.
    pub violations: Vec<Violation>,
}

impl Body {
    /// Name and version of the schema.
    #[must_use]
    pub fn schema(&self) -> &str {
        match self {
            Self::Decision(_) => record::SCHEMA,
            Self::Change(_) => change::SCHEMA,
            Self::Start(_) => mark::START,
            Self::Checkpoint(_) => mark::CHECKPOINT,
            Self::Gap(_) => mark::GAP,
            Self::End => mark::END,
            Self::Other(schema) => schema,
        }
    }
}

impl Object {
    /// The name, or what the API server makes one from.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        if self.name.is_empty() { &self.generate_name } else { &self.name }
    }
}

/// The object of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Object {
    /// API group and version.
    pub api_version: String,
    /// Digest of its JSON.
    pub digest: Option<String>,
    /// What the API server makes a name from.
    pub generate_name: String,
    /// Kind.
    pub kind: String,
    /// Name; empty where the API server makes one later.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Uid; empty before it has one.
    pub uid: String,
}

/// The object that manages another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Owner {
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
}

/// Who sent a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct User {
    /// Groups.
    pub groups: Vec<String>,
    /// User name.
    pub name: String,
    /// Uid, where the authenticator gave one.
    pub uid: String,
}

/// The policies in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PolicySet {
    /// Their digest.
    pub digest: String,
    /// Counted by the replica since it started.
    pub generation: u64,
}

/// A rule that was broken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Violation {
    /// What would be right.
    pub allowed: String,
    /// The container, where it is about one.
    pub container: Option<String>,
    /// Deny, Warn or Audit.
    pub enforcement: String,
    /// The exception that lets it pass.
    pub exception: Option<String>,
    /// How to comply.
    pub fix: String,
    /// What was found.
    pub found: String,
    /// The field.
    pub path: String,
    /// The policy.
    pub policy: String,
    /// The rule.
    pub rule: String,
    /// Why it stands in nobody's way: `exception`, `fix` or `fixInPods`.
    pub settled: Option<String>,
    /// The standard that a namespace's label asks for.
    pub standard: Option<String>,
}

/// A field that was filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Fix {
    /// `safe` or `risky`.
    pub applicability: String,
    /// The field.
    pub path: String,
    /// The policy.
    pub policy: String,
    /// The rule.
    pub rule: String,
    /// Its value, as JSON.
    pub value: String,
}

/// A change of a workload, as [`change::body`] writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Change {
    /// The workload.
    pub object: Object,
    /// CREATE or UPDATE.
    pub operation: String,
    /// The object that manages it.
    pub owner: Option<Owner>,
    /// The request's uid.
    pub request_uid: String,
    /// Digest of its template.
    pub template: String,
    /// Who changed it.
    pub user: User,
}

/// The first record of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Start {
    /// The end of the chain that this replica wrote before.
    pub continues: Option<Continues>,
    /// Version of podgate.
    pub version: String,
}

/// The end of an earlier chain of the same replica.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Continues {
    /// Which start of the process.
    pub boot: String,
    /// Its last hash.
    pub hash: Hash,
    /// Its last number.
    pub seq: u64,
}

/// A signed head, as [`mark::checkpoint`] writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Checkpoint {
    /// The head of the chain before this record.
    pub head: Head,
    /// The public key, in base 64.
    pub key: String,
    /// The signature, in base 64.
    pub signature: String,
}

/// Records that were lost before they stood in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Gap {
    /// How many.
    pub count: u64,
    /// Why.
    pub reason: String,
    /// When the first was lost.
    pub since: Timestamp,
}

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAnEntry(pub String);

/// What every record has.
#[derive(Deserialize)]
struct Common {
    seq: u64,
    previous: Hash,
    hash: Hash,
    boot: String,
    #[serde(default)]
    cluster: String,
    replica: String,
    schema: String,
    time: Timestamp,
}

impl Entry {
    /// Reads a line, with or without its newline. Whether it was altered is another question: [`Entry::is_intact`].
    ///
    /// # Errors
    /// Where it is no JSON object or lacks what every record has.
    pub fn read(line: &str) -> Result<Self, NotAnEntry> {
        let line = line.trim_end_matches(['\r', '\n']);
        let common: Common = parse(line)?;
        let body = match common.schema.as_str() {
            record::SCHEMA => Body::Decision(parse(line)?),
            change::SCHEMA => Body::Change(parse(line)?),
            mark::START => Body::Start(parse(line)?),
            mark::CHECKPOINT => Body::Checkpoint(parse(line)?),
            mark::GAP => Body::Gap(parse(line)?),
            mark::END => Body::End,
            _ => Body::Other(common.schema),
        };
        Ok(Self {
            line: line.to_owned(),
            chain: ChainId { replica: common.replica, boot: common.boot },
            cluster: common.cluster,
            previous: common.previous,
            head: Head { hash: common.hash, seq: common.seq },
            time: common.time,
            body,
        })
    }

    /// Whether its hash is the one of what it says.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        let Head { hash, seq } = self.head;
        self.body_as_written().is_some_and(|body| link(self.previous, seq, body.as_bytes()) == hash)
            || self
                .canonical_body()
                .is_some_and(|body| link(self.previous, seq, body.as_bytes()) == hash)
    }

    /// The body of a line that is as it was written.
    fn body_as_written(&self) -> Option<String> {
        let Head { hash, seq } = self.head;
        let previous = self.previous;
        let chained = format!(r#"{{"seq":{seq},"previous":"{previous}","hash":"{hash}","#);
        Some(format!("{{{}", self.line.strip_prefix(&chained)?))
    }

    /// The body of a line that somebody has parsed and written anew.
    fn canonical_body(&self) -> Option<String> {
        let mut object: Map<String, Value> = serde_json::from_str(&self.line).ok()?;
        for chained in ["seq", "previous", "hash"] {
            object.remove(chained)?;
        }
        canonical(&object)
    }
}

fn parse<'de, T: Deserialize<'de>>(line: &'de str) -> Result<T, NotAnEntry> {
    serde_json::from_str(line).map_err(|error| NotAnEntry(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::chain;

    const BODY: &str = r#"{"boot":"b","cluster":"","decision":"denied","replica":"r","schema":"podgate.dev/decision/v1","time":"2026-11-26T10:00:00Z"}"#;

    fn line(body: &str) -> String {
        let (mut lines, mut head) = (Vec::new(), Head::START);
        chain::append(&mut lines, &mut head, body.as_bytes());
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn a_line_is_read_and_intact() {
        let entry = Entry::read(&line(BODY)).unwrap();
        assert!(entry.is_intact());
        assert_eq!(entry.head.seq, 1);
        let Body::Decision(decision) = entry.body else { panic!("{:?}", entry.body) };
        assert_eq!(decision.decision, "denied");
    }

    #[test]
    fn a_line_that_was_parsed_and_written_anew_is_intact() {
        let value: Value = serde_json::from_str(&line(BODY)).unwrap();
        let object = value.as_object().unwrap();
        let mut members: Vec<String> =
            object.iter().map(|(key, value)| format!("{key:?}: {value}")).collect();
        members.reverse();
        let anew = format!("{{ {} }}", members.join(", "));
        assert_ne!(anew, line(BODY));
        assert!(Entry::read(&anew).unwrap().is_intact());
    }

    #[test]
    fn a_changed_word_is_found() {
        let altered = line(BODY).replace("denied", "warned");
        assert!(!Entry::read(&altered).unwrap().is_intact());
        let moved = line(BODY).replace(r#""seq":1"#, r#""seq":2"#);
        assert!(!Entry::read(&moved).unwrap().is_intact());
    }

    #[test]
    fn a_schema_of_a_newer_podgate_still_has_its_place() {
        let newer = BODY.replace("decision/v1", "dream/v9");
        let entry = Entry::read(&line(&newer)).unwrap();
        assert!(entry.is_intact());
        assert_eq!(entry.body, Body::Other("podgate.dev/dream/v9".to_owned()));
    }
}
