//! The `caBundle`s of podgate's webhook configurations: the one field that anybody but their owner writes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};

use super::MANAGER;

/// The kinds that hold webhooks.
pub(super) const KINDS: [&str; 2] =
    ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];

/// A webhook configuration, as it was read. Kept as it is on the wire: fields of a newer API must survive.
#[derive(Debug, Clone)]
pub(super) struct Configuration {
    pub(super) kind: &'static str,
    object: DynamicObject,
}

/// Access to the configurations of a kind.
pub(super) fn api(client: &Client, kind: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
    Api::all_with(client.clone(), &ApiResource::from_gvk(&kind))
}

/// The configurations of this name, as many as there are.
pub(super) async fn read(client: &Client, name: &str) -> kube::Result<Vec<Configuration>> {
    let mut found = Vec::new();
    for kind in KINDS {
        if let Some(object) = api(client, kind).get_opt(name).await? {
            found.push(Configuration { kind, object });
        }
    }
    Ok(found)
}

impl Configuration {
    /// What each of its entries trusts, as PEM; empty where that is nothing readable.
    pub(super) fn bundles(&self) -> Vec<String> {
        self.entries().iter().map(bundle).collect()
    }

    fn entries(&self) -> &[Value] {
        self.object.data["webhooks"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The JSON Patch after which every entry trusts `pem`, and which touches nothing else. It names the version
    /// that was read, so that it meets a conflict where the configuration has changed since: the positions may
    /// not be the same any more.
    fn patch(&self, pem: &str) -> Vec<Value> {
        let encoded = STANDARD.encode(pem);
        let version = self.object.resource_version();
        let lock = json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version});
        let others = self.entries().iter().enumerate().filter(|(_, entry)| bundle(entry) != pem);
        let add = others.map(|(index, _)| {
            let path = format!("/webhooks/{index}/clientConfig/caBundle");
            json!({"op": "add", "path": path, "value": encoded})
        });
        std::iter::once(lock).chain(add).collect()
    }

    /// Makes every entry trust `pem`.
    pub(super) async fn trust(&self, client: &Client, pem: &str) -> kube::Result<()> {
        let patch = self.patch(pem);
        if patch.len() == 1 {
            return Ok(());
        }
        let name = self.object.name_any();
        let target =
            format!("{}/{name}?fieldManager={MANAGER}", api(client, self.kind).resource_url());
        let body = Value::Array(patch).to_string().into_bytes();
        let request =
            http::Request::patch(target).header("content-type", "application/json-patch+json");
        let request = request.body(body).map_err(kube::Error::HttpError)?;
        client.request::<DynamicObject>(request).await?;
        tracing::info!(kind = self.kind, name, "caBundle written");
        Ok(())
    }
}

fn bundle(entry: &Value) -> String {
    let encoded = entry["clientConfig"]["caBundle"].as_str().unwrap_or_default();
    STANDARD.decode(encoded).ok().and_then(|pem| String::from_utf8(pem).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(webhooks: &Value) -> Configuration {
        let object = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": KINDS[0],
            "metadata": {"name": "podgate", "resourceVersion": "7"},
            "webhooks": webhooks,
        });
        Configuration { kind: KINDS[0], object: serde_json::from_value(object).unwrap() }
    }

    #[test]
    fn the_patch_writes_the_bundle_of_entries_that_differ_and_nothing_else() {
        let good = STANDARD.encode("new");
        let found = configuration(&json!([
            {"name": "deny.podgate.dev", "clientConfig": {"service": {"name": "podgate"}}},
            {"name": "observe.podgate.dev", "clientConfig": {"caBundle": good}},
            {"name": "policies.podgate.dev", "clientConfig": {"caBundle": "bm90IGl0"}},
        ]));
        assert_eq!(found.bundles(), ["", "new", "not it"]);
        assert_eq!(
            Value::Array(found.patch("new")),
            json!([
                {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": good},
                {"op": "add", "path": "/webhooks/2/clientConfig/caBundle", "value": good},
            ])
        );
    }

    #[test]
    fn a_configuration_without_entries_trusts_nothing_and_is_left_alone() {
        let found = configuration(&json!(null));
        assert!(found.bundles().is_empty());
        assert_eq!(found.patch("new").len(), 1);
    }
}
