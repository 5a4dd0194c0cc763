//! The flags that say which decisions are asked for.

use anyhow::Context as _;
use jiff::Timestamp;

use super::source::Source;
use crate::engine::Outcome;
use crate::ledger::query::{Filter, moment};
use crate::ledger::store::Store;

/// Which decisions of which ledger.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Question {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    flags: Flags,
}

impl Question {
    /// The ledger, and which of its decisions.
    pub(super) async fn open(&self) -> anyhow::Result<(Store, Filter)> {
        // What is wrong with the flags is told before a ledger is read.
        let filter = self.flags.filter()?;
        Ok((self.source.open().await?, filter))
    }
}

/// Flags that may be repeated take one or another; names may hold * and ?.
#[derive(Debug, Clone, Default, clap::Args)]
struct Flags {
    /// From then on: how long ago (30d, 12h, 15m), or a moment (2026-11-26, 2026-11-26T10:00:00Z)
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Before then
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Outcome: allowed, warned, fixed, excepted, denied or failed
    #[arg(long, value_name = "OUTCOME", value_parser = outcome)]
    decision: Vec<String>,
    /// Namespace of the object
    #[arg(long, short, value_name = "NAME")]
    namespace: Vec<String>,
    /// Kind of the object
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Name of the object, or what its name is made from
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// Who sent the request
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,
    /// Who changed the workload behind a pod
    #[arg(long, value_name = "NAME")]
    changed_by: Vec<String>,
    /// Policy of which a rule was broken
    #[arg(long, value_name = "NAME")]
    policy: Vec<String>,
    /// Rule that was broken
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Replica that decided
    #[arg(long, value_name = "NAME")]
    replica: Vec<String>,
    /// Incident, as `podgate ledger incidents` names it
    #[arg(long, value_name = "KEY")]
    incident: Vec<String>,
    /// Only dry runs, or none of them
    #[arg(long, value_name = "BOOL")]
    dry_run: Option<bool>,
}

impl Flags {
    fn filter(&self) -> anyhow::Result<Filter> {
        #[expect(clippy::disallowed_methods, reason = "how long ago is meant from now")]
        let now = Timestamp::now();
        let read = |flag: &'static str, text: &Option<String>| {
            let moment = text.as_deref().map(|text| moment(text, now)).transpose();
            moment.with_context(|| format!("{flag} {}", text.as_deref().unwrap_or_default()))
        };
        Ok(Filter {
            since: read("--since", &self.since)?,
            until: read("--until", &self.until)?,
            decisions: self.decision.clone(),
            namespaces: self.namespace.clone(),
            kinds: self.kind.clone(),
            names: self.name.clone(),
            users: self.user.clone(),
            changed_by: self.changed_by.clone(),
            policies: self.policy.clone(),
            rules: self.rule.clone(),
            replicas: self.replica.clone(),
            incidents: self.incident.clone(),
            decision_ids: Vec::new(),
            dry_run: self.dry_run,
        })
    }
}

fn outcome(text: &str) -> Result<String, String> {
    let words = Outcome::ALL.map(Outcome::as_str);
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("must be one of {}", words.join(", ")))
}
