//! The settings of `podgate serve`: flags, and a file with the same names. Flags win.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use serde::Deserialize;

use super::{ledger, otlp, proof};
use crate::cli::period::Period;
use crate::server::Recording;

/// Arguments of `podgate serve`.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Args {
    /// YAML file with settings under the same names in camelCase; flags win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// Every setting. Absent means the default.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Settings {
    /// What this process does: all, webhook (answers reviews) or controller (keeps certificates and the
    /// status of policies, and answers no review) [default: all]
    #[arg(long, value_name = "ROLE", value_enum)]
    pub(super) role: Option<Role>,
    /// Policy file, or directory of them; may be repeated [default: the built-in baseline and shared-kernel]
    #[arg(long, value_name = "PATH")]
    pub(super) policies: Vec<PathBuf>,
    /// Address of the TLS port [default: 0.0.0.0:8443]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<SocketAddr>,
    /// Address of the port for probes and metrics [default: 0.0.0.0:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) admin_listen: Option<SocketAddr>,
    /// PEM file with the certificate chain, leaf first; read again when it changes
    #[arg(long, value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,
    /// PEM file with the private key
    #[arg(long, value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,
    /// Make a certificate at start
    #[arg(long)]
    pub(super) tls_self_signed: bool,
    /// Name or address that a self-signed or managed certificate also holds for; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) tls_san: Vec<String>,
    /// PEM file of the authority that signs clients' certificates; given, only clients with one may connect
    #[arg(long, value_name = "FILE")]
    pub(super) tls_client_ca: Option<PathBuf>,
    /// Common name or DNS name of which a client's certificate must hold one; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) tls_client_name: Vec<String>,
    /// Make the certificate, keep it in Secrets, and tell the API server of its authority
    #[arg(long)]
    pub(super) tls_managed: bool,
    /// Secret of the managed certificate; its authority lies in the one called the same with -ca behind it
    /// [default: podgate-tls]
    #[arg(long, value_name = "NAME")]
    pub(super) certificate_secret: Option<String>,
    /// Name of the webhook configurations, validating and mutating, whose caBundle is kept [default: podgate]
    #[arg(long, value_name = "NAME")]
    pub(super) webhook_configuration: Option<String>,
    /// How long a managed certificate holds; it is renewed at two thirds [default: 2160h]
    #[arg(long, value_name = "DURATION")]
    pub(super) certificate_lifetime: Option<Period>,
    /// How long the authority of managed certificates holds; it is renewed at two thirds [default: 8760h]
    #[arg(long, value_name = "DURATION")]
    pub(super) ca_lifetime: Option<Period>,
    /// Podgate's own namespace [default: that of the service account or the kubeconfig]
    #[arg(long, value_name = "NAME")]
    pub(super) namespace: Option<String>,
    /// Service that the API server calls [default: podgate]
    #[arg(long, value_name = "NAME")]
    pub(super) service: Option<String>,
    /// Have `PodPolicy` and `PodPolicyException` resources in force, beside the files
    #[arg(long)]
    pub(super) watch_policies: bool,
    /// Know the labels of namespaces, for namespaceSelector; else a policy with one applies to all of them
    #[arg(long)]
    pub(super) watch_namespaces: bool,
    /// Know which nodes offer user namespaces, so that none is asked for where no node does
    #[arg(long)]
    pub(super) watch_nodes: bool,
    /// Which decisions are recorded: all, or notable (where anything was found) [default: notable]
    #[arg(long, value_name = "WHICH", value_parser = recording)]
    pub(super) record: Option<Recording>,
    /// Requests that are answered at a time; more get HTTP 429 [default: 512]
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_in_flight: Option<usize>,
    /// Connections that are open at a time [default: 1024]
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_connections: Option<usize>,
    /// Label that an exception may select pods by; may be repeated
    #[arg(long, value_name = "KEY")]
    pub(super) trusted_label: Vec<String>,
    /// How far ahead an exception may end, such as 2160h [default: no limit]
    #[arg(long, value_name = "DURATION")]
    pub(super) max_exception_life: Option<Period>,
    /// How often policy files are looked at [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub(super) policy_poll: Option<Period>,
    /// How often certificate files are looked at [default: 15s]
    #[arg(long, value_name = "DURATION")]
    pub(super) certificate_poll: Option<Period>,
    /// How long to serve on after the first stop signal [default: 5s; 0 on a terminal]
    #[arg(long, value_name = "DURATION")]
    pub(super) shutdown_grace: Option<Period>,
    /// Name of this replica in records [default: the host's name]
    #[arg(long, value_name = "NAME")]
    pub(super) replica: Option<String>,
    /// Name of the cluster in records
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
    /// Form of log lines: text or json [default: text]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(super) log_format: Option<LogFormat>,
    #[command(flatten)]
    pub(super) proof: proof::Settings,
    #[command(flatten)]
    pub(super) otlp: otlp::Settings,
    #[command(flatten)]
    pub(super) ledger: ledger::Settings,
}

