//! Policies from files, read again when their content changes, and resources that somebody hands on. A broken
//! document never takes the good ones down.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::clock;
use super::metrics::{Counts, Metrics};
use super::store::PolicyStore;
use crate::policy::{self, PolicySet, Problem, Severity, Source, Terms};

/// How often the files are compared with what is in force.
pub const POLL: Duration = Duration::from_secs(10);

/// Without labels nothing is let pass for their sake, and an author who wrote a selector wonders why.
const NO_NAMESPACE_LABELS: &str = "policies or exceptions read the labels of namespaces, and nobody tells them: \
    such policies apply everywhere, such exceptions nowhere, and Pod Security's labels count as restricted; \
    give --watch-namespaces";

/// A set that was compiled, and what a scrape tells of it.
#[derive(Debug)]
pub struct Compiled {
    /// The set.
    pub set: PolicySet,
    /// How many documents it holds.
    pub counts: Counts,
    /// What loads, and should be looked at.
    pub warnings: Vec<String>,
    files: Vec<Source>,
    /// Resources as they are in force.
    resources: Vec<Source>,
    /// Resources that are not, and why.
    broken: Vec<Problem>,
}

/// Resources, as they stand in the cluster.
pub type Resources = watch::Receiver<Arc<Vec<Source>>>;

/// What became of the resources at the last compilation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The digest of the set in force.
    pub digest: String,
    /// The resources that were looked at.
    pub resources: Arc<Vec<Source>>,
    /// As they are in force.
    pub in_force: Vec<Source>,
    /// Why others are not: of resources, or of files that keep the whole from being used.
    pub problems: Vec<Problem>,
    /// Where the policies in force stand that ask for user namespaces.
    pub user_namespaces: Vec<String>,
}

/// Where policies come from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// Files and folders, read again when their content changes.
    Paths(Vec<PathBuf>),
    /// Policies that podgate brings along, at least one.
    Embedded(Vec<Source>),
}

/// What this replica was told beside the documents.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// What the admin asks of exceptions.
    pub terms: Terms,
    /// Nobody tells the labels of namespaces, to a replica that judges.
    pub no_namespace_labels: bool,
}

/// Policies, and what was read of them last.
#[derive(Debug)]
pub struct Policies {
    origin: Origin,
    told: Told,
    files: Vec<Source>,
    resources: Option<Resources>,
    /// The resources that were compiled last, and as they are in force.
    seen: Arc<Vec<Source>>,
    in_force: Vec<Source>,
    outcome: watch::Sender<Outcome>,
}

impl Policies {
    /// Reads and compiles the policies for the first time. Everything that is wrong is told at once, but for
    /// resources, which may not keep a replica from starting.
    pub fn load(
        origin: Origin,
        told: Told,
        mut resources: Option<Resources>,
    ) -> Result<(Self, Compiled), Vec<String>> {
        let files = read(&origin)?;
        let seen =
            resources.as_mut().map(|r| Arc::clone(&r.borrow_and_update())).unwrap_or_default();
        let compiled = compile(&files, &seen, &[], &told).map_err(|problems| lines(&problems))?;
        let outcome = watch::Sender::new(outcome(&compiled, &seen));
        let in_force = compiled.resources.clone();
        let this = Self { origin, told, files, resources, seen, in_force, outcome };
        Ok((this, compiled))
    }

    /// What became of the resources, now and later.
    #[must_use]
    pub fn outcome(&self) -> watch::Receiver<Outcome> {
        self.outcome.subscribe()
    }

    /// Compares files and resources with what is in force, for ever: the files every `interval`, the
    /// resources as they come.
    pub async fn keep_fresh(
        mut self,
        store: Arc<PolicyStore>,
        metrics: Arc<Metrics>,
        interval: Duration,
    ) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            self.wait(&mut ticks).await;
            // Files may lie on a slow volume, and a large set takes a while to compile.
            let work = tokio::task::spawn_blocking(move || {
                let look = self.look();
                (self, look)
            });
            // Reading and compiling do not panic outward: the work can only be cut off at the end of all.
            let Ok((this, look)) = work.await else { return };
            self = this;
            match look {
                Look::Same => {}
                Look::Compiled(compiled) => {
                    self.in_force.clone_from(&compiled.resources);
                    let outcome = outcome(&compiled, &self.seen);
                    apply(&store, &metrics, *compiled);
                    self.outcome.send_replace(outcome);
                }
                Look::Failed(problems) => {
                    failed(&store, &metrics, lines(&problems));
                    self.outcome.send_modify(|outcome| {
                        outcome.resources = Arc::clone(&self.seen);
                        outcome.problems = problems;
                    });
                }
            }
        }
    }

    /// Waits until there may be something newer.
    async fn wait(&mut self, ticks: &mut tokio::time::Interval) {
        let resources = async {
            if let Some(resources) = &mut self.resources
                && resources.changed().await.is_ok()
            {
                return;
            }
            // Nobody hands any on.
            std::future::pending::<()>().await;
        };
        let files = async {
            match self.origin {
                Origin::Paths(_) => ticks.tick().await,
                Origin::Embedded(_) => std::future::pending().await,
            };
        };
        tokio::select! {
            () = resources => {}
            () = files => {}
        }
    }

    fn look(&mut self) -> Look {
        let files = match &self.origin {
            Origin::Paths(paths) => match policy::load::read(paths) {
                Ok(files) => files,
                Err(problems) => {
                    // Whatever comes back is compiled anew, which also settles this problem.
                    self.files.clear();
                    return Look::Failed(problems);
                }
            },
            Origin::Embedded(files) => files.clone(),
        };
        let seen = match &mut self.resources {
            Some(resources) => Arc::clone(&resources.borrow_and_update()),
            None => Arc::clone(&self.seen),
        };
        if files == self.files && seen == self.seen {
            return Look::Same;
        }
        (self.files, self.seen) = (files, seen);
        let compiled = std::panic::catch_unwind(|| {
            compile(&self.files, &self.seen, &self.in_force, &self.told)
        });
        let panicked = |_| {
            let text = "podgate panicked while compiling the policies: please report it";
            Err(vec![problem(&self.files, text, None)])
        };
        match compiled.unwrap_or_else(panicked) {
            Ok(compiled) => Look::Compiled(Box::new(compiled)),
            Err(problems) => Look::Failed(problems),
        }
    }
}

