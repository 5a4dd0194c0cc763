//! The command line: the arguments, and one file a command.

mod check;
mod cluster;
mod doctor;
mod exceptions;
mod exit;
mod explain;
mod fix;
mod inputs;
mod judge;
mod ledger;
mod man;
mod output;
mod period;
mod policies;
mod progress;
mod prove;
mod reference;
mod schemas;
mod serve;
mod test;

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::ExitStatus;
pub use reference::reference;
pub use schemas::schemas;

/// The gate between a pod and the kernel it shares.
#[derive(Debug, Parser)]
#[command(name = "podgate", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer `AdmissionReviews` over HTTPS
    Serve(Box<serve::Args>),
    /// Judge manifests offline, as the webhook would
    Check(check::Args),
    /// Write into manifests what policies want and their authors left out
    ///
    /// Comments, order and style stay as they are, and what somebody wrote is never overwritten. What was filled in, and
    /// what was not and why, goes to standard error. Exits with 0 where nothing is left that is violated, with 1 where
    /// something is, and with 2 where the job could not be done; with --diff as without.
    Fix(fix::Args),
    /// List exceptions, and which of them somebody should look at
    ///
    /// That are those that have ended or soon will, that hold in every namespace, and, by what a ledger tells, that nothing
    /// needed, in whole or in part. Exits with 0 where there is none, with 1 where there is one, and with 2 where the job
    /// could not be done.
    Exceptions(exceptions::Args),
    /// Print what a rule reads and why it matters, what a field takes, or what was decided
    Explain(explain::Args),
    /// Hold policies to cases: requests, and what must become of them
    ///
    /// Exits with 0 where all is as expected, with 1 where something is not, and with 2 where the job could not be done.
    Test(test::Args),
    /// Ask the cluster, by a dry run, for a pod that it must refuse
    ///
    /// Exits with 0 where podgate refuses it, with 1 where it would be let in, and with 2 where podgate was not asked.
    Prove(prove::Args),
    /// Look at an installation in a cluster, and say what to do where it is not sound
    Doctor(doctor::Args),
    /// Read what was decided, and prove that nothing is missing
    #[command(subcommand)]
    Ledger(Box<ledger::Command>),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages, one a command
    Man(man::Args),
    /// Print the version
    Version,
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// Where the job could not be done: the caller exits with 2.
    pub fn run(self) -> anyhow::Result<ExitStatus> {
        match self.command {
            Command::Serve(args) => serve::run(*args).map(|()| ExitStatus::Clean),
            Command::Check(args) => check::run(&args),
            Command::Fix(args) => fix::run(&args),
            Command::Test(args) => test::run(&args),
            Command::Exceptions(args) => exceptions::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Prove(args) => prove::run(&args),
            Command::Doctor(args) => doctor::run(&args),
            Command::Ledger(command) => ledger::run(&command),
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "podgate", &mut script);
                exit::print(&script)
            }
            Command::Man(args) => man::run(&args),
            Command::Version => {
                let rules = crate::rules::ALL.len();
                let newest = crate::policy::standard::NEWEST;
                let version = env!("CARGO_PKG_VERSION");
                exit::print(
                    format!(
                        "podgate {version}\nrules {rules}\nPod Security Standards up to v1.{newest}\n"
                    )
                    .as_bytes(),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What clap would otherwise say by a panic, when a command is first run.
    #[test]
    fn arguments_fit_together() {
        Cli::command().debug_assert();
    }
}
