//! `podgate prove`: does the cluster refuse what it must?

use anyhow::{Context as _, bail};

use super::exit::{self, ExitStatus};
use crate::cluster::{self, proof::Proof};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Namespace in which the pod would be; one whose pods are judged
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    namespace: String,
}

/// Exits with 1 where the pod would be let in.
#[tokio::main(flavor = "current_thread")]
pub(super) async fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    // Another library may have installed one already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let namespace = &args.namespace;
    let client = cluster::connect().await?;
    let proof = cluster::proof::prove(client, namespace)
        .await
        .with_context(|| format!("cannot ask for a pod in namespace {namespace}"))?;
    match proof {
        Proof::Refused(message) => exit::print(
            format!("proved: a privileged pod in namespace {namespace} is refused\n{message}\n")
                .as_bytes(),
        ),
        Proof::LetIn => {
            let text = format!(
                "not proved: a privileged pod in namespace {namespace} would be let in\n  \
                 see that the namespace is not one of webhook.excludedNamespaces, that a policy in force denies \
                 privileged pods there,\n  and that the webhook configuration exists: kubectl get \
                 validatingwebhookconfigurations\n"
            );
            exit::print(text.as_bytes())?;
            Ok(ExitStatus::Violations)
        }
        Proof::Unreachable(message) => bail!("the API server cannot reach podgate: {message}"),
        Proof::RefusedByOther(message) => bail!(
            "podgate was not asked, since the pod was refused before: {message}\n  give a namespace where nothing else \
             refuses it, and an account that may create pods there"
        ),
    }
}
