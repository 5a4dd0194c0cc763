//! Kubernetes Events of what was refused, on the object whose controller tried: `kubectl describe` shows them.
//!
//! What a controller tries again and again is one Event with a count. Rate and memory are bounded: what finds no room
//! is counted and not told of, since the ledger has it in any case.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use prometheus_client::metrics::counter::Counter;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::MANAGER;
use crate::ledger::Entry;
use crate::ledger::entry::{Body, Decision};

/// Incidents that are remembered at a time.
const MOST: usize = 1000;
/// Requests to the API server that may be made at once, and those that come to them each second.
const BURST: f64 = 25.0;
const PER_SECOND: f64 = 5.0;
/// How often counts are brought up to date.
const UPDATE_EVERY: Duration = Duration::from_secs(5);
/// How long after the last time an incident is forgotten: the API server forgets its Event after an hour.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(30);
/// What the API server takes of a note, in bytes.
const NOTE_LIMIT: usize = 1024;

/// Tells of refused requests.
pub struct Events {
    client: Client,
    replica: String,
    known: HashMap<String, Known>,
    allowance: Allowance,
    dropped: Counter,
}

/// An Event that is there.
struct Known {
    namespace: String,
    name: String,
    count: i32,
    /// What of the count the API server knows.
    told: i32,
    last: Timestamp,
    seen: Instant,
}

impl Events {
    /// Events that `replica` tells of through `client`; `dropped` counts those that it does not.
    #[must_use]
    pub fn new(client: Client, replica: String, dropped: Counter) -> Self {
        let allowance = Allowance { left: BURST, since: Instant::now() };
        Self { client, replica, known: HashMap::new(), allowance, dropped }
    }

    /// Tells of what comes, until nothing comes any more.
    pub async fn run(mut self, mut records: mpsc::Receiver<Entry>) {
        let mut updates = tokio::time::interval(UPDATE_EVERY);
        updates.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                record = records.recv() => match record {
                    Some(record) => self.tell(&record).await,
                    None => return self.update().await,
                },
                _ = updates.tick() => self.update().await,
            }
        }
    }

    async fn tell(&mut self, record: &Entry) {
        let Body::Decision(decision) = &record.body else { return };
        if decision.decision != "denied" || decision.dry_run || decision.object.namespace.is_empty()
        {
            return;
        }
        if let Some(known) = self.known.get_mut(&decision.incident) {
            known.count = known.count.saturating_add(1);
            (known.last, known.seen) = (known.last.max(record.time), Instant::now());
            return;
        }
        let Some(regarding) = regarding(decision) else { return };
        if self.known.len() >= MOST || !self.allowance.take() {
            self.dropped.inc();
            return;
        }
        let event = event(decision, record.time, regarding, &self.replica);
        let (namespace, name) = (decision.object.namespace.clone(), event.metadata.name.clone());
        let events: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        match events.create(&PostParams::default(), &event).await {
            Ok(_) => {
                let (name, last, seen) = (name.unwrap_or_default(), record.time, Instant::now());
                let known = Known { namespace, name, count: 1, told: 1, last, seen };
                self.known.insert(decision.incident.clone(), known);
            }
            Err(error) => {
                self.dropped.inc();
                tracing::warn!(%error, "an Event cannot be created");
            }
        }
    }

    /// Tells the counts that have grown.
    async fn update(&mut self) {
        self.known
            .retain(|_, known| known.told < known.count || known.seen.elapsed() < FORGOTTEN_AFTER);
        for known in self.known.values_mut().filter(|known| known.told < known.count) {
            if !self.allowance.take() {
                return;
            }
            let series = json!({"series": {"count": known.count, "lastObservedTime": MicroTime(known.last)}});
            let events: Api<Event> = Api::namespaced(self.client.clone(), &known.namespace);
            let patched =
                events.patch(&known.name, &PatchParams::default(), &Patch::Merge(&series)).await;
            if let Err(error) = patched {
                tracing::debug!(%error, "an Event cannot be brought up to date");
            }
            // One that is gone is not told of again and again.
            known.told = known.count;
        }
    }
}

