//! Podgate in a cluster whose nodes run pods: one of our own, or the one of `PODGATE_KUBECONFIG`.
//!
//! One cluster serves all tests. The first group runs side by side; what a test of the second does, the whole cluster feels,
//! so each has it to itself.

mod admission;
mod book;
mod installed;
mod ledger;
mod pods;
mod repair;
mod staying_up;

use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use e2e::cluster::{KEEP, KUBECONFIG};
use e2e::{Cluster, Outcome, release, say};
use libtest_mimic::{Arguments, Trial};

/// One test.
type Test = fn(&Cluster) -> Outcome;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Whoever asks for the names only, need not wait for a cluster.
    let cluster =
        (!arguments.list).then(|| Arc::new(Cluster::connect().expect("there is a cluster")));
    let trials = |tests: &[(&str, Test)]| -> Vec<Trial> {
        tests.iter().map(|(name, test)| trial(name, *test, cluster.clone())).collect()
    };

    let beside =
        [pods::TESTS, admission::TESTS, repair::TESTS, ledger::TESTS, book::TESTS].concat();
    let beside = libtest_mimic::run(&arguments, trials(&beside));
    arguments.test_threads = Some(1);
    // Nobody else's servers are ours to stop.
    let given = env::var_os(KUBECONFIG).is_some();
    let owners = trials(staying_up::OWNERS_TESTS);
    let owners = owners.into_iter().map(|trial| trial.with_ignored_flag(given));
    let alone = trials(staying_up::TESTS)
        .into_iter()
        .chain(trials(ledger::ALONE))
        .chain(owners)
        .chain(trials(staying_up::LAST))
        .collect();
    let alone = libtest_mimic::run(&arguments, alone);

    if let Some(cluster) = cluster {
        leave(&cluster);
    }
    if beside.has_failed() || alone.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn trial(name: &str, test: Test, cluster: Option<Arc<Cluster>>) -> Trial {
    Trial::test(name, move || {
        let cluster = cluster.expect("only a list has no cluster");
        test(&cluster).map_err(|failure| match failure {})
    })
}

/// Whose cluster this is not, finds it as it was.
fn leave(cluster: &Cluster) {
    if env::var_os(KEEP).is_some() {
        say(format_args!(
            "kept, until Ctrl-C: export KUBECONFIG={}",
            cluster.kubeconfig().display()
        ));
        loop {
            std::thread::park();
        }
    }
    if env::var_os(KUBECONFIG).is_some() {
        release::remove(cluster).expect("podgate is removed");
    }
}
