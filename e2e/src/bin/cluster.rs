//! A cluster to play with, and whether this machine can be one.
//!
//! ```text
//! cluster                starts it, with Podgate installed, and keeps it until Ctrl-C
//! cluster check          tells what this machine lacks, and fails where that is anything
//! cluster probe FOLDER  writes the image of the tests' own containers, for a cluster that is not ours
//! ```

use std::env;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use e2e::cluster::{probe, tier};
use e2e::{Cluster, release, say};
use serde_json::json;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => play(),
        ["check"] => check(),
        ["probe", folder] => probe(Path::new(folder)).map(|archive| say(archive.display())),
        _ => Err(anyhow::anyhow!("usage: cluster [check | probe FOLDER]")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("cluster: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<()> {
    let missing = tier::missing();
    ensure!(missing.is_empty(), "{}", missing.join("; "));
    Ok(())
}

fn play() -> Result<()> {
    check().context("this machine cannot be a node")?;
    say("starting a cluster");
    let cluster = Cluster::start()?;
    let chart = e2e::chart();
    if chart.exists() {
        say(format_args!("installing {} from {}", release::image(), chart.display()));
        cluster.load(&release::archive())?;
        release::install(&cluster, &json!({}))?;
    } else {
        say(format_args!("there is no {} to install", chart.display()));
    }
    say(format_args!(
        "
  export KUBECONFIG={kubeconfig}
  kubectl get pods --all-namespaces
  kubectl run web --image={image} --privileged -- serve 8000 hello
  kubectl get validatingwebhookconfigurations podgate -o yaml

Ctrl-C ends it and removes all but its logs in {logs}.",
        kubeconfig = cluster.kubeconfig().display(),
        image = e2e::cluster::PROBE,
        logs = cluster.folder().display(),
    ));
    asked_to_end()?;
    say("ending the cluster");
    drop(cluster);
    Ok(())
}

/// Returns on the first signal that asks a program to end.
fn asked_to_end() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        Ok(())
    })
}
