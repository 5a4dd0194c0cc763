//! The API server's own audit log.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

/// What the API server noted of one request.
#[derive(Debug)]
pub struct Event {
    /// The HTTP code it was answered with.
    pub code: u64,
    /// What webhooks and others noted, each key as `<webhook>/<key>`.
    pub annotations: BTreeMap<String, String>,
}

/// The first finished event about creating `name`. The log has one event a line, and the last line may be half written.
pub(crate) fn find_create(
    log: &Path,
    resource: &str,
    namespace: &str,
    name: &str,
) -> Result<Option<Event>> {
    let text = fs::read_to_string(log)?;
    let matches = |event: &Value| {
        event["verb"] == "create"
            && event["stage"] == "ResponseComplete"
            && event["objectRef"]["resource"] == resource
            && event["objectRef"]["namespace"] == namespace
            && event["objectRef"]["name"] == name
    };
    let event =
        text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(matches);
    Ok(event.map(|event| Event {
        code: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
        annotations: event["annotations"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
    }))
}
