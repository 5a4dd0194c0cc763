//! `podgate serve`: the webhook, the controller, or both.

mod cluster;
mod ledger;
mod otlp;
mod proof;
mod records;
mod run;
mod settings;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;

use self::cluster::{Facts, Wanted};
use self::run::{Certificate, Process, Webhook};
pub(super) use self::settings::Args;
use self::settings::{LogFormat, Role, Settings};
use super::period::Period;
use super::policies::defaults;
use crate::cluster::certificates::{self, Lifetimes};
use crate::otlp::Service;
use crate::policy::Terms;
use crate::server::limits;
use crate::server::reload::{self, Origin};
use crate::server::tls::{self, Clients, Source};

/// How long to serve on after the first stop signal, where nobody said: endpoints take a moment to
/// leave every API server's list.
const GRACE: Duration = Duration::from_secs(5);
/// How long certificates hold, where nobody said.
const LIFETIMES: Lifetimes = Lifetimes {
    certificate: Duration::from_hours(90 * 24),
    authority: Duration::from_hours(365 * 24),
};

/// Runs until a signal ends it.
pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let settings = args.settings()?;
    log(settings.log_format.unwrap_or_default())?;
    // Another library may have installed one already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    run::run(process(settings)?)
}

/// What the settings ask for, all defaults filled in.
#[expect(clippy::too_many_lines, reason = "each setting once")]
fn process(settings: Settings) -> anyhow::Result<Process> {
    // In full, so that a setting that is never used does not compile.
    let Settings {
        role,
        policies,
        listen,
        admin_listen,
        tls_cert,
        tls_key,
        tls_self_signed,
        tls_san,
        tls_client_ca,
        tls_client_name,
        tls_managed,
        certificate_secret,
        webhook_configuration,
        certificate_lifetime,
        ca_lifetime,
        namespace,
        service: service_name,
        watch_policies,
        watch_namespaces,
        watch_nodes,
        proof,
        record,
        max_in_flight,
        max_connections,
        trusted_label,
        max_exception_life,
        policy_poll,
        certificate_poll,
        shutdown_grace,
        replica,
        cluster,
        log_format: _,
        otlp,
        ledger,
    } = settings;
    let (role, cluster) = (role.unwrap_or_default(), cluster.unwrap_or_default());
    let replica = replica.unwrap_or_else(hostname);
    let service = Service { instance: replica.clone(), cluster: cluster.clone() };
    let (cert, key, self_signed) = (tls_cert, tls_key, tls_self_signed);
    let tls = Tls { cert, key, self_signed, managed: tls_managed };
    let has_work = watch_policies || ledger.store.is_some() || proof.namespace.is_some();
    check_role(role, &tls, tls_client_ca.is_some(), has_work)?;
    let lifetimes = lifetimes(certificate_lifetime, ca_lifetime)?;
    let names = [service_name, certificate_secret, webhook_configuration];
    let managed = tls_managed.then(|| kept_certificates(names, tls_san.clone(), lifetimes));
    let certificate_poll = certificate_poll.map_or(tls::POLL, |period| period.0);
    let webhook = match role {
        Role::Controller => None,
        _ => Some(Webhook {
            listen: listen.unwrap_or(([0, 0, 0, 0], 8443).into()),
            certificate: tls.source(tls_san)?,
            clients: clients(tls_client_ca, tls_client_name)?,
            recording: record.unwrap_or_default(),
            cluster,
            max_in_flight: max_in_flight.unwrap_or(limits::MAX_IN_FLIGHT),
            max_connections: max_connections.unwrap_or(limits::MAX_CONNECTIONS),
            certificate_poll,
        }),
    };
    Ok(Process {
        admin_listen: admin_listen.unwrap_or(([0, 0, 0, 0], 8080).into()),
        policies: (webhook.is_some() || watch_policies).then(|| origin(policies)),
        webhook,
        wanted: Wanted {
            namespace,
            ledger: ledger.wanted(),
            managed,
            policies: watch_policies,
            status: watch_policies && role != Role::Webhook,
            facts: Facts { namespaces: watch_namespaces, nodes: watch_nodes }
                .of(role, watch_policies),
            proof: proof.plan()?,
        },
        ledger: ledger.plan(role, certificate_poll)?,
        otlp: otlp.plan(role, service)?,
        terms: terms(trusted_label, max_exception_life),
        policy_poll: policy_poll.map_or(reload::POLL, |period| period.0),
        grace: shutdown_grace.map_or_else(grace, |period| period.0),
        replica,
    })
}

fn terms(trusted_labels: Vec<String>, longest_life: Option<Period>) -> Terms {
    Terms { trusted_labels, longest_life: longest_life.map(|period| period.0) }
}

/// The certificates that podgate keeps itself, by the names of Service, Secret and configuration that were given.
fn kept_certificates(
    [service, secret, configuration]: [Option<String>; 3],
    more_names: Vec<String>,
    lifetimes: Lifetimes,
) -> certificates::Settings {
    certificates::Settings {
        // Filled in once it is known which cluster this is.
        namespace: String::new(),
        service: service.unwrap_or_else(|| "podgate".to_owned()),
        more_names,
        secret: secret.unwrap_or_else(|| "podgate-tls".to_owned()),
        configuration: configuration.unwrap_or_else(|| "podgate".to_owned()),
        lifetimes,
    }
}

