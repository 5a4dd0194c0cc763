//! `podgate test`: policies held to cases, by the function that the webhook calls.

mod case;
mod coverage;
mod document;
mod mutants;
mod watch;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::ValueEnum;

use self::coverage::Tally;
use self::document::TestDocument;
pub(super) use self::document::schema;
use super::exit::{ExitStatus, print_with};
use super::{inputs, judge, policies};
use crate::policy::{self, Options, PolicySet, Severity, Source, Terms, Watched, load};
use crate::report;
use crate::report::cases::{Report, Suite};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Output format
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Turn each rule off, and make each milder, and name those that no case notices
    #[arg(long)]
    mutants: bool,
    /// Tell which rules no case keeps or breaks, and which ways through expressions none takes
    #[arg(long)]
    coverage: bool,
    /// The same, and exit with 1 where less than this is covered
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
    min_coverage: Option<u8>,
    /// Run again whenever a test, or a policy that it names, changes
    #[arg(long)]
    watch: bool,
    /// Files with `PolicyTest` documents, or folders to look for them in
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person
    Text,
    /// JUnit XML, a test case a case
    Junit,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    if args.watch {
        return watch::run(args);
    }
    let report = report(args)?;
    print_with(|out| print(args, &report, out))?;
    Ok(if report.is_clean() { ExitStatus::Clean } else { ExitStatus::Violations })
}

/// What comes of all cases.
fn report(args: &Args) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let covers = args.coverage || args.min_coverage.is_some();
    let mut tally = Tally::default();
    for (file, document) in documents(&args.paths)? {
        let policies = Policies::of(&file, &document)?;
        let (set, watched) =
            if covers { policies.watched()? } else { (policies.compile()?, Vec::new()) };
        let mut suite = Suite::new(&file.display().to_string(), &document.name);
        for case in &document.cases {
            let decision = case::decide(case, &set, policies.options.now)?;
            tally.note(&watched, &decision);
            suite.cases.push(case::told(case, &decision));
        }
        if args.mutants && suite.failed() == 0 {
            suite.mutants = mutants::survivors(&policies, &document)?;
        }
        report.suites.push(suite);
    }
    if report.suites.is_empty() {
        bail!(
            "no PolicyTest document was found; one starts with `apiVersion: podgate.dev/v1` and `kind: PolicyTest`"
        );
    }
    report.coverage = covers.then(|| tally.end(args.min_coverage.unwrap_or_default()));
    Ok(report)
}

fn print(args: &Args, report: &Report, out: &mut impl Write) -> io::Result<()> {
    match args.output {
        Format::Text => report::cases::text(report, out),
        Format::Junit => report::cases::junit(report, out),
    }
}

/// All tests in these files and folders. Other documents are left alone: they are policies, or what is judged.
fn documents(paths: &[PathBuf]) -> anyhow::Result<Vec<(PathBuf, TestDocument)>> {
    let mut documents = Vec::new();
    for file in inputs::files(paths)? {
        let text = inputs::text(&file)?;
        let found = document::read(&text);
        let found = found.map_err(|error| anyhow::anyhow!("{}:{error}", file.display()))?;
        documents.extend(found.into_iter().map(|document| (file.clone(), document)));
    }
    Ok(documents)
}

/// The files and folders of the policies that the test in `file` is about.
fn policy_paths(file: &Path, document: &TestDocument) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    document.policies.iter().map(|path| folder.join(path)).collect()
}

/// The policies that a test is about.
struct Policies {
    sources: Vec<Source>,
    options: Options,
}

impl Policies {
    fn of(file: &Path, document: &TestDocument) -> anyhow::Result<Self> {
        let sources = load::read(&policy_paths(file, document))
            .map_err(|problems| policies::problems(&problems))?;
        let options = Options {
            now: document.time.unwrap_or_else(judge::now),
            terms: Terms { trusted_labels: document.trusted_labels.clone(), ..Terms::default() },
            // A case may be about the day after.
            expired: Severity::Warning,
            admission_policies: true,
        };
        Ok(Self { sources, options })
    }

    fn compile(&self) -> anyhow::Result<PolicySet> {
        let compiled = policy::compile(&self.sources, &self.options);
        compiled.map(|(set, _)| set).map_err(|problems| policies::problems(&problems))
    }

    /// The same, noting what it is asked.
    fn watched(&self) -> anyhow::Result<(PolicySet, Vec<Watched>)> {
        let compiled = policy::compile_watched(&self.sources, &self.options);
        compiled.map_err(|problems| policies::problems(&problems))
    }
}
