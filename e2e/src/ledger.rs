//! Lines of a ledger, as a replica would write them.

use jiff::{SignedDuration, Timestamp};
use podgate::ledger::chain::{self, ChainId, Head, canonical};
use serde_json::{Value, json};

/// A chain that is being written, an instant a record.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Which one.
    pub id: ChainId,
    head: Head,
    time: Timestamp,
}

impl Chain {
    /// Begins the chain of a replica at `time`.
    #[must_use]
    pub fn begin(replica: &str, boot: &str, time: Timestamp) -> Self {
        let id = ChainId { replica: replica.to_owned(), boot: boot.to_owned() };
        Self { id, head: Head::START, time }
    }

    /// When the next record is written.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.time
    }

    /// Lets time pass.
    pub fn wait(&mut self, duration: SignedDuration) {
        self.time += duration;
    }

    /// The line, with its newline, of a record of these members.
    pub fn record(&mut self, schema: &str, members: &Value) -> String {
        let common = json!({"boot": self.id.boot, "cluster": "c", "replica": self.id.replica, "schema": schema, "time": self.time});
        let mut object = members.as_object().cloned().unwrap_or_default();
        object.extend(common.as_object().cloned().unwrap_or_default());
        self.time += SignedDuration::from_millis(1);
        let body = canonical(&object).unwrap_or_default();
        let mut line = Vec::new();
        chain::append(&mut line, &mut self.head, body.as_bytes());
        String::from_utf8(line).unwrap_or_default()
    }

    /// A decision about a pod, with what differs from `denied` in `members`.
    pub fn decision(&mut self, members: &Value) -> String {
        let mut decision = json!({
            "decision": "denied", "decisionId": format!("{:04x}-00", self.head.seq), "dryRun": false, "exceptions": [],
            "fixes": [], "images": ["a"], "incident": "0000000000000001", "latencyMicros": 100,
            "object": {"apiVersion": "v1", "digest": "sha256:0", "generateName": "web-", "kind": "Pod", "name": "",
                "namespace": "shop", "uid": "u"},
            "operation": "CREATE", "policySet": {"digest": "sha256:set", "generation": 1}, "requestUid": "r", "subresource": "",
            "user": {"groups": [], "name": "system:serviceaccount:kube-system:replicaset-controller", "uid": ""},
            "violations": [{"allowed": "absent or false", "container": "app", "enforcement": "Deny", "fix": "remove it",
                "found": "true", "path": "spec.containers[0].securityContext.privileged", "policy": "shared-kernel", "rule": "privileged"}],
        });
        merge(&mut decision, members);
        self.record("podgate.dev/decision/v1", &decision)
    }

    /// A workload whose template is `template`, changed by `user`.
    pub fn change(
        &mut self,
        kind: &str,
        uid: &str,
        owner: Option<&str>,
        template: &str,
        user: &str,
    ) -> String {
        let mut change = json!({
            "object": {"apiVersion": "apps/v1", "kind": kind, "name": uid, "namespace": "shop", "uid": uid},
            "operation": "UPDATE", "requestUid": "r", "template": template,
            "user": {"groups": [], "name": user, "uid": ""},
        });
        if let Some(owner) = owner {
            change["owner"] = json!({"kind": "Deployment", "name": owner, "uid": owner});
        }
        self.record("podgate.dev/change/v1", &change)
    }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}
