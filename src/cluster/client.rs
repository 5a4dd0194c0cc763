//! The way to the API server.

use kube::{Client, Config};

/// Why there is no way to the API server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither a service account nor a kubeconfig.
    #[error(
        "no way to the cluster: neither a kubeconfig ($KUBECONFIG, ~/.kube/config) nor a mounted service account token can \
         be used: {0}"
    )]
    Config(#[from] kube::config::InferConfigError),
    /// Something in it is wrong.
    #[error("cannot set up the client of the cluster: {0}")]
    Client(#[from] kube::Error),
}

/// Connects by the kubeconfig, and inside a pod by its service account.
///
/// Nothing is sent yet: an API server that is away is no reason not to start.
pub async fn connect() -> Result<Client, ConnectError> {
    Ok(Client::try_from(Config::infer().await?)?)
}
