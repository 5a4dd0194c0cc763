//! The key that signs the ledger's checkpoints, in a Secret: made once, and never written again.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::sync::watch;

use super::MANAGER;
use crate::ledger::signature::Signer;

/// The key's name in the Secret.
const KEY: &str = "key.pem";
/// How often it is looked for: without it chains go on, unsigned.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// How soon after a failure.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Makes the Secret where it is not there, while `leads` holds, for ever. One that is there is left alone, whoever made
/// it: a new key would make strangers of all chains before.
pub async fn keep(
    client: Client,
    namespace: String,
    name: String,
    mut leads: watch::Receiver<bool>,
) {
    let secrets: Api<Secret> = Api::namespaced(client, &namespace);
    loop {
        if leads.wait_for(|leads| *leads).await.is_err() {
            return;
        }
        let wait = match look(&secrets, &name).await {
            Ok(()) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!(%namespace, name, error, "the Secret of the ledger's key cannot be kept");
                TRY_AGAIN
            }
        };
        tokio::time::sleep(wait).await;
    }
}

async fn look(secrets: &Api<Secret>, name: &str) -> Result<(), String> {
    let found = secrets.get_opt(name).await.map_err(|error| error.to_string())?;
    if found.is_some() {
        return Ok(());
    }
    let pem = Signer::generate().map_err(|error| error.to_string())?;
    let managed_by = ("app.kubernetes.io/managed-by".to_owned(), MANAGER.to_owned());
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([managed_by])),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(pem.into_bytes()))])),
        ..Secret::default()
    };
    match secrets.create(&PostParams::default(), &secret).await {
        Ok(_) => {
            tracing::info!(name, "new key for the ledger");
            Ok(())
        }
        // Somebody was faster.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
