//! `podgate doctor`: looks at an installation through the API server, and says what is wrong and what to do.
//!
//! [`Cluster`] fetches, and each file here judges what was fetched. Nothing is ever written.

mod cluster;
mod policies;
mod reviews;
mod rights;
mod selector;
mod service;
mod trust;
mod versions;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use kube::Client;

use cluster::Cluster;

/// Where podgate is looked for. The names are those of `podgate serve`.
#[derive(Debug, Clone)]
pub struct Options {
    /// Podgate's own namespace.
    pub namespace: String,
    /// Its Service.
    pub service: String,
    /// The Secret with the certificate that it serves.
    pub certificate_secret: String,
    /// Name of its webhook configurations.
    pub webhook_configuration: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Fine,
    /// It works, and may not for long, or not as one would think.
    Doubtful,
    /// It could not be looked at.
    Unknown,
    /// It does not work, or guards less than it seems to.
    Wrong,
}

impl State {
    /// The word in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Doubtful => "doubtful",
            Self::Unknown => "unknown",
            Self::Wrong => "wrong",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, in a word.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it; empty where that is nothing.
    pub advice: String,
}

impl Finding {
    fn fine(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Fine, found: found.into(), advice: String::new() }
    }

    fn new(
        check: &'static str,
        state: State,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { check, state, found: found.into(), advice: advice.into() }
    }

    fn doubtful(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, State::Doubtful, found, advice)
    }

    fn wrong(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, State::Wrong, found, advice)
    }

    /// What could not be fetched.
    fn unknown(check: &'static str, what: &str, error: &kube::Error) -> Self {
        let advice = match error {
            kube::Error::Api(status) if status.code == 403 => {
                "ask with a kubeconfig that may read it".to_owned()
            }
            _ => "see whether the API server answers, with `kubectl get --raw /readyz`".to_owned(),
        };
        Self::new(check, State::Unknown, format!("{what} could not be read: {error}"), advice)
    }
}

/// Looks at everything, in the order of the checks. `now` is the clock of this machine.
///
/// # Errors
/// Where the API server does not answer at all: there is nothing to look at then.
pub async fn examine(
    client: &Client,
    options: &Options,
    now: &(dyn Fn() -> Timestamp + Send + Sync),
) -> kube::Result<Vec<Finding>> {
    let cluster = Cluster::new(client.clone());
    let mut findings = versions::look(&cluster, options, now).await?;
    let now = now();
    findings.extend(service::look(&cluster, options).await);
    findings.extend(reviews::look(&cluster, options).await);
    findings.extend(trust::look(&cluster, options, now).await);
    findings.extend(rights::look(&cluster, options).await);
    findings.extend(policies::look(&cluster).await);
    Ok(findings)
}
