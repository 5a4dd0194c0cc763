//! `podgate doctor`: is the installation sound, and what to do where it is not.

use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;

use super::exit::{ExitStatus, print_with};
use super::output::Format;
use crate::cluster::doctor::{self, Finding, Options, State};
use crate::cluster::kubeconfig;
use crate::report;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Context of the kubeconfig; the current one unless given
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Kubeconfig; $KUBECONFIG or ~/.kube/config unless given, and inside a pod its service account
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Podgate's own namespace
    #[arg(long, short, value_name = "NAME", default_value = "podgate")]
    namespace: String,
    /// Podgate's Service
    #[arg(long, value_name = "NAME", default_value = "podgate")]
    service: String,
    /// Secret with the certificate that podgate serves
    #[arg(long, value_name = "NAME", default_value = "podgate-tls")]
    certificate_secret: String,
    /// Name of podgate's webhook configurations
    #[arg(long, value_name = "NAME", default_value = "podgate")]
    webhook_configuration: String,
    /// Output format
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let findings = examine(args)?;
    print_with(|out| match args.output {
        Format::Text => report::doctor::text(&findings, out),
        Format::Json => report::doctor::json(&findings, out),
    })?;
    let worst = findings.iter().map(|finding| finding.state).max();
    Ok(match worst {
        Some(State::Wrong) => ExitStatus::Violations,
        Some(State::Unknown) => ExitStatus::Failed,
        _ => ExitStatus::Clean,
    })
}

#[tokio::main(flavor = "current_thread")]
async fn examine(args: &Args) -> anyhow::Result<Vec<Finding>> {
    let client = kubeconfig::connect(args.kubeconfig.as_deref(), args.context.as_deref())
        .await
        .context("no way to the cluster")?;
    let options = Options {
        namespace: args.namespace.clone(),
        service: args.service.clone(),
        certificate_secret: args.certificate_secret.clone(),
        webhook_configuration: args.webhook_configuration.clone(),
    };
    #[expect(clippy::disallowed_methods, reason = "the clocks are what is compared")]
    let now = || Timestamp::now();
    doctor::examine(&client, &options, &now).await.context("the API server does not answer")
}