enum Look {
    Same,
    Compiled(Box<Compiled>),
    Failed(Vec<Problem>),
}

fn read(origin: &Origin) -> Result<Vec<Source>, Vec<String>> {
    match origin {
        Origin::Embedded(sources) => Ok(sources.clone()),
        Origin::Paths(paths) => policy::load::read(paths).map_err(|problems| lines(&problems)),
    }
}

fn outcome(compiled: &Compiled, resources: &Arc<Vec<Source>>) -> Outcome {
    Outcome {
        digest: compiled.set.digest().to_owned(),
        resources: Arc::clone(resources),
        in_force: compiled.resources.clone(),
        problems: compiled.broken.clone(),
        user_namespaces: compiled.set.user_namespace_sources(),
    }
}

/// What compiling depends on besides the documents.
#[must_use]
pub fn options(terms: &Terms) -> policy::Options {
    // An exception that has ended covers nothing. As an error it would keep a replica from starting on
    // the day that it ends.
    policy::Options {
        terms: terms.clone(),
        expired: Severity::Warning,
        ..policy::Options::at(clock::now())
    }
}

fn compile(
    files: &[Source],
    resources: &[Source],
    before: &[Source],
    told: &Told,
) -> Result<Compiled, Vec<Problem>> {
    let options = options(&told.terms);
    let policy::Assembled { set, resources, broken, warnings } =
        policy::assemble(files, resources, before, &options)?;
    if set.policies().is_empty() {
        // Everything would pass. Nobody means that by a file that was emptied.
        let help = "give at least one, or do without --policies";
        return Err(vec![problem(files, "no PodPolicy in the files", Some(help))]);
    }
    let mut sources: Vec<&str> = broken.iter().map(|problem| problem.source.as_str()).collect();
    sources.dedup();
    let broken_exceptions = sources.iter().filter(|source| policy::is_exception(source)).count();
    let counts = Counts {
        policies: set.policies().len(),
        broken_policies: sources.len() - broken_exceptions,
        broken_exceptions,
    };
    let mut warnings = lines(&warnings);
    if told.no_namespace_labels && set.reads_namespace_labels() {
        warnings.push(NO_NAMESPACE_LABELS.to_owned());
    }
    let files = files.to_vec();
    Ok(Compiled { set, counts, warnings, files, resources, broken })
}

/// A problem of all files together.
fn problem(files: &[Source], message: &str, help: Option<&str>) -> Problem {
    Problem {
        severity: Severity::Error,
        source: files.first().map(|file| file.name.clone()).unwrap_or_default(),
        line: 1,
        column: 1,
        path: String::new(),
        message: message.to_owned(),
        help: help.map(str::to_owned),
    }
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn apply(store: &PolicyStore, metrics: &Metrics, compiled: Compiled) {
    let Compiled { set, counts, warnings, broken, files, resources } = compiled;
    let sources = files.into_iter().chain(resources).collect();
    let digest = set.digest().to_owned();
    metrics.policy_set(&digest, counts);
    if store.load().set.digest() == digest {
        // Comments changed, or a broken edit was taken back.
        tracing::info!(digest, "policies changed, the policy set did not");
    } else {
        let generation = store.replace(set, sources);
        tracing::info!(digest, generation, policies = counts.policies, "policy set replaced");
        for warning in warnings {
            tracing::warn!("{warning}");
        }
    }
    tell_broken(store, metrics, &broken);
}

/// Says which resources are not in force as they stand.
fn tell_broken(store: &PolicyStore, metrics: &Metrics, broken: &[Problem]) {
    let problems = lines(broken);
    if *store.problems() == problems {
        return;
    }
    if !problems.is_empty() {
        metrics.reload_failed();
    }
    for problem in &problems {
        tracing::error!("{problem}: not in force");
    }
    store.keep(problems);
}

/// Puts the first set in force.
pub fn start(compiled: Compiled, metrics: &Metrics) -> PolicyStore {
    let Compiled { set, counts, warnings, broken, files, resources } = compiled;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let (digest, exceptions) = (set.digest().to_owned(), set.exceptions().len());
    tracing::info!(digest, policies = counts.policies, exceptions, "policy set compiled");
    metrics.policy_set(&digest, counts);
    let store = PolicyStore::with_sources(set, files.into_iter().chain(resources).collect());
    tell_broken(&store, metrics, &broken);
    store
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
