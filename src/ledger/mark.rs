//! The records that are about the chain itself: where it starts, that it is whole so far, what is missing, where it ends.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::chain::{ChainId, Head, canonical};
use super::instance::Instance;

/// Schema of the first record of a chain.
pub const START: &str = "podgate.dev/start/v1";
/// Schema of a signed head.
pub const CHECKPOINT: &str = "podgate.dev/checkpoint/v1";
/// Schema of what stands for lost records.
pub const GAP: &str = "podgate.dev/gap/v1";
/// Schema of the last record of a chain that was closed.
pub const END: &str = "podgate.dev/end/v1";

/// The body of the first record of a chain, after `continues`, where this replica has written one before.
#[must_use]
pub fn start(instance: &Instance, time: Timestamp, continues: Option<&(ChainId, Head)>) -> Vec<u8> {
    let mut members = json!({"version": env!("CARGO_PKG_VERSION")});
    if let Some((chain, Head { hash, seq })) = continues {
        members["continues"] = json!({"boot": chain.boot, "hash": hash, "seq": seq});
    }
    body(instance, time, START, members)
}

/// The body of a signed `head`.
#[must_use]
pub fn checkpoint(
    instance: &Instance,
    time: Timestamp,
    head: Head,
    key: &str,
    signature: &str,
) -> Vec<u8> {
    let members = json!({"head": head, "key": key, "signature": signature});
    body(instance, time, CHECKPOINT, members)
}

/// What the signature of a checkpoint is over.
#[must_use]
pub fn signed(chain: &ChainId, time: Timestamp, head: Head) -> String {
    let (ChainId { replica, boot }, Head { hash, seq }) = (chain, head);
    format!("{CHECKPOINT}\n{replica}\n{boot}\n{seq}\n{hash}\n{time}")
}

/// The body of what stands for `count` records, the first of which was lost at `since` for `reason`.
#[must_use]
pub fn gap(
    instance: &Instance,
    time: Timestamp,
    count: u64,
    since: Timestamp,
    reason: &str,
) -> Vec<u8> {
    body(instance, time, GAP, json!({"count": count, "reason": reason, "since": since}))
}

/// The body of the last record of a chain.
#[must_use]
pub fn end(instance: &Instance, time: Timestamp) -> Vec<u8> {
    body(instance, time, END, json!({}))
}

/// A record's body of `members` and what every record has.
pub(super) fn body(instance: &Instance, time: Timestamp, schema: &str, members: Value) -> Vec<u8> {
    let Instance { boot, cluster, replica } = instance;
    let mut object = match members {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let common = json!({"boot": boot, "cluster": cluster, "replica": replica, "schema": schema, "time": time});
    if let Value::Object(common) = common {
        object.extend(common);
    }
    // Nothing here is a number that is not whole.
    canonical(&object).unwrap_or_default().into_bytes()
}
