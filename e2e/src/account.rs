//! Service accounts, for who may do one thing and not another.

use anyhow::Result;
use serde_json::{Value, json};

use crate::apiserver::ApiServer;

impl ApiServer {
    /// Makes a service account that may do what `rules` of RBAC say, in the whole cluster, and gives a token of it.
    pub fn account(&self, namespace: &str, name: &str, rules: &[Value]) -> Result<String> {
        let (client, api) = (self.client(), "rbac.authorization.k8s.io");
        let account =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        let _ = client.create(&path, &account)?.accepted()?;
        let role = self.unique(name);
        for (resource, object) in [
            (
                "clusterroles",
                json!({"apiVersion": format!("{api}/v1"), "kind": "ClusterRole", "metadata": {"name": role}, "rules": rules}),
            ),
            (
                "clusterrolebindings",
                json!({"apiVersion": format!("{api}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": role},
                    "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": role},
                    "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]}),
            ),
        ] {
            let _ = client.create(&format!("/apis/{api}/v1/{resource}"), &object)?.accepted()?;
        }
        let said = self.kubectl().run(&["create", "token", name, "--namespace", namespace])?;
        Ok(said.succeeded()?.stdout.trim().to_owned())
    }
}

/// The rules of who may look at the ledger, as the chart has them.
#[must_use]
pub fn ledger_viewer() -> [Value; 1] {
    [json!({"apiGroups": ["podgate.dev"], "resources": ["ledger"], "verbs": ["get"]})]
}
