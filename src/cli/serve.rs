//! `podgate serve`: the webhook.

mod settings;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::Semaphore;

pub(super) use self::settings::Args;
use self::settings::{LogFormat, Settings};
use super::policies::defaults;
use crate::ledger::LineSink;
use crate::server::reload::{self, Compiled, Origin, Policies};
use crate::server::tls::{self, Source};
use crate::server::{Bound, Metrics, Options, PolicyStore, Readiness, State, limits, shutdown};

/// How long to serve on after the first stop signal, where nobody said: endpoints take a moment to
/// leave every API server's list.
const GRACE: Duration = Duration::from_secs(5);

/// Runs until a signal ends it.
pub(super) fn run(args: Args) -> anyhow::Result<()> {
    // In full, so that a setting that is never used does not compile.
    let Settings {
        policies,
        listen,
        admin_listen,
        tls_cert,
        tls_key,
        tls_self_signed,
        tls_san,
        record,
        max_in_flight,
        max_connections,
        trusted_label,
        policy_poll,
        certificate_poll,
        shutdown_grace,
        replica,
        cluster,
        log_format,
    } = args.settings()?;
    log(log_format.unwrap_or_default())?;
    let certificate = certificate(tls_cert, tls_key, tls_self_signed, tls_san)?;
    // Another library may have installed one already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();

    let (policies, compiled) =
        Policies::load(origin(policies), trusted_label).map_err(|problems| {
            anyhow::anyhow!("the policies cannot be used\n{}", problems.join("\n"))
        })?;
    let Compiled { set, counts, warnings } = compiled;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!(
        digest = set.digest(),
        policies = counts.policies,
        exceptions = counts.exceptions,
        "policy set compiled"
    );
    let metrics = Arc::new(Metrics::new());
    metrics.policy_set(set.digest(), counts);
    let sink = LineSink::start(std::io::stdout()).context("cannot start the ledger's writer")?;
    let state = Arc::new(State {
        ledger: Some(sink),
        recording: record.unwrap_or_default(),
        replica: replica.unwrap_or_else(hostname),
        cluster: cluster.unwrap_or_default(),
        in_flight: Semaphore::new(max_in_flight.unwrap_or(limits::MAX_IN_FLIGHT)),
        ..State::new(Arc::new(PolicyStore::new(set)), metrics)
    });
    // On a terminal nobody has an endpoint to leave: Ctrl-C stops at once.
    let grace = if std::io::stderr().is_terminal() { Duration::ZERO } else { GRACE };
    let options = Options {
        listen: listen.unwrap_or(([0, 0, 0, 0], 8443).into()),
        admin_listen: admin_listen.unwrap_or(([0, 0, 0, 0], 8080).into()),
        certificate,
        max_connections: max_connections.unwrap_or(limits::MAX_CONNECTIONS),
        grace: shutdown_grace.map_or(grace, |period| period.0),
        policy_poll: policy_poll.map_or(reload::POLL, |period| period.0),
        certificate_poll: certificate_poll.map_or(tls::POLL, |period| period.0),
    };
    // What still waits in the ledger is written when the last of the state is dropped, here at the latest.
    serve(options, state, policies)
}

#[tokio::main]
async fn serve(options: Options, state: Arc<State>, policies: Policies) -> anyhow::Result<()> {
    let readiness = Readiness::default();
    let signals = shutdown::signals().context("cannot listen for signals")?;
    let bound = Bound::bind(options, state, readiness)?;
    Ok(bound.run(policies, signals).await?)
}

/// Logs go to standard error, since records go to standard output.
fn log(format: LogFormat) -> anyhow::Result<()> {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("PODGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let result = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    result.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))?;
    // The message of a panic may hold what was being read, and with it a secret: only the place is logged.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic: please report it");
    }));
    Ok(())
}

fn origin(paths: Vec<PathBuf>) -> Origin {
    if !paths.is_empty() {
        return Origin::Paths(paths);
    }
    let defaults = defaults();
    let names: Vec<&str> = defaults.iter().map(|source| source.name.as_str()).collect();
    tracing::info!(
        policies = names.join(", "),
        "no --policies given: the built-in ones are in force"
    );
    Origin::Embedded(defaults)
}

fn certificate(
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    self_signed: bool,
    names: Vec<String>,
) -> anyhow::Result<Source> {
    match (cert, key, self_signed) {
        (Some(certificate), Some(key), false) => Ok(Source::Files { certificate, key }),
        (None, None, true) => Ok(Source::SelfSigned { names }),
        (None, None, false) => bail!(
            "no certificate: give --tls-cert and --tls-key, or --tls-self-signed to try podgate out"
        ),
        (_, _, true) => bail!("--tls-self-signed and --tls-cert/--tls-key exclude each other"),
        _ => bail!("--tls-cert and --tls-key go together"),
    }
}

fn hostname() -> String {
    // Kubernetes gives every pod its name as the host's name.
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}
