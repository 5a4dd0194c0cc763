//! Policies from files: read again when their content changes. A broken document never takes the good
//! ones down.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::files::{self, Content};
use super::metrics::{Counts, Metrics};
use super::store::PolicyStore;
use crate::policy::PolicySet;

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

/// Compiles the content of policy files, or says everything that is wrong with it.
pub type Compile = dyn Fn(&Content) -> Result<Compiled, Vec<String>> + Send + Sync;

/// Where policies come from, and what was read there last.
pub struct Policies {
    paths: Vec<PathBuf>,
    compile: Arc<Compile>,
    content: Content,
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl Policies {
    /// Reads and compiles the policies for the first time. Everything that is wrong is told at once.
    pub fn load(
        paths: Vec<PathBuf>,
        compile: Arc<Compile>,
    ) -> Result<(Self, Compiled), Vec<String>> {
        let content = files::read(&paths).map_err(|error| vec![error.to_string()])?;
        let compiled = compile(&content)?;
        Ok((Self { paths, compile, content }, compiled))
    }

    /// Compares the files with what is in force, every `interval`, for ever.
    pub async fn keep_fresh(
        mut self,
        store: Arc<PolicyStore>,
        metrics: Arc<Metrics>,
        interval: Duration,
    ) {
        if self.paths.is_empty() {
            // What is built in does not change.
            return;
        }
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let (paths, compile, before) =
                (self.paths.clone(), Arc::clone(&self.compile), self.content.clone());
            // Files may lie on a slow volume, and a large set takes a while to compile.
            let work = tokio::task::spawn_blocking(move || look(&paths, &*compile, &before));
            match work.await {
                Ok(Look::Same) => {}
                Ok(Look::Unreadable(problem)) => failed(&store, &metrics, vec![problem]),
                Ok(Look::Changed(content, result)) => {
                    self.content = content;
                    match result {
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
    Unreadable(String),
    Changed(Content, Result<Compiled, Vec<String>>),
}

fn look(paths: &[PathBuf], compile: &Compile, before: &Content) -> Look {
    match files::read(paths) {
        Ok(content) if content == *before => Look::Same,
        Ok(content) => {
            let result = compile(&content);
            Look::Changed(content, result)
        }
        Err(error) => Look::Unreadable(error.to_string()),
    }
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
