//! The way to the cluster that a person names.

use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

/// Why there is no way to the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig that was named.
    #[error("{0}; see `kubectl config get-contexts`")]
    Kubeconfig(#[from] KubeconfigError),
    /// None was named, and none was found.
    #[error("{0}; name one with --kubeconfig")]
    None(#[from] kube::config::InferConfigError),
    /// Something in it is wrong.
    #[error("{0}")]
    Client(#[from] kube::Error),
}

/// Connects by the kubeconfig and the context named; by whatever is found where neither is.
///
/// # Errors
/// Where there is no such kubeconfig or context, or its credentials cannot be read. Nothing is sent yet.
pub async fn connect(file: Option<&Path>, context: Option<&str>) -> Result<Client, ConnectError> {
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..Default::default() };
    let config = match (file, context) {
        (Some(file), _) => {
            Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &options).await?
        }
        (None, Some(_)) => Config::from_kubeconfig(&options).await?,
        (None, None) => Config::infer().await?,
    };
    Ok(Client::try_from(config)?)
}
