//! Which nodes can give a pod a user namespace of its own, by a watch of what they say of their runtimes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use k8s_openapi::api::core::v1::Node;
use kube::core::{ApiResource, NotUsed, Object};
use kube::{Api, Client, ResourceExt as _};
use serde::Deserialize;
use tokio::sync::watch;

use super::Health;
use super::watch::{Listener, follow};

/// What is known of nodes. Cheap to clone; all clones know the same.
#[derive(Debug, Clone, Default)]
pub struct Nodes(Arc<RwLock<HashMap<String, Option<bool>>>>);

impl Nodes {
    /// Whether any node offers user namespaces; `None` where that cannot be said: there are no nodes, or none offers
    /// them and one does not tell. Kubelets tell since v1.31 (`status.runtimeHandlers[].features.userNamespaces`,
    /// KEP-127).
    #[must_use]
    pub fn offer_user_namespaces(&self) -> Option<bool> {
        let nodes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if nodes.values().any(|offers| *offers == Some(true)) {
            return Some(true);
        }
        let all_tell = !nodes.is_empty() && nodes.values().all(Option::is_some);
        all_tell.then_some(false)
    }

    /// Watches for ever, and says in `health` how it goes.
    pub async fn watch(self, client: Client, health: watch::Sender<Health>) {
        let resource = ApiResource::erase::<Node>(&());
        let api = Api::<Told>::all_with(client, &resource);
        follow("nodes".to_owned(), api, None, Heard { nodes: self, health }).await;
    }

    fn map(&self) -> RwLockWriteGuard<'_, HashMap<String, Option<bool>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A Node, read only where it tells of runtimes: the rest of a node is large.
type Told = Object<NotUsed, Status>;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    runtime_handlers: Option<Vec<Handler>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Handler {
    features: Option<Features>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Features {
    user_namespaces: Option<bool>,
}

/// Whether a node offers user namespaces, where it tells.
fn offers(node: &Told) -> Option<bool> {
    let handlers = node.status.as_ref()?.runtime_handlers.as_ref()?;
    let mut told = handlers.iter().filter_map(|handler| handler.features.as_ref()?.user_namespaces);
    told.next().map(|first| first || told.any(|offers| offers))
}

struct Heard {
    nodes: Nodes,
    health: watch::Sender<Health>,
}

impl Listener<Told> for Heard {
    fn listed(&mut self, nodes: Vec<Told>) {
        let new = nodes.iter().map(|node| (node.name_any(), offers(node))).collect();
        *self.nodes.map() = new;
    }

    fn applied(&mut self, node: Told) {
        self.nodes.map().insert(node.name_any(), offers(&node));
    }

    fn deleted(&mut self, node: Told) {
        self.nodes.map().remove(&node.name_any());
    }

    fn up(&mut self, up: bool) {
        self.health.send_modify(|health| {
            health.up = up;
            health.complete |= up;
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(name: &str, handlers: &Value) -> Told {
        let node = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "spec": {"podCIDR": "10.0.0.0/24"},
            "status": {"nodeInfo": {"kubeletVersion": "v1.37.2"}, "runtimeHandlers": handlers},
        });
        serde_json::from_value(node).unwrap()
    }

    fn offering(offers: bool) -> Value {
        json!([
            {"name": "", "features": {"userNamespaces": false, "recursiveReadOnlyMounts": true}},
            {"name": "runc", "features": {"userNamespaces": offers}},
        ])
    }

    #[test]
    fn one_node_that_offers_them_is_enough_and_silence_is_no_refusal() {
        let nodes = Nodes::default();
        let (health, _seen) = watch::channel(Health::default());
        let mut heard = Heard { nodes: nodes.clone(), health };
        assert_eq!(nodes.offer_user_namespaces(), None, "no node is known");
        heard.listed(vec![node("a", &offering(false)), node("b", &offering(false))]);
        assert_eq!(nodes.offer_user_namespaces(), Some(false));
        for silent in [json!(null), json!([]), json!([{"name": "runc"}])] {
            heard.applied(node("old", &silent));
            assert_eq!(nodes.offer_user_namespaces(), None, "{silent}");
        }
        heard.applied(node("b", &offering(true)));
        assert_eq!(nodes.offer_user_namespaces(), Some(true));
        heard.deleted(node("b", &offering(true)));
        heard.deleted(node("old", &json!(null)));
        assert_eq!(nodes.offer_user_namespaces(), Some(false));
    }
}
