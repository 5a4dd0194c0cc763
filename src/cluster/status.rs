//! The status of the custom resources: whether each compiled, and whether it is in force.
//!
//! Written by the one replica that holds the Lease, and only where it differs from what stands there.

use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::resources::{GROUP, Kind};
use super::{Clock, MANAGER, UserNamespaces};
use crate::policy::{self, Problem, Severity, Source};

/// What a condition's message may hold, in bytes: the API allows 32,768, and nobody reads more than this.
const MESSAGE_LIMIT: usize = 4096;
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// What became of all resources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compiled {
    /// The digest of the set in force.
    pub digest: String,
    /// The resources.
    pub resources: Vec<Source>,
    /// As they are in force.
    pub in_force: Vec<Source>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Policies in force that ask for user namespaces, by the names of their sources.
    pub user_namespaces: Vec<String>,
    /// Whether any node offers them.
    pub offered: UserNamespaces,
}

/// One condition, without its times.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

/// What is to be said of one resource.
fn conditions(compiled: &Compiled, resource: &Source) -> Vec<Condition> {
    let problems: Vec<&Problem> = compiled
        .problems
        .iter()
        .filter(|p| p.source == resource.name && p.severity == Severity::Error)
        .collect();
    let (status, reason, message) = if problems.is_empty() {
        ("True", "Compiled", String::new())
    } else {
        ("False", "Invalid", message(&problems))
    };
    let first = Condition { kind: "Compiled", status, reason, message };
    let in_force = compiled.in_force.iter().find(|source| source.name == resource.name);
    let digest = &compiled.digest;
    let (status, reason, message) = match in_force {
        Some(source) if source == resource => {
            ("True", "InForce", format!("part of policy set {digest}"))
        }
        Some(_) => (
            "False",
            "EarlierVersion",
            format!(
                "as it was before its last change, it is part of policy set {digest}: what changed could not be compiled"
            ),
        ),
        None if !problems.is_empty() => {
            ("False", "NotCompiled", format!("not part of policy set {digest}"))
        }
        None => (
            "False",
            "Waiting",
            format!(
                "not part of policy set {digest} yet: policies in files cannot be compiled, and the last good set stays in force"
            ),
        ),
    };
    let mut conditions = vec![first, Condition { kind: IN_FORCE, status, reason, message }];
    if compiled.user_namespaces.contains(&resource.name) {
        conditions.push(can_be_met(compiled.offered));
    }
    conditions
}

const IN_FORCE: &str = "InForce";

/// Whether nodes can run what a policy with `userNamespace` asks for.
fn can_be_met(offered: UserNamespaces) -> Condition {
    let (status, reason, message) = match offered {
        Some(true) => ("True", "Offered", "a node offers user namespaces"),
        Some(false) => (
            "False",
            "NotOffered",
            "no node offers user namespaces: pods that ask for one do not run, and hostUsers is not filled in",
        ),
        None => ("Unknown", "NotTold", "nodes do not tell whether they offer user namespaces"),
    };
    Condition { kind: "CanBeMet", status, reason, message: message.to_owned() }
}

/// All problems, a line each, as many as fit.
fn message(problems: &[&Problem]) -> String {
    let mut text = String::new();
    for (index, problem) in problems.iter().enumerate() {
        let line = problem.to_string();
        let left = problems.len() - index;
        if !text.is_empty() && text.len() + line.len() > MESSAGE_LIMIT {
            return format!("{text}\nand {left} more");
        }
        if index > 0 {
            text.push('\n');
        }
        text.push_str(line.get(..MESSAGE_LIMIT).unwrap_or(&line));
    }
    text
}

/// The status that `object` should have, or `None` where it has it.
fn status(
    object: &DynamicObject,
    wanted: &[Condition],
    digest: &str,
    now: Timestamp,
) -> Option<Value> {
    let before = &object.data["status"];
    let generation = object.metadata.generation.unwrap_or_default();
    let conditions: Vec<Value> = wanted
        .iter()
        .map(|condition| {
            let old = before["conditions"]
                .as_array()
                .and_then(|all| all.iter().find(|old| old["type"] == condition.kind));
            let since = old
                .filter(|old| old["status"] == condition.status)
                .and_then(|old| old["lastTransitionTime"].as_str())
                .map_or_else(|| time(now), str::to_owned);
            json!({
                "type": condition.kind,
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
                "lastTransitionTime": since,
                "observedGeneration": generation,
            })
        })
        .collect();
    let in_force = wanted.iter().any(|c| c.kind == IN_FORCE && c.status == "True");
    let mut status = json!({"conditions": conditions});
    if in_force {
        status["policySet"] = json!(digest);
    }
    (*before != status).then_some(status)
}

