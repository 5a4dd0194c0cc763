//! The cluster whose policies a command judges by.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::policies::{self, Policies};
use crate::cluster::{self, InForce, kubeconfig};
use crate::policy::{self, Options, Severity};
use crate::report::counted;

/// Arguments that name the cluster.
#[derive(Debug, clap::Args)]
#[group(id = "cluster_args")]
pub(super) struct ClusterArgs {
    /// Judge by the policies of the cluster: its resources, and those that the chart has installed
    #[arg(long, conflicts_with = "policies")]
    from_cluster: bool,
    /// Context of the kubeconfig; the current one unless given
    #[arg(long, value_name = "NAME", requires = "from_cluster")]
    context: Option<String>,
    /// Kubeconfig; $KUBECONFIG or ~/.kube/config unless given
    #[arg(long, value_name = "FILE", requires = "from_cluster")]
    kubeconfig: Option<PathBuf>,
    /// Podgate's own namespace
    #[arg(long, value_name = "NAME", default_value = "podgate", requires = "from_cluster")]
    podgate_namespace: String,
}

impl ClusterArgs {
    /// Whether the cluster is to be asked.
    pub(super) fn is_asked(&self) -> bool {
        self.from_cluster
    }

    /// The policy set of the cluster, as its webhooks put it together, and the labels of its namespaces. What is not in force
    /// there, what cannot be seen, and which set it is go to standard error.
    pub(super) fn read(&self, options: &Options) -> anyhow::Result<Policies> {
        let in_force = self.fetch()?;
        let mut err = io::stderr().lock();
        for unknown in &in_force.unknown {
            writeln!(err, "warning: {unknown}")?;
        }
        // What has ended in a cluster does nothing there, and is no error.
        let options = Options { expired: Severity::Warning, ..options.clone() };
        let assembled = policy::assemble(&in_force.files, &in_force.resources, &[], &options)
            .map_err(|problems| policies::problems(&problems))?;
        for problem in &assembled.warnings {
            writeln!(err, "{problem}")?;
        }
        for problem in &assembled.broken {
            writeln!(err, "{problem}: not in force")?;
        }
        let set = assembled.set;
        if set.policies().is_empty() {
            bail!(
                "the cluster has no policies that can be seen: is it the right one (--context), and is podgate in namespace \
                 {} (--podgate-namespace)?",
                self.podgate_namespace
            );
        }
        let policies = set.policies().len();
        writeln!(
            err,
            "judged by policy set {} of the cluster: {policies} {}, {}",
            set.digest(),
            if policies == 1 { "policy" } else { "policies" },
            counted(set.exceptions().len(), "exception")
        )?;
        let others = in_force.digests.iter().map(String::as_str);
        let others: Vec<&str> = others.filter(|other| *other != set.digest()).collect();
        if !others.is_empty() {
            writeln!(
                err,
                "warning: the cluster says that {} is in force. If it still does in a minute, it has policies that cannot \
                 be seen from here, or was given flags that were not given here, such as --trusted-label",
                others.join(", ")
            )?;
        }
        Ok(Policies { set, namespaces: in_force.namespaces })
    }

    #[tokio::main(flavor = "current_thread")]
    async fn fetch(&self) -> anyhow::Result<InForce> {
        let client = kubeconfig::connect(self.kubeconfig.as_deref(), self.context.as_deref())
            .await
            .context("no way to the cluster")?;
        Ok(cluster::in_force(&client, &self.podgate_namespace).await?)
    }
}
