//! The labels of namespaces, by a watch of their metadata alone.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;

use super::watch::{Listener, follow};
use crate::admission::NamespaceLabels;

/// What is known of namespaces. Cheap to clone; all clones know the same.
#[derive(Debug, Clone, Default)]
pub struct Namespaces(Arc<RwLock<HashMap<String, NamespaceLabels>>>);

/// How a watch is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether the whole list was heard once.
    pub complete: bool,
    /// Whether changes are heard now.
    pub up: bool,
}

impl Namespaces {
    /// The labels of `namespace`; `None` where nobody has told of it.
    #[must_use]
    pub fn labels(&self, namespace: &str) -> Option<NamespaceLabels> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(namespace).cloned()
    }

    /// Watches for ever, and says in `health` how it goes.
    pub async fn watch(self, client: Client, health: watch::Sender<Health>) {
        let api = Api::<PartialObjectMeta<Namespace>>::all(client);
        follow("namespaces".to_owned(), api, None, Heard { namespaces: self, health }).await;
    }
}

struct Heard {
    namespaces: Namespaces,
    health: watch::Sender<Health>,
}

impl Heard {
    fn map(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<String, NamespaceLabels>> {
        self.namespaces.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener<PartialObjectMeta<Namespace>> for Heard {
    fn listed(&mut self, objects: Vec<PartialObjectMeta<Namespace>>) {
        let new = objects.iter().map(|object| (object.name_any(), labels(object))).collect();
        *self.map() = new;
    }

    fn applied(&mut self, object: PartialObjectMeta<Namespace>) {
        self.map().insert(object.name_any(), labels(&object));
    }

    fn deleted(&mut self, object: PartialObjectMeta<Namespace>) {
        self.map().remove(&object.name_any());
    }

    fn up(&mut self, up: bool) {
        self.health.send_modify(|health| {
            health.up = up;
            health.complete |= up;
        });
    }
}

pub(super) fn labels(object: &PartialObjectMeta<Namespace>) -> NamespaceLabels {
    object.labels().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(name: &str, tier: &str) -> PartialObjectMeta<Namespace> {
        let object = serde_json::json!({
            "apiVersion": "meta.k8s.io/v1",
            "kind": "PartialObjectMetadata",
            "metadata": {"name": name, "labels": {"tier": tier}},
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_namespace_is_known_from_the_first_list_on_until_it_is_deleted() {
        let namespaces = Namespaces::default();
        let (health, seen) = watch::channel(Health::default());
        let mut heard = Heard { namespaces: namespaces.clone(), health };
        let tier = |name: &str| namespaces.labels(name).map(|labels| labels[0].1.clone());
        assert_eq!(tier("shop"), None);
        assert!(!seen.borrow().complete);
        heard.listed(vec![namespace("shop", "prod"), namespace("lab", "test")]);
        heard.up(true);
        assert_eq!(tier("shop").as_deref(), Some("prod"));
        heard.applied(namespace("shop", "test"));
        assert_eq!(tier("shop").as_deref(), Some("test"));
        heard.deleted(namespace("lab", "test"));
        assert_eq!(tier("lab"), None);
        heard.up(false);
        assert_eq!(*seen.borrow(), Health { complete: true, up: false });
        assert_eq!(tier("shop").as_deref(), Some("test"), "what was heard stays in use");
        heard.listed(vec![namespace("new", "prod")]);
        assert_eq!(tier("shop"), None, "a list replaces all");
    }
}
