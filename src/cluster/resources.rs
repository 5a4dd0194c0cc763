//! `PodPolicy` and `PodPolicyException` as custom resources: watched, and handed on as documents.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;

use super::namespaces::Health;
use super::watch::{Listener, follow};
use crate::policy::{Source, resource};

/// The group of the custom resources.
pub(super) const GROUP: &str = "podgate.dev";

/// A kind of custom resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) plural: &'static str,
    pub(super) short: &'static str,
}

/// Both kinds.
pub(super) const KINDS: [Kind; 2] = [
    Kind { name: "PodPolicy", plural: "podpolicies", short: "pp" },
    Kind { name: "PodPolicyException", plural: "podpolicyexceptions", short: "ppe" },
];

impl Kind {
    pub(super) fn api(self, client: &Client) -> Api<DynamicObject> {
        Api::all_with(client.clone(), &self.resource())
    }

    fn resource(self) -> ApiResource {
        ApiResource {
            group: GROUP.to_owned(),
            version: "v1".to_owned(),
            api_version: format!("{GROUP}/v1"),
            kind: self.name.to_owned(),
            plural: self.plural.to_owned(),
        }
    }

    /// The kind that a source's name begins with, and the resource's name.
    pub(super) fn of(source: &str) -> Option<(Self, &str)> {
        let (kind, name) = source.split_once('/')?;
        KINDS.into_iter().find(|known| known.name.to_lowercase() == kind).map(|kind| (kind, name))
    }
}

/// The resources in the cluster, as documents sorted by name; complete from the first list of both kinds on.
pub struct Resources {
    sources: watch::Sender<Arc<Vec<Source>>>,
    health: watch::Sender<Health>,
}

#[derive(Default)]
struct Heard {
    sources: BTreeMap<String, Source>,
    health: [Health; KINDS.len()],
}

impl Resources {
    /// Hands documents on in `sources`, and says in `health` how the watches are.
    #[must_use]
    pub fn new(sources: watch::Sender<Arc<Vec<Source>>>, health: watch::Sender<Health>) -> Self {
        Self { sources, health }
    }

    /// Watches both kinds for ever.
    pub async fn watch(self, client: Client) {
        let (this, heard) = (Arc::new(self), Arc::new(Mutex::new(Heard::default())));
        let follow = |index: usize| {
            let kind: Kind = KINDS[index];
            let (resources, heard) = (Arc::clone(&this), Arc::clone(&heard));
            follow(
                kind.plural.to_owned(),
                kind.api(&client),
                None,
                OneKind { index, resources, heard },
            )
        };
        tokio::join!(follow(0), follow(1));
    }
}

struct OneKind {
    index: usize,
    resources: Arc<Resources>,
    heard: Arc<Mutex<Heard>>,
}

impl OneKind {
    fn kind(&self) -> &'static str {
        KINDS[self.index].name
    }

    fn source(&self, object: &DynamicObject) -> Source {
        resource(self.kind(), &object.name_any(), &object.data["spec"])
    }

    /// Changes what was heard and hands it on; before both lists are complete there is nothing to hand on.
    fn change(&self, change: impl FnOnce(&mut Heard)) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut heard);
        let health = Health {
            complete: heard.health.iter().all(|health| health.complete),
            up: heard.health.iter().all(|health| health.up),
        };
        if health.complete {
            let new: Vec<Source> = heard.sources.values().cloned().collect();
            // A change of status or metadata is no change of a document.
            self.resources.sources.send_if_modified(|sources| {
                let changed = **sources != new;
                *sources = Arc::new(new);
                changed
            });
        }
        self.resources
            .health
            .send_if_modified(|before| std::mem::replace(before, health) != health);
    }
}

impl Listener<DynamicObject> for OneKind {
    fn listed(&mut self, objects: Vec<DynamicObject>) {
        let prefix = format!("{}/", self.kind().to_lowercase());
        let new: Vec<Source> = objects.iter().map(|object| self.source(object)).collect();
        self.change(|heard| {
            heard.sources.retain(|name, _| !name.starts_with(&prefix));
            heard.sources.extend(new.into_iter().map(|source| (source.name.clone(), source)));
            heard.health[self.index].complete = true;
        });
    }

    fn applied(&mut self, object: DynamicObject) {
        let source = self.source(&object);
        self.change(|heard| {
            heard.sources.insert(source.name.clone(), source);
        });
    }

    fn deleted(&mut self, object: DynamicObject) {
        let name = self.source(&object).name;
        self.change(|heard| {
            heard.sources.remove(&name);
        });
    }

    fn up(&mut self, up: bool) {
        self.change(|heard| heard.health[self.index].up = up);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, rule: &str, generation: u64) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "podgate.dev/v1",
            "kind": "PodPolicy",
            "metadata": {"name": name, "generation": generation},
            "spec": {"rules": [{rule: {}}]},
        }))
        .unwrap()
    }

    #[test]
    fn nothing_is_handed_on_before_both_lists_are_complete_and_only_documents_that_changed() {
        let (sources, mut seen) = watch::channel(Arc::default());
        let (health, healthy) = watch::channel(Health::default());
        let resources = Arc::new(Resources::new(sources, health));
        let heard = Arc::new(Mutex::new(Heard::default()));
        let of =
            |index| OneKind { index, resources: Arc::clone(&resources), heard: Arc::clone(&heard) };
        let (mut policies, mut exceptions) = (of(0), of(1));
        policies.listed(vec![object("b", "privileged", 1), object("a", "hostPorts", 1)]);
        policies.up(true);
        assert!(!seen.has_changed().unwrap());
        exceptions.listed(Vec::new());
        exceptions.up(true);
        let names: Vec<String> =
            seen.borrow_and_update().iter().map(|source| source.name.clone()).collect();
        assert_eq!(names, ["podpolicy/a", "podpolicy/b"]);
        assert_eq!(*healthy.borrow(), Health { complete: true, up: true });
        policies.applied(object("b", "privileged", 2));
        assert!(!seen.has_changed().unwrap(), "only the metadata");
        policies.applied(object("b", "hostPID", 3));
        assert!(seen.has_changed().unwrap());
        seen.mark_unchanged();
        policies.deleted(object("a", "hostPorts", 1));
        assert_eq!(seen.borrow_and_update().len(), 1);
        exceptions.up(false);
        assert_eq!(*healthy.borrow(), Health { complete: true, up: false });
        assert_eq!(seen.borrow().len(), 1);
    }

    #[test]
    fn a_source_names_its_resource() {
        assert_eq!(Kind::of("podpolicyexception/a.b"), Some((KINDS[1], "a.b")));
        assert_eq!(Kind::of("policies/a.yaml"), None);
    }
}
