//! The settings of the proof that what must be refused is.

use std::time::Duration;

use anyhow::bail;
use serde::Deserialize;

use crate::cli::period::Period;

/// How often it is asked, where nobody said.
const EVERY: Duration = Duration::from_mins(5);

/// Where the API server is asked. In a file of settings these stand under `proof`.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Deserialize)]
#[group(id = "proof_settings")]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Namespace in which the API server is asked, by a dry run, for a pod that must be refused: `podgate_enforcement_proved`
    /// tells what came of it. Its pods must be judged
    #[arg(id = "prove-in", long = "prove-in", value_name = "NAMESPACE")]
    pub(super) namespace: Option<String>,
    /// How often it is asked [default: 5m]
    #[arg(id = "prove-every", long = "prove-every", value_name = "DURATION")]
    pub(super) every: Option<Period>,
}

impl Settings {
    /// These settings, and `file`'s where these say nothing.
    pub(super) fn over(self, file: Self) -> Self {
        let Self { namespace, every } = self;
        Self { namespace: namespace.or(file.namespace), every: every.or(file.every) }
    }

    /// Where, and how often; none where it is not to be asked.
    pub(super) fn plan(self) -> anyhow::Result<Option<(String, Duration)>> {
        let every = self.every.map_or(EVERY, |period| period.0);
        match self.namespace {
            None if self.every.is_some() => {
                bail!("--prove-every needs --prove-in, the namespace in which to ask")
            }
            Some(_) if every < Duration::from_secs(1) => bail!("--prove-every must be 1s or more"),
            namespace => Ok(namespace.map(|namespace| (namespace, every))),
        }
    }
}
