//! Which policies a command judges by.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::cluster::ClusterArgs;
use super::period::Period;
use crate::admission::NamespaceLabels;
use crate::policy::{self, Options, PolicySet, Problem, Severity, Source, Terms, load};

/// The policies of the library that hold where none are named.
const DEFAULTS: [&str; 2] = ["baseline", "shared-kernel"];

/// Arguments that name policies.
#[derive(Debug, clap::Args)]
pub(super) struct PolicyArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// File or folder of policies; may be repeated [default: the library's baseline and shared-kernel]
    #[arg(long, value_name = "PATH")]
    pub(super) policies: Vec<PathBuf>,
    /// A label that exceptions may select by, because only trusted people can set it
    #[arg(long = "trusted-label", value_name = "KEY")]
    pub(super) trusted_labels: Vec<String>,
    /// How far ahead an exception may end, such as 2160h [default: no limit]
    #[arg(long, value_name = "DURATION")]
    pub(super) max_exception_life: Option<Period>,
}

impl PolicyArgs {
    /// The documents that the arguments name.
    fn sources(&self) -> Result<Vec<Source>, Vec<Problem>> {
        if self.policies.is_empty() { Ok(defaults()) } else { load::read(&self.policies) }
    }

    /// The policies, compiled, and what else is known of where they are in force. `expired` is how grave an expired
    /// exception is. Warnings go to standard error.
    pub(super) fn read(&self, now: Timestamp, expired: Severity) -> anyhow::Result<Policies> {
        self.of(self.cluster.is_asked(), || self.sources(), now, expired)
    }

    /// The same of other documents.
    pub(super) fn read_only(
        &self,
        source: Source,
        now: Timestamp,
        expired: Severity,
    ) -> anyhow::Result<Policies> {
        self.of(false, || Ok(vec![source]), now, expired)
    }

    fn of(
        &self,
        is_of_cluster: bool,
        sources: impl FnOnce() -> Result<Vec<Source>, Vec<Problem>>,
        now: Timestamp,
        expired: Severity,
    ) -> anyhow::Result<Policies> {
        let terms = Terms {
            trusted_labels: self.trusted_labels.clone(),
            longest_life: self.max_exception_life.map(|period| period.0),
        };
        let options = Options { terms, expired, ..Options::at(now) };
        if is_of_cluster {
            return self.cluster.read(&options);
        }
        // In a cluster the API server evaluates its own.
        let options = Options { admission_policies: true, ..options };
        let compiled = sources().and_then(|sources| policy::compile(&sources, &options));
        let (set, warnings) = compiled.map_err(|problems| self::problems(&problems))?;
        for warning in warnings {
            writeln!(io::stderr(), "{warning}")?;
        }
        Ok(Policies { set, namespaces: HashMap::new() })
    }
}

/// Policies, and the labels of namespaces that are known beside.
pub(super) struct Policies {
    pub(super) set: PolicySet,
    pub(super) namespaces: HashMap<String, NamespaceLabels>,
}

/// The policies that hold where none are named.
pub(super) fn defaults() -> Vec<Source> {
    policy::embedded()
        .into_iter()
        .filter(|source| DEFAULTS.iter().any(|name| source.name.contains(name)))
        .collect()
}

/// A policy that is a standard and nothing else: `restricted@v1.35`, or a level at the newest version.
pub(super) fn standard(spec: &str) -> anyhow::Result<Source> {
    let (level, version) = spec.split_once('@').unwrap_or((spec, "latest"));
    let parsed: policy::standard::Level = level
        .parse()
        .ok()
        .with_context(|| format!("--standard {spec}: the level must be baseline or restricted"))?;
    if parsed == policy::standard::Level::Privileged {
        bail!("--standard {spec}: privileged allows everything; use baseline or restricted");
    }
    let _: policy::standard::Version = version.parse().ok().with_context(|| {
        format!("--standard {spec}: the version must be latest or v1.N, such as v1.35")
    })?;
    let level = match parsed {
        policy::standard::Level::Restricted => "Restricted",
        _ => "Baseline",
    };
    let name = format!("{}-{}", level.to_lowercase(), version.replace('.', "-"));
    let text = format!(
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {{name: {name}}}\n\
         spec:\n  standard: {{level: {level}, version: {version}}}\n"
    );
    Ok(Source { name: format!("--standard {spec}"), text })
}

/// Problems as one error, a line each.
pub(super) fn problems(problems: &[Problem]) -> anyhow::Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("the policies cannot be used\n{}", lines.join("\n"))
}
