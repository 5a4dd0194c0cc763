//! The reference of the command line, made from the arguments themselves.

use std::fmt::Write;

use clap::CommandFactory;

use super::Cli;

/// Every command's help as one Markdown page: `docs/cli.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Command line\n\nMade from the arguments themselves by `make generate`.\n\n\
         Exit codes: 0 nothing violated, 1 violations, 2 the job could not be done. A closed pipe is 0.\n",
    );
    let mut command = Cli::command().term_width(100);
    command.build();
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let help = sub.clone().render_long_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(
            page,
            "\n## podgate {}\n\n```text\n{}\n```\n",
            sub.get_name(),
            help.join("\n").trim_end()
        );
    }
    page
}