/// On a terminal nobody has an endpoint to leave: Ctrl-C stops at once.
fn grace() -> Duration {
    if std::io::stderr().is_terminal() { Duration::ZERO } else { GRACE }
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

/// The flags that say where the certificate comes from.
struct Tls {
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    self_signed: bool,
    managed: bool,
}

impl Tls {
    fn source(self, names: Vec<String>) -> anyhow::Result<Certificate> {
        match (self.cert, self.key, self.self_signed, self.managed) {
            (Some(certificate), Some(key), false, false) => {
                Ok(Certificate::Own(Source::Files { certificate, key }))
            }
            (None, None, true, false) => Ok(Certificate::Own(Source::SelfSigned { names })),
            (None, None, false, true) => Ok(Certificate::Managed),
            (None, None, false, false) => bail!(
                "no certificate: give --tls-cert and --tls-key, --tls-managed in a cluster, or --tls-self-signed to try podgate out"
            ),
            (_, _, true, false) => {
                bail!("--tls-self-signed and --tls-cert/--tls-key exclude each other")
            }
            (_, _, _, true) => bail!(
                "--tls-managed excludes --tls-self-signed, --tls-cert and --tls-key: give one of the three ways"
            ),
            _ => bail!("--tls-cert and --tls-key go together"),
        }
    }
}

fn clients(authority: Option<PathBuf>, names: Vec<String>) -> anyhow::Result<Option<Clients>> {
    if authority.is_none() && !names.is_empty() {
        bail!(
            "--tls-client-name needs --tls-client-ca: a name without an authority proves nothing"
        );
    }
    Ok(authority.map(|authority| Clients { authority, names }))
}

/// What a role cannot do, and what it is for.
fn check_role(role: Role, tls: &Tls, clients: bool, has_work: bool) -> anyhow::Result<()> {
    let serves = tls.cert.is_some() || tls.key.is_some() || tls.self_signed || clients;
    match role {
        Role::Webhook if tls.managed => bail!(
            "--role webhook does not keep certificates: give it those of the Secret with --tls-cert and --tls-key"
        ),
        Role::Controller if serves => bail!(
            "--role controller answers no reviews: remove --tls-cert, --tls-key, --tls-self-signed and --tls-client-ca"
        ),
        Role::Controller if !tls.managed && !has_work => bail!(
            "--role controller has nothing to do: give --tls-managed, --watch-policies, --ledger or --prove-in"
        ),
        _ => Ok(()),
    }
}

/// A certificate that is renewed before it was looked at is no use.
fn lifetimes(certificate: Option<Period>, authority: Option<Period>) -> anyhow::Result<Lifetimes> {
    let lifetimes = Lifetimes {
        certificate: certificate.map_or(LIFETIMES.certificate, |period| period.0),
        authority: authority.map_or(LIFETIMES.authority, |period| period.0),
    };
    let least = Duration::from_secs(10);
    if lifetimes.certificate < least || lifetimes.authority < least {
        bail!("--certificate-lifetime and --ca-lifetime must be 10s or more");
    }
    if lifetimes.authority < lifetimes.certificate {
        bail!(
            "--ca-lifetime must not be shorter than --certificate-lifetime: no certificate outlives its authority"
        );
    }
    Ok(lifetimes)
}

fn hostname() -> String {
    // Kubernetes gives every pod its name as the host's name.
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(settings: Settings) -> String {
        process(settings).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn settings_that_do_not_go_together_are_told_with_what_would() {
        let webhook = Settings { role: Some(Role::Webhook), ..Settings::default() };
        let controller = Settings { role: Some(Role::Controller), ..Settings::default() };
        let managed = Settings { tls_managed: true, ..Settings::default() };
        let period = |seconds| Some(Period(Duration::from_secs(seconds)));
        for (settings, told) in [
            (Settings { tls_managed: true, ..webhook.clone() }, "--tls-cert and --tls-key"),
            (webhook, "no certificate"),
            (controller.clone(), "nothing to do"),
            (
                Settings { tls_managed: true, tls_self_signed: true, ..controller },
                "answers no reviews",
            ),
            (Settings { tls_self_signed: true, ..managed.clone() }, "--tls-managed excludes"),
            (
                Settings { tls_client_name: vec!["a".to_owned()], ..managed.clone() },
                "--tls-client-ca",
            ),
            (Settings { certificate_lifetime: period(9), ..managed.clone() }, "10s or more"),
            (Settings { ca_lifetime: period(3600), ..managed }, "must not be shorter"),
        ] {
            let error = refused(settings.clone());
            assert!(error.contains(told), "{told}: {error}");
        }
    }

    #[test]
    fn without_a_flag_of_the_cluster_nothing_talks_to_one() {
        let process = process(Settings { tls_self_signed: true, ..Settings::default() }).unwrap();
        assert!(!process.wanted.any());
        assert!(process.webhook.is_some());
    }
}
