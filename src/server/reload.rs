//! Policies from files: read again when their content changes. A broken document never takes the good
//! ones down.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::clock;
use super::metrics::{Counts, Metrics};
use super::store::PolicyStore;
use crate::policy::{self, PolicySet, Problem, Severity, Source};

/// How often the files are compared with what is in force.
pub const POLL: Duration = Duration::from_secs(10);

/// A set that was compiled, and what a scrape tells of it.
#[derive(Debug)]
pub struct Compiled {
    /// The set.
    pub set: PolicySet,
    /// How many documents it holds.
    pub counts: Counts,
    /// What loads, and should be looked at.
    pub warnings: Vec<String>,
}

/// Where policies come from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// Files and folders, read again when their content changes.
    Paths(Vec<PathBuf>),
    /// Policies that podgate brings along, at least one.
    Embedded(Vec<Source>),
}

/// Policies, and what was read of them last.
#[derive(Debug)]
pub struct Policies {
    origin: Origin,
    trusted_labels: Arc<[String]>,
    sources: Vec<Source>,
}

impl Policies {
    /// Reads and compiles the policies for the first time. Everything that is wrong is told at once.
    pub fn load(
        origin: Origin,
        trusted_labels: Vec<String>,
    ) -> Result<(Self, Compiled), Vec<String>> {
        let sources = read(&origin)?;
        let trusted_labels = Arc::from(trusted_labels);
        let compiled = compile(&sources, &trusted_labels)?;
        Ok((Self { origin, trusted_labels, sources }, compiled))
    }

    /// Compares the files with what is in force, every `interval`, for ever.
    pub async fn keep_fresh(
        self,
        store: Arc<PolicyStore>,
        metrics: Arc<Metrics>,
        interval: Duration,
    ) {
        let Self { origin, trusted_labels, mut sources } = self;
        let Origin::Paths(paths) = origin else { return };
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let (paths, before) = (paths.clone(), sources.clone());
            let trusted_labels = Arc::clone(&trusted_labels);
            // Files may lie on a slow volume, and a large set takes a while to compile.
            let work = tokio::task::spawn_blocking(move || look(&paths, &before, &trusted_labels));
            match work.await {
                Ok(Look::Same) => {}
                Ok(Look::Unreadable(problems)) => {
                    // Whatever comes back is compiled anew, which also settles this problem.
                    sources.clear();
                    failed(&store, &metrics, problems);
                }
                Ok(Look::Changed(read, result)) => {
                    sources = read;
                    match *result {
                        Ok(compiled) => apply(&store, &metrics, compiled),
                        Err(problems) => failed(&store, &metrics, problems),
                    }
                }
                Err(_) => failed(
                    &store,
                    &metrics,
                    vec![
                        "podgate panicked while compiling the policies: please report it"
                            .to_owned(),
                    ],
                ),
            }
        }
    }
}

enum Look {
    Same,
    Unreadable(Vec<String>),
    Changed(Vec<Source>, Box<Result<Compiled, Vec<String>>>),
}

fn look(paths: &[PathBuf], before: &[Source], trusted_labels: &[String]) -> Look {
    match policy::load::read(paths) {
        Ok(sources) if sources == before => Look::Same,
        Ok(sources) => {
            let result = compile(&sources, trusted_labels);
            Look::Changed(sources, Box::new(result))
        }
        Err(problems) => Look::Unreadable(lines(&problems)),
    }
}

fn read(origin: &Origin) -> Result<Vec<Source>, Vec<String>> {
    match origin {
        Origin::Embedded(sources) => Ok(sources.clone()),
        Origin::Paths(paths) => policy::load::read(paths).map_err(|problems| lines(&problems)),
    }
}

fn compile(sources: &[Source], trusted_labels: &[String]) -> Result<Compiled, Vec<String>> {
    let now = clock::now();
    // An exception that has ended covers nothing. As an error it would keep a replica from starting on
    // the day that it ends.
    let options = policy::Options {
        now,
        trusted_labels: trusted_labels.to_vec(),
        expired: Severity::Warning,
    };
    let (set, warnings) =
        policy::compile(sources, &options).map_err(|problems| lines(&problems))?;
    if set.policies().is_empty() {
        // Everything would pass. Nobody means that by a file that was emptied.
        return Err(vec![
            "no PodPolicy in the files: give at least one, or do without --policies".to_owned(),
        ]);
    }
    let expired = set.exceptions().iter().filter(|exception| exception.has_expired(now)).count();
    let counts = Counts {
        policies: set.policies().len(),
        exceptions: set.exceptions().len() - expired,
        expired_exceptions: expired,
    };
    Ok(Compiled { set, counts, warnings: lines(&warnings) })
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn apply(store: &PolicyStore, metrics: &Metrics, compiled: Compiled) {
    let Compiled { set, counts, warnings } = compiled;
    let digest = set.digest().to_owned();
    if store.load().set.digest() == digest {
        // Comments changed, or a broken edit was taken back.
        store.settle();
        tracing::info!(digest, "policy files changed, the policy set did not");
        return;
    }
    let generation = store.replace(set);
    metrics.policy_set(&digest, counts);
    tracing::info!(digest, generation, policies = counts.policies, "policy set replaced");
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

fn failed(store: &PolicyStore, metrics: &Metrics, problems: Vec<String>) {
    if *store.problems() == problems {
        // Told already: an unreadable file is found again at every look.
        return;
    }
    metrics.reload_failed();
    let in_force = store.load();
    tracing::error!(
        digest = in_force.set.digest(),
        generation = in_force.generation,
        "changed policies cannot be compiled: the last good set stays in force"
    );
    for problem in &problems {
        tracing::error!("{problem}");
    }
    store.keep(problems);
}

#[cfg(test)]
mod tests;
