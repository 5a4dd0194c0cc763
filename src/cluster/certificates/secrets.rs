//! The two Secrets: whose they are, what is in them, and what they are written as.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::material::{Certificate, Pair};
use super::plan::{Authority, Leaf, Stored};
use crate::cluster::MANAGER;

/// Says who made it, as Helm and others do.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Says for which Service.
const MADE_FOR: &str = "podgate.dev/made-for";

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITY: &str = "ca.crt";
const PREVIOUS: &str = "previous.crt";

/// Reads the authority's Secret.
pub(super) fn authority(secret: Option<&Secret>, service: &str) -> Stored<Authority> {
    stored(secret, service, |secret| {
        let previous = match text(secret, PREVIOUS) {
            Ok(pem) if !pem.trim().is_empty() => Certificate::all(&pem)?,
            _ => Vec::new(),
        };
        Ok(Authority { pair: pair(secret)?, previous })
    })
}

/// Reads the leaf's Secret.
pub(super) fn leaf(secret: Option<&Secret>, service: &str) -> Stored<Leaf> {
    stored(secret, service, |secret| {
        let issuers = text(secret, AUTHORITY).and_then(|pem| Certificate::all(&pem));
        Ok(Leaf { pair: pair(secret)?, issuers: issuers.unwrap_or_default() })
    })
}

fn stored<T>(
    secret: Option<&Secret>,
    service: &str,
    read: impl FnOnce(&Secret) -> Result<T, String>,
) -> Stored<T> {
    let Some(secret) = secret else { return Stored::Absent };
    let metadata = &secret.metadata;
    let has = |map: &Option<BTreeMap<String, String>>, key: &str, value: &str| {
        map.as_ref().and_then(|map| map.get(key)).is_some_and(|found| found == value)
    };
    let ours =
        has(&metadata.labels, MANAGED_BY, MANAGER) && has(&metadata.annotations, MADE_FOR, service);
    if !ours {
        return Stored::Foreign;
    }
    read(secret).map_or_else(Stored::Broken, Stored::Present)
}

fn pair(secret: &Secret) -> Result<Pair, String> {
    Pair::read(&text(secret, CERTIFICATE)?, &text(secret, KEY)?)
}

fn text(secret: &Secret, key: &str) -> Result<String, String> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    let bytes = bytes.ok_or_else(|| format!("it has no {key}"))?;
    String::from_utf8(bytes.0.clone()).map_err(|_| format!("{key} is not text"))
}

/// The Secret of an authority. `version` is the one that it replaces.
pub(super) fn of_authority(
    name: &str,
    service: &str,
    version: Option<String>,
    authority: &Authority,
) -> Secret {
    let previous: String = authority.previous.iter().map(Certificate::pem).collect();
    let more = [(PREVIOUS, previous)];
    secret(name, service, version, &authority.pair, more)
}

/// The Secret of a leaf. `version` is the one that it replaces.
pub(super) fn of_leaf(
    name: &str,
    service: &str,
    version: Option<String>,
    pair: &Pair,
    authority: &Certificate,
) -> Secret {
    secret(name, service, version, pair, [(AUTHORITY, authority.pem())])
}

fn secret<const N: usize>(
    name: &str,
    service: &str,
    version: Option<String>,
    pair: &Pair,
    more: [(&str, String); N],
) -> Secret {
    let own = [(CERTIFICATE, pair.chain.clone()), (KEY, pair.key.clone())];
    let data = own.into_iter().chain(more);
    let of = |key: &str, value: &str| Some(BTreeMap::from([(key.to_owned(), value.to_owned())]));
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            resource_version: version,
            labels: of(MANAGED_BY, MANAGER),
            annotations: of(MADE_FOR, service),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(
            data.map(|(key, value)| (key.to_owned(), ByteString(value.into_bytes()))).collect(),
        ),
        ..Secret::default()
    }
}
