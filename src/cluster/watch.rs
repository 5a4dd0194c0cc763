//! One loop for every watch: the whole list first, then each change; told when it is down.

use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

/// Objects that one answer of a list holds.
const PAGE: u32 = 500;
/// How long the API server keeps a watch open that has nothing to say, in seconds: less than what it allows, and
/// than the client's patience with silence.
const WATCH_SECONDS: u32 = 240;
/// The first pause after a failure, and the longest: each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Who hears of the objects of a watch.
pub(super) trait Listener<K>: Send {
    /// The whole list, complete.
    fn listed(&mut self, objects: Vec<K>);
    /// An object that is new or has changed.
    fn applied(&mut self, object: K);
    /// An object that is gone.
    fn deleted(&mut self, object: K);
    /// Whether the watch is up. While it is down, what was heard may be old.
    fn up(&mut self, up: bool);
}

/// Watches the objects that `fields`, a field selector, names, for ever.
///
/// A watch ends well every few minutes and goes on from there. After an error the list is read anew: that proves
/// that the API server is heard again, which the silence of a watch would not.
pub(super) async fn follow<K>(
    what: String,
    api: Api<K>,
    fields: Option<String>,
    mut listener: impl Listener<K>,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut version = None;
    let mut pause = PAUSES.0;
    loop {
        let failed = match version.take() {
            None => match list(&api, fields.as_deref()).await {
                Ok((objects, from)) => {
                    listener.listed(objects);
                    listener.up(true);
                    version = Some(from);
                    continue;
                }
                Err(error) => {
                    tracing::warn!(what, error = %chain(&error), "watch is down: what was heard before stays in use");
                    listener.up(false);
                    true
                }
            },
            Some(from) => match hear(&api, fields.as_deref(), from, &mut listener).await {
                Ok(last) => {
                    version = Some(last);
                    false
                }
                Err(error) => {
                    // A version that is too old is no failure to speak of.
                    tracing::debug!(what, error = %chain(&error), "watch has ended");
                    true
                }
            },
        };
        if failed {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        } else {
            pause = PAUSES.0;
        }
    }
}

/// All objects, and the version that a watch goes on from.
pub(super) async fn list<K>(api: &Api<K>, fields: Option<&str>) -> kube::Result<(Vec<K>, String)>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let mut params =
        ListParams { field_selector: fields.map(str::to_owned), ..ListParams::default() };
    params.limit = Some(PAGE);
    let mut objects = Vec::new();
    loop {
        let page = api.list(&params).await?;
        objects.extend(page.items);
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok((objects, page.metadata.resource_version.unwrap_or_default()));
        }
    }
}

/// Hears changes from `version` on, until the watch ends: well, with the version to go on from.
async fn hear<K>(
    api: &Api<K>,
    fields: Option<&str>,
    mut version: String,
    listener: &mut impl Listener<K>,
) -> kube::Result<String>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let params = WatchParams {
        field_selector: fields.map(str::to_owned),
        timeout: Some(WATCH_SECONDS),
        ..WatchParams::default()
    };
    let mut events = pin!(api.watch(&params, &version).await?);
    while let Some(event) = events.try_next().await? {
        let seen = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                let seen = object.resource_version();
                listener.applied(object);
                seen
            }
            WatchEvent::Deleted(object) => {
                let seen = object.resource_version();
                listener.deleted(object);
                seen
            }
            WatchEvent::Bookmark(bookmark) => Some(bookmark.metadata.resource_version),
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        };
        version = seen.unwrap_or(version);
    }
    Ok(version)
}

/// An error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use http::{Request, Response};
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Client;
    use kube::client::Body;
    use serde_json::{Value, json};
    use tokio::sync::mpsc;

    use super::*;

    /// What was heard, a word a call.
    struct Words(mpsc::UnboundedSender<String>);

    impl Listener<ConfigMap> for Words {
        fn listed(&mut self, objects: Vec<ConfigMap>) {
            let names: Vec<String> = objects.iter().map(kube::ResourceExt::name_any).collect();
            self.0.send(format!("listed {}", names.join(","))).unwrap();
        }

        fn applied(&mut self, object: ConfigMap) {
            self.0.send(format!("applied {}", object.name_any())).unwrap();
        }

        fn deleted(&mut self, object: ConfigMap) {
            self.0.send(format!("deleted {}", object.name_any())).unwrap();
        }

        fn up(&mut self, up: bool) {
            self.0.send(format!("up {up}")).unwrap();
        }
    }

    fn list(names: &[&str], version: &str, more: Option<&str>) -> Value {
        let items: Vec<Value> =
            names.iter().map(|name| json!({"metadata": {"name": name}})).collect();
        json!({"metadata": {"resourceVersion": version, "continue": more}, "items": items})
    }

    fn event(kind: &str, name: &str, version: &str) -> String {
        let object = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name, "resourceVersion": version}});
        json!({"type": kind, "object": object}).to_string()
    }

    /// Each request of the script: what its query must hold, and the answer. After the last, silence.
    fn client(script: Vec<(&'static str, u16, String)>) -> Client {
        let script = Arc::new(Mutex::new(VecDeque::from(script)));
        let service = tower::service_fn(move |request: Request<Body>| {
            let script = Arc::clone(&script);
            async move {
                let next = script.lock().unwrap().pop_front();
                let Some((wanted, code, body)) = next else { return std::future::pending().await };
                let query = request.uri().query().unwrap_or_default().to_owned();
                assert!(wanted.split('&').all(|part| query.contains(part)), "{wanted}: {query}");
                let response = Response::builder().status(code).body(Body::from(body.into_bytes()));
                Ok::<_, std::convert::Infallible>(response.unwrap())
            }
        });
        Client::new(service, "default")
    }

    #[tokio::test(start_paused = true)]
    async fn it_lists_then_hears_goes_on_where_a_watch_ended_and_lists_anew_after_an_error() {
        let gone = json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}});
        let refused = json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no", "status": "Failure"});
        let client = client(vec![
            ("limit=500", 200, list(&["a"], "1", Some("more")).to_string()),
            ("continue=more", 200, list(&["b"], "5", None).to_string()),
            (
                "watch=true&resourceVersion=5",
                200,
                [event("ADDED", "c", "6"), event("DELETED", "a", "7")].join("\n"),
            ),
            (
                "watch=true&resourceVersion=7",
                200,
                [event("MODIFIED", "b", "8"), gone.to_string()].join("\n"),
            ),
            ("limit=500", 403, refused.to_string()),
            ("limit=500", 200, list(&["d"], "9", None).to_string()),
            ("watch=true&resourceVersion=9", 200, event("ADDED", "e", "10")),
        ]);
        let (sender, mut words) = mpsc::unbounded_channel();
        let api = Api::<ConfigMap>::all(client);
        let task = tokio::spawn(follow("configmaps".to_owned(), api, None, Words(sender)));
        for wanted in [
            "listed a,b",
            "up true",
            "applied c",
            "deleted a",
            "applied b",
            "up false",
            "listed d",
            "up true",
            "applied e",
        ] {
            assert_eq!(words.recv().await.as_deref(), Some(wanted));
        }
        task.abort();
    }
}
