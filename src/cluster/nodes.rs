//! Which nodes can give a pod a user namespace of its own, by a watch of what they say of their runtimes.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Node;
use kube::core::{ApiResource, NotUsed, Object};
use kube::{Api, Client, ResourceExt as _};
use serde::Deserialize;
use tokio::sync::watch;

use super::Health;
use super::watch::{Listener, follow};

/// What is known of nodes: whether any offers user namespaces. `None` where that cannot be said: there are no nodes,
/// or none offers them and one does not tell. Kubelets tell since v1.31
/// (`status.runtimeHandlers[].features.userNamespaces`, KEP-127).
pub type UserNamespaces = Option<bool>;

/// Watches nodes for ever, says in `health` how it goes, and in `offered` what they offer together.
pub async fn watch_nodes(
    client: Client,
    offered: watch::Sender<UserNamespaces>,
    health: watch::Sender<Health>,
) {
    let api = Api::<Told>::all_with(client, &ApiResource::erase::<Node>(&()));
    let heard = Heard { nodes: HashMap::new(), offered, health };
    follow("nodes".to_owned(), api, None, heard).await;
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
    nodes: HashMap<String, Option<bool>>,
    offered: watch::Sender<UserNamespaces>,
    health: watch::Sender<Health>,
}

impl Heard {
    /// Counts once a change, and not once a review.
    fn tell(&self) {
        let mut told = self.nodes.values();
        let offered = if told.clone().any(|offers| *offers == Some(true)) {
            Some(true)
        } else {
            (!self.nodes.is_empty() && told.all(Option::is_some)).then_some(false)
        };
        self.offered.send_if_modified(|known| std::mem::replace(known, offered) != offered);
    }
}

impl Listener<Told> for Heard {
    fn listed(&mut self, nodes: Vec<Told>) {
        self.nodes = nodes.iter().map(|node| (node.name_any(), offers(node))).collect();
        self.tell();
    }

    fn applied(&mut self, node: Told) {
        self.nodes.insert(node.name_any(), offers(&node));
        self.tell();
    }

    fn deleted(&mut self, node: Told) {
        self.nodes.remove(&node.name_any());
        self.tell();
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
        let (health, _seen) = watch::channel(Health::default());
        let (offered, known) = watch::channel(None);
        let mut heard = Heard { nodes: HashMap::new(), offered, health };
        assert_eq!(*known.borrow(), None, "no node is known");
        heard.listed(vec![node("a", &offering(false)), node("b", &offering(false))]);
        assert_eq!(*known.borrow(), Some(false));
        for silent in [json!(null), json!([]), json!([{"name": "runc"}])] {
            heard.applied(node("old", &silent));
            assert_eq!(*known.borrow(), None, "{silent}");
        }
        heard.applied(node("b", &offering(true)));
        assert_eq!(*known.borrow(), Some(true));
        heard.deleted(node("b", &offering(true)));
        heard.deleted(node("old", &json!(null)));
        assert_eq!(*known.borrow(), Some(false));
    }
}