/// To the second, as the API server writes times.
fn time(now: Timestamp) -> String {
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// Writes the status of every resource in `compiled`, now and whenever it changes, while `leads` holds.
pub async fn keep(
    client: Client,
    mut compiled: watch::Receiver<Compiled>,
    mut leads: watch::Receiver<bool>,
    clock: Clock,
) {
    loop {
        let (now, leading) = (compiled.borrow_and_update().clone(), *leads.borrow_and_update());
        let written = if leading { write(&client, &now, &clock).await } else { Ok(()) };
        let again = async {
            match written {
                Ok(()) => std::future::pending().await,
                Err(error) => {
                    tracing::warn!(%error, "cannot write the status of policies");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        tokio::select! {
            () = again => {}
            changed = compiled.changed() => if changed.is_err() { return },
            changed = leads.changed() => if changed.is_err() { return },
        }
    }
}

async fn write(client: &Client, compiled: &Compiled, clock: &Clock) -> kube::Result<()> {
    for resource in &compiled.resources {
        let Some((kind, name)) = Kind::of(&resource.name) else { continue };
        let api = kind.api(client);
        // Gone meanwhile: the watch tells soon.
        let Some(object) = api.get_opt(name).await? else { continue };
        // Changed meanwhile: what was compiled is not what stands there, and the next compilation is.
        if policy::resource(kind.name, name, &object.data["spec"]) != *resource {
            continue;
        }
        let conditions = conditions(compiled, resource);
        let Some(status) = status(&object, &conditions, &compiled.digest, clock()) else {
            continue;
        };
        let patch = json!({
            "apiVersion": format!("{GROUP}/v1"),
            "kind": kind.name,
            "metadata": {"name": name},
            "status": status,
        });
        // Nobody else writes a status, so whoever did is overruled.
        let params = PatchParams::apply(MANAGER).force();
        match api.patch_status(name, &params, &Patch::Apply(&patch)).await {
            Err(kube::Error::Api(gone)) if gone.code == 404 => {}
            result => drop(result?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(source: &str, message: String) -> Problem {
        Problem {
            severity: Severity::Error,
            source: source.to_owned(),
            line: 8,
            column: 7,
            path: "spec.rules[0]".to_owned(),
            message,
            help: None,
        }
    }

    fn policy(name: &str, rule: &str) -> Source {
        policy::resource("PodPolicy", name, &json!({"rules": [{rule: {}}]}))
    }

    fn told(compiled: &Compiled, resource: &Source) -> Vec<(&'static str, &'static str)> {
        let conditions = conditions(compiled, resource);
        conditions.iter().map(|condition| (condition.status, condition.reason)).collect()
    }

    #[test]
    fn a_policy_that_no_node_can_meet_says_so() {
        let (asks, other) = (policy("asks", "userNamespace"), policy("other", "privileged"));
        for (offered, last) in [
            (Some(true), ("True", "Offered")),
            (Some(false), ("False", "NotOffered")),
            (None, ("Unknown", "NotTold")),
        ] {
            let compiled = Compiled {
                in_force: vec![asks.clone(), other.clone()],
                user_namespaces: vec![asks.name.clone()],
                offered,
                ..Compiled::default()
            };
            assert_eq!(told(&compiled, &asks)[1..], [("True", "InForce"), last]);
            assert_eq!(told(&compiled, &other).len(), 2);
        }
    }

    #[test]
    fn each_resource_is_told_what_became_of_it() {
        let (good, broken) = (policy("good", "privileged"), policy("broken", "privilegd"));
        let changed = policy("changed", "privilegd");
        let mut compiled = Compiled {
            digest: "sha256:1".to_owned(),
            resources: vec![good.clone(), broken.clone(), changed.clone()],
            in_force: vec![good.clone(), policy("changed", "privileged")],
            problems: vec![
                problem(&broken.name, "unknown rule \"privilegd\"".to_owned()),
                problem(&changed.name, "unknown rule \"privilegd\"".to_owned()),
            ],
            ..Compiled::default()
        };
        assert_eq!(told(&compiled, &good), [("True", "Compiled"), ("True", "InForce")]);
        assert_eq!(told(&compiled, &broken), [("False", "Invalid"), ("False", "NotCompiled")]);
        assert_eq!(told(&compiled, &changed), [("False", "Invalid"), ("False", "EarlierVersion")]);
        let conditions = conditions(&compiled, &broken);
        let (compiled_condition, in_force) = (&conditions[0], &conditions[1]);
        assert_eq!(
            compiled_condition.message,
            "podpolicy/broken:8:7: error: spec.rules[0]: unknown rule \"privilegd\""
        );
        assert_eq!(in_force.message, "not part of policy set sha256:1");
        // A file that is broken keeps all of them waiting.
        compiled.problems = vec![problem("a.yaml", "unknown rule".to_owned())];
        compiled.in_force.clear();
        assert_eq!(told(&compiled, &good), [("True", "Compiled"), ("False", "Waiting")]);
    }

    #[test]
    fn a_message_counts_what_it_leaves_out() {
        let problems: Vec<Problem> =
            (0..100).map(|_| problem("podpolicy/a", "x".repeat(100))).collect();
        let text = message(&problems.iter().collect::<Vec<_>>());
        assert!(text.len() < MESSAGE_LIMIT + 20, "{}", text.len());
        let shown = text.lines().count() - 1;
        assert!(text.ends_with(&format!("\nand {} more", 100 - shown)), "{text}");
    }

    #[test]
    fn what_stands_there_already_is_not_written_and_times_move_only_with_the_status() {
        let compiled = Compiled {
            digest: "sha256:1".to_owned(),
            in_force: vec![policy("a", "privileged")],
            ..Compiled::default()
        };
        let wanted = conditions(&compiled, &policy("a", "privileged"));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "podgate.dev/v1", "kind": "PodPolicy",
            "metadata": {"name": "a", "generation": 3},
        }))
        .unwrap();
        let first = status(&object, &wanted, "sha256:1", at("2026-01-01T00:00:00.5Z")).unwrap();
        assert_eq!(first["policySet"], "sha256:1");
        assert_eq!(first["conditions"][0]["lastTransitionTime"], "2026-01-01T00:00:00Z");
        assert_eq!(first["conditions"][1]["observedGeneration"], 3);
        object.data = json!({"status": first});
        assert_eq!(status(&object, &wanted, "sha256:1", at("2026-01-02T00:00:00Z")), None);
        let compiled = Compiled { digest: "sha256:2".to_owned(), ..compiled };
        let wanted = conditions(&compiled, &policy("a", "privileged"));
        let second = status(&object, &wanted, "sha256:2", at("2026-01-02T00:00:00Z")).unwrap();
        assert_eq!(second["conditions"][1]["lastTransitionTime"], "2026-01-01T00:00:00Z");
    }
}
