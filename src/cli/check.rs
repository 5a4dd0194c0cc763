//! `podgate check`: manifests judged offline, by the function that the webhook calls.

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use jiff::Timestamp;

use super::exit::{ExitStatus, closed_pipe_is_fine};
use super::inputs;
use super::policies::{self, PolicyArgs};
use crate::admission::NamespaceLabels;
use crate::engine::{self, Scope};
use crate::manifest::{self, Document};
use crate::policy::{PolicySet, Severity};
use crate::report::{self, Entry, Outcome, Report};
use crate::yaml;

/// After how long a person is told that work goes on.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    policies: PolicyArgs,
    /// Judge by a Pod Security Standard instead of policies: baseline or restricted, with @v1.N for
    /// a version
    #[arg(long, value_name = "LEVEL[@VERSION]", conflicts_with = "policies")]
    standard: Option<String>,
    /// Namespace of objects that name none
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Output format
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
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
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the judgement is given the time, and here it starts"
    )]
    let now = Timestamp::now();
    let sources = match &args.standard {
        Some(standard) => Ok(vec![policies::standard(standard)?]),
        None => args.policies.sources(),
    };
    let compiled =
        sources.and_then(|sources| args.policies.compile(&sources, now, Severity::Error));
    let (set, warnings) = compiled.map_err(|problems| policies::problems(&problems))?;
    for warning in warnings {
        writeln!(io::stderr(), "{warning}")?;
    }
    let report = judge_files(args, &set, now)?;
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    closed_pipe_is_fine(match args.output {
        Format::Text => report::text::write(&report, &mut out),
        Format::Json => report::json::write(&report, &mut out),
    })?;
    Ok(if report.failed() > 0 {
        ExitStatus::Failed
    } else if report.has_violations() {
        ExitStatus::Violations
    } else {
        ExitStatus::Clean
    })
}

fn judge_files(args: &Args, set: &PolicySet, now: Timestamp) -> anyhow::Result<Report> {
    let files = inputs::files(&args.paths)?;
    let mut progress = Progress::new();
    let mut read = Vec::with_capacity(files.len());
    for (index, path) in files.iter().enumerate() {
        progress.show(index, files.len());
        read.push((path.display().to_string(), read_file(path)));
    }
    progress.clear();
    // A namespace may stand after the pods that live in it, and in another file.
    let documents = read.iter().filter_map(|(_, read)| read.as_ref().ok()).flatten();
    let namespaces: Namespaces<'_> = documents.filter_map(Document::namespace_labels).collect();
    let judge = Judge { set, namespaces, namespace: &args.namespace, now };
    let mut report = Report::default();
    for (file, read) in &read {
        match read {
            Ok(documents) => {
                report.entries.extend(documents.iter().map(|document| judge.judge(file, document)));
            }
            Err((line, error)) => report.entries.push(unreadable(file, *line, error)),
        }
    }
    Ok(report)
}

/// The objects of a file, or the line and the reason where it cannot be read.
fn read_file(path: &Path) -> Result<Vec<Document>, (u32, String)> {
    let text = inputs::text(path).map_err(|error| (0, format!("{error:#}")))?;
    manifest::read(&text).map_err(|error| {
        let yaml::YamlError { line, column, message } = &error;
        (*line, format!("line {line}, column {column}: {message}"))
    })
}

/// The labels of namespaces, by name.
type Namespaces<'d> = HashMap<&'d str, NamespaceLabels>;

struct Judge<'j> {
    set: &'j PolicySet,
    /// The namespaces among the inputs; there is nobody else to ask.
    namespaces: Namespaces<'j>,
    /// Namespace of objects that name none.
    namespace: &'j str,
    now: Timestamp,
}

impl Judge<'_> {
    fn judge(&self, file: &str, document: &Document) -> Entry {
        let mut attributes = document.attributes(self.namespace);
        attributes.namespace_labels = self.namespaces.get(&*attributes.namespace).cloned();
        let identity = format!("{file}#{}", document.index);
        let mut not_judged_by = Vec::new();
        let result = if document.kind.is_empty() {
            Outcome::Skipped("is not a Kubernetes object: it has no kind")
        } else {
            let mut decision =
                engine::decide(self.set, &attributes, Scope::All, &identity, self.now);
            not_judged_by = decision.forget_unknown_labels();
            match (&decision.failure, decision.not_judged) {
                (Some(failure), _) => Outcome::Failed(failure.clone()),
                (None, Some(reason)) => Outcome::Skipped(reason.as_str()),
                (None, None) => {
                    let line =
                        |v: &engine::Violation| document.line_of(&v.finding.path.to_string());
                    let lines = decision.violations.iter().map(line).collect();
                    Outcome::Judged(decision, lines)
                }
            }
        };
        Entry {
            file: file.to_owned(),
            document: document.index,
            line: document.line(),
            api_version: document.api_version.clone(),
            kind: document.kind.clone(),
            namespace: attributes.namespace.to_string(),
            name: document.name.clone(),
            not_judged_by,
            result,
        }
    }
}

fn unreadable(file: &str, line: u32, error: &str) -> Entry {
    Entry {
        file: file.to_owned(),
        document: 0,
        line,
        api_version: String::new(),
        kind: String::new(),
        namespace: String::new(),
        name: String::new(),
        not_judged_by: Vec::new(),
        result: Outcome::Failed(error.to_owned()),
    }
}

/// A line on the terminal that tells a person how far the work is.
struct Progress {
    started: Instant,
    is_terminal: bool,
    shown: bool,
}

impl Progress {
    #[expect(clippy::disallowed_methods, reason = "tells a person how long it takes")]
    fn new() -> Self {
        Self { started: Instant::now(), is_terminal: io::stderr().is_terminal(), shown: false }
    }

    fn show(&mut self, done: usize, all: usize) {
        if self.is_terminal && self.started.elapsed() > PATIENCE {
            self.shown = true;
            // A terminal that cannot be written to misses nothing that matters.
            let _ = write!(io::stderr(), "\r\x1b[2K{done} of {all} files");
        }
    }

    fn clear(&self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}