/// What a process does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// Everything.
    #[default]
    All,
    /// Answer reviews.
    Webhook,
    /// Keep certificates and the status of policies.
    Controller,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

impl Args {
    /// The flags over the file.
    pub(super) fn settings(self) -> anyhow::Result<Settings> {
        let Self { config, settings } = self;
        let Some(path) = config else { return Ok(settings) };
        let file = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read the settings in {}", path.display()))?;
        let file: Settings = serde_yaml::from_str(&file)
            .with_context(|| format!("cannot use the settings in {}", path.display()))?;
        Ok(settings.over(file))
    }
}

impl Settings {
    /// These settings, and `file`'s where these say nothing.
    fn over(self, file: Self) -> Self {
        // In full, so that a forgotten setting does not compile.
        let Self {
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
            service,
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
            log_format,
            otlp,
            ledger,
        } = self;
        // The four say one thing together: where the certificate comes from.
        let flags_name_tls =
            tls_cert.is_some() || tls_key.is_some() || tls_self_signed || tls_managed;
        let (tls_cert, tls_key, tls_self_signed, tls_managed) = if flags_name_tls {
            (tls_cert, tls_key, tls_self_signed, tls_managed)
        } else {
            (file.tls_cert, file.tls_key, file.tls_self_signed, file.tls_managed)
        };
        Self {
            role: role.or(file.role),
            policies: first_given(policies, file.policies),
            listen: listen.or(file.listen),
            admin_listen: admin_listen.or(file.admin_listen),
            tls_cert,
            tls_key,
            tls_self_signed,
            tls_san: first_given(tls_san, file.tls_san),
            tls_client_ca: tls_client_ca.or(file.tls_client_ca),
            tls_client_name: first_given(tls_client_name, file.tls_client_name),
            tls_managed,
            certificate_secret: certificate_secret.or(file.certificate_secret),
            webhook_configuration: webhook_configuration.or(file.webhook_configuration),
            certificate_lifetime: certificate_lifetime.or(file.certificate_lifetime),
            ca_lifetime: ca_lifetime.or(file.ca_lifetime),
            namespace: namespace.or(file.namespace),
            service: service.or(file.service),
            watch_policies: watch_policies || file.watch_policies,
            watch_namespaces: watch_namespaces || file.watch_namespaces,
            watch_nodes: watch_nodes || file.watch_nodes,
            proof: proof.over(file.proof),
            record: record.or(file.record),
            max_in_flight: max_in_flight.or(file.max_in_flight),
            max_connections: max_connections.or(file.max_connections),
            trusted_label: first_given(trusted_label, file.trusted_label),
            max_exception_life: max_exception_life.or(file.max_exception_life),
            policy_poll: policy_poll.or(file.policy_poll),
            certificate_poll: certificate_poll.or(file.certificate_poll),
            shutdown_grace: shutdown_grace.or(file.shutdown_grace),
            replica: replica.or(file.replica),
            cluster: cluster.or(file.cluster),
            log_format: log_format.or(file.log_format),
            otlp: otlp.over(file.otlp),
            ledger: ledger.over(file.ledger),
        }
    }
}

pub(super) fn first_given<T>(flags: Vec<T>, file: Vec<T>) -> Vec<T> {
    if flags.is_empty() { file } else { flags }
}

fn recording(text: &str) -> Result<Recording, String> {
    match text {
        "all" => Ok(Recording::All),
        "notable" => Ok(Recording::Notable),
        _ => Err("must be all or notable".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(text: &str) -> Result<Settings, serde_yaml::Error> {
        serde_yaml::from_str(text)
    }

    #[test]
    fn flags_win_over_the_file_and_the_certificate_is_one_setting() {
        let file =
            read("listen: 127.0.0.1:1\nrecord: all\ntlsSelfSigned: true\npolicyPoll: 1m").unwrap();
        let flags = Settings {
            listen: Some(([127, 0, 0, 1], 2).into()),
            tls_cert: Some("c".into()),
            tls_key: Some("k".into()),
            ..Settings::default()
        };
        let settings = flags.over(file);
        assert_eq!(settings.listen, Some(([127, 0, 0, 1], 2).into()));
        assert_eq!(settings.record, Some(Recording::All));
        assert!(!settings.tls_self_signed);
        assert_eq!(settings.policy_poll, Some(Period(Duration::from_mins(1))));
    }

    #[test]
    fn a_misspelt_setting_or_a_bad_value_is_told() {
        let error = read("listn: 127.0.0.1:1").unwrap_err().to_string();
        assert!(error.contains("listn"), "{error}");
        let error = read("policyPoll: soon").unwrap_err().to_string();
        assert!(error.contains("10s"), "{error}");
    }
}
