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
async fn list<K>(api: &Api<K>, fields: Option<&str>) -> kube::Result<(Vec<K>, String)>
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
