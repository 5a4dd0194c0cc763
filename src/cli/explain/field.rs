//! `podgate explain PodPolicy.spec.match`: a field of a document.

use anyhow::bail;
use serde_json::Value;

use super::super::schemas::{self, Kind};
use crate::policy::API_VERSION;
use crate::report::field::{self, Depth};
use crate::spelling::suggest;

/// The kind that the first word of `path` names.
pub(super) fn kind(path: &str) -> Option<Kind> {
    let word = path.split('.').next().unwrap_or_default().to_lowercase();
    let is_it = |kind: &Kind| kind.name.to_lowercase() == word || kind.others.contains(&&*word);
    schemas::KINDS.into_iter().find(is_it)
}

/// What is to be said of the field at `path`, which starts with a name of `kind`. Places in lists may be written, as
/// errors have them.
pub(super) fn text(kind: Kind, path: &str, depth: Depth) -> anyhow::Result<String> {
    let schema = (kind.schema)();
    let path: Vec<&str> =
        path.split('.').skip(1).map(|name| name.split('[').next().unwrap_or_default()).collect();
    let mut found: &Value = &schema;
    for (depth, name) in path.iter().enumerate() {
        let fields = field::fields(found);
        let Some((_, field)) = fields.iter().find(|(known, _)| known == name) else {
            let parent = [&[kind.name], &path[..depth]].concat().join(".");
            let known: Vec<&str> = fields.iter().map(|(known, _)| *known).collect();
            if known.is_empty() {
                bail!("{parent} has no fields, {name:?} neither");
            }
            bail!("{parent} has no field {name:?}; {}", suggest(name, &known));
        };
        found = field;
    }
    Ok(field::text(kind.name, API_VERSION, &path, found, depth))
}