/// What the Event is about: the owner that tries, or an object that is there already.
pub(super) fn regarding(decision: &Decision) -> Option<ObjectReference> {
    let object = &decision.object;
    let (api_version, kind, name, uid) = match &decision.owner {
        Some(owner) => (api_version(&owner.kind)?, &owner.kind, &owner.name, &owner.uid),
        None if decision.operation == "UPDATE" => {
            (object.api_version.as_str(), &object.kind, &object.name, &object.uid)
        }
        None => return None,
    };
    Some(ObjectReference {
        api_version: Some(api_version.to_owned()),
        kind: Some(kind.clone()),
        name: Some(name.clone()),
        namespace: Some(object.namespace.clone()),
        uid: Some(uid.clone()),
        ..ObjectReference::default()
    })
}

/// Of the kinds that make pods. The record does not say it, and others tell of their own failures.
fn api_version(kind: &str) -> Option<&'static str> {
    match kind {
        "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Deployment" => Some("apps/v1"),
        "Job" | "CronJob" => Some("batch/v1"),
        "ReplicationController" => Some("v1"),
        _ => None,
    }
}

fn event(decision: &Decision, time: Timestamp, regarding: ObjectReference, replica: &str) -> Event {
    let incident: String = decision.incident.chars().filter(char::is_ascii_alphanumeric).collect();
    Event {
        metadata: ObjectMeta {
            name: Some(format!("podgate.{incident}.{:x}", time.as_microsecond())),
            namespace: Some(decision.object.namespace.clone()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(time)),
        regarding: Some(regarding),
        reason: Some("PodRefused".to_owned()),
        action: Some("Admission".to_owned()),
        note: Some(note(decision)),
        type_: Some("Warning".to_owned()),
        reporting_controller: Some(format!("podgate.dev/{MANAGER}")),
        // The API server takes no name that is longer.
        reporting_instance: Some(replica.chars().take(128).collect()),
        ..Event::default()
    }
}

/// Why, in so many words as an Event may have.
fn note(decision: &Decision) -> String {
    let mut note = format!("Refused (decision {})", decision.decision_id);
    for violation in &decision.violations {
        let more = format!(
            "; {}: {} is {}, policy {}",
            violation.rule, violation.path, violation.found, violation.policy
        );
        if note.len() + more.len() > NOTE_LIMIT - 8 {
            note.push_str("; more");
            break;
        }
        note.push_str(&more);
    }
    note.truncate(note.floor_char_boundary(NOTE_LIMIT));
    note
}

/// What the API server may be asked for now.
struct Allowance {
    left: f64,
    since: Instant,
}

impl Allowance {
    fn take(&mut self) -> bool {
        let now = Instant::now();
        let grown = now.duration_since(self.since).as_secs_f64() * PER_SECOND;
        (self.left, self.since) = ((self.left + grown).min(BURST), now);
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(violations: usize) -> Decision {
        let violation = json!({"rule": "privileged", "path": "spec.containers[0].securityContext.privileged", "found": "true", "policy": "p"});
        let decision = json!({"decisionId": "7f3k-92", "incident": "0123", "violations": vec![violation; violations],
            "object": {"namespace": "shop", "kind": "Pod"}, "operation": "CREATE"});
        serde_json::from_value(decision).unwrap()
    }

    #[test]
    fn a_note_fits_and_says_that_there_is_more() {
        assert!(note(&decision(1)).ends_with(
            "privileged: spec.containers[0].securityContext.privileged is true, policy p"
        ));
        let long = note(&decision(100));
        assert!(long.len() <= NOTE_LIMIT && long.ends_with("; more"), "{long}");
    }

    #[test]
    fn only_what_is_there_can_have_an_event() {
        let mut decision = decision(1);
        assert_eq!(regarding(&decision), None, "a pod that was refused is nowhere");
        decision.operation = "UPDATE".to_owned();
        assert!(regarding(&decision).is_some());
        decision.owner =
            serde_json::from_value(json!({"kind": "ReplicaSet", "name": "web", "uid": "u"})).ok();
        assert_eq!(regarding(&decision).unwrap().api_version.as_deref(), Some("apps/v1"));
        decision.owner =
            serde_json::from_value(json!({"kind": "Rollout", "name": "web", "uid": "u"})).ok();
        assert_eq!(regarding(&decision), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_api_server_is_asked_so_often_and_no_more() {
        let mut allowance = Allowance { left: BURST, since: Instant::now() };
        assert_eq!((0..100).filter(|_| allowance.take()).count(), 25);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!((0..100).filter(|_| allowance.take()).count(), 10);
    }
}
