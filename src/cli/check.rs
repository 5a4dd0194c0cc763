//! `podgate check`: manifests judged offline, by the function that the webhook calls.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::ValueEnum;
use jiff::Timestamp;

use super::exit::{ExitStatus, print_with};
use super::inputs;
use super::judge::{self, Judge, JudgeArgs};
use super::policies::Policies;
use super::progress::Progress;
use crate::manifest::{self, Document};
use crate::report::{self, Report};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    judge: JudgeArgs,
    /// Output format
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Folder in which the paths begin that Helm and kustomize print: that of the charts, or of the
    /// kustomization
    #[arg(long, value_name = "DIR", default_value = ".")]
    source_root: PathBuf,
    /// Manifests: files, folders, or - for standard input
    #[arg(value_name = "FILE|DIR|-", required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person
    Text,
    /// One JSON array
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, a test case an object
    Junit,
    /// Workflow commands, which GitHub shows as annotations
    Github,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let now = judge::now();
    let policies = args.judge.policies(now)?;
    let report = judge_files(args, &policies, now)?;
    print_with(|out| match args.output {
        Format::Text => report::text::write(&report, out),
        Format::Json => report::json::write(&report, out),
        Format::Sarif => report::sarif::write(&report, out),
        Format::Junit => report::junit::write(&report, out),
        Format::Github => report::github::write(&report, out),
    })?;
    Ok(if report.failed() > 0 {
        ExitStatus::Failed
    } else if report.has_violations() {
        ExitStatus::Violations
    } else {
        ExitStatus::Clean
    })
}

fn judge_files(args: &Args, policies: &Policies, now: Timestamp) -> anyhow::Result<Report> {
    let files = inputs::files(&args.paths)?;
    if !args.source_root.is_dir() {
        bail!(
            "--source-root {}: there is no such folder; name the one that holds the charts, or the kustomization",
            args.source_root.display()
        );
    }
    let mut progress = Progress::new();
    let mut read = Vec::with_capacity(files.len());
    for (index, path) in files.iter().enumerate() {
        progress.show(index, files.len());
        read.push((path.display().to_string(), read_file(path)));
    }
    progress.clear();
    let documents = read.iter().filter_map(|(_, read)| read.as_ref().ok()).flatten();
    let judge =
        Judge::new(&args.judge, policies, documents, now).with_source_root(&args.source_root);
    let mut report = Report::default();
    for (file, read) in &read {
        match read {
            Ok(documents) => {
                report.entries.extend(documents.iter().map(|document| judge.judge(file, document)));
            }
            Err((line, error)) => report.entries.push(judge::unreadable(file, *line, error)),
        }
    }
    Ok(report)
}

/// The objects of a file, or the line and the reason where it cannot be read.
fn read_file(path: &Path) -> Result<Vec<Document>, (u32, String)> {
    let text = inputs::text(path).map_err(|error| (0, format!("{error:#}")))?;
    manifest::read(&text).map_err(|error| judge::at_line(&error))
}
