//! `podgate fix`: what the webhook would fill in on the way in, written into the manifests themselves.

mod diff;
mod file;
mod repair;

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::ValueEnum;

use super::exit::{ExitStatus, closed_pipe_is_fine};
use super::inputs;
use super::judge::{self, Judge, JudgeArgs};
use super::progress::Progress;
use crate::manifest::{self, Document};
use crate::report::fix::{Object, Repairs};
use crate::rules::Applicability;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    judge: JudgeArgs,
    /// Print what would change, and write nothing
    #[arg(long)]
    diff: bool,
    /// What may be filled in, whatever the policies say of fixing
    #[arg(long, value_enum, default_value_t = UpTo::Safe)]
    applicability: UpTo,
    /// Manifests: files, folders, or - for standard input, which is written to standard output
    #[arg(value_name = "FILE|DIR|-", required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UpTo {
    /// Only what a working program cannot tell the difference of
    Safe,
    /// Also what a program may have leaned on the default of
    All,
}

/// A file that was read.
struct Manifest {
    text: String,
    documents: Vec<Document>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let now = judge::now();
    let set = args.judge.policies(now)?;
    let files = once(inputs::files(&args.paths)?)?;
    let mut progress = Progress::new();
    let mut repairs = Repairs { is_trial: args.diff, ..Repairs::default() };
    let mut read = Vec::with_capacity(files.len());
    for (index, path) in files.iter().enumerate() {
        progress.show(index, files.len());
        read.push((path, read_file(path)));
    }
    progress.clear();
    let manifests = read.iter().filter_map(|(_, read)| read.as_ref().ok());
    let documents = manifests.flat_map(|manifest| &manifest.documents);
    let judge = Judge::new(&args.judge, &set, documents, now);
    let up_to = match args.applicability {
        UpTo::Safe => Applicability::Safe,
        UpTo::All => Applicability::Risky,
    };
    let mut out = io::stdout().lock();
    for (path, read) in &read {
        let outcome = match read {
            Ok(manifest) => one(args, &judge, up_to, path, manifest, &mut out)
                .map_err(|error| (0, format!("{error:#}"))),
            Err(error) => Err(error.clone()),
        };
        match outcome {
            Ok((objects, is_changed)) => {
                repairs.objects.extend(objects);
                repairs.files += usize::from(is_changed);
            }
            Err((line, error)) => {
                let entry = judge::unreadable(&path.display().to_string(), line, &error);
                repairs.objects.push(Object::failed(entry));
            }
        }
    }
    let mut told = anstream::AutoStream::auto(io::stderr().lock());
    // Nobody who closed standard error wants to hear of it; the exit code says the rest.
    let _ = repairs.write(&mut told);
    Ok(if repairs.failed() > 0 {
        ExitStatus::Failed
    } else if repairs.left() > 0 {
        ExitStatus::Violations
    } else {
        ExitStatus::Clean
    })
}

/// Repairs one file, and says what became of its objects and whether it changed.
fn one(
    args: &Args,
    judge: &Judge<'_>,
    up_to: Applicability,
    path: &Path,
    manifest: &Manifest,
    out: &mut impl Write,
) -> anyhow::Result<(Vec<Object>, bool)> {
    let Manifest { text, documents } = manifest;
    let name = path.display().to_string();
    let (repaired, objects) = repair::repair(judge, (up_to, args.diff), &name, text, documents)?;
    let is_changed = repaired != *text;
    if args.diff {
        closed_pipe_is_fine(out.write_all(diff::unified(path, text, &repaired).as_bytes()))?;
    } else if path.as_os_str() == "-" {
        closed_pipe_is_fine(out.write_all(repaired.as_bytes()).and_then(|()| out.flush()))?;
    } else if is_changed {
        file::replace(path, text, &repaired)?;
    }
    Ok((objects, is_changed))
}

/// Each file once, however often it was named.
fn once(paths: Vec<PathBuf>) -> anyhow::Result<Vec<PathBuf>> {
    if paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        bail!("standard input can be read once only; name - once");
    }
    let mut seen = HashSet::new();
    let is_new = |path: &PathBuf| {
        // What cannot be found is told when it is read.
        seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone()))
    };
    Ok(paths.into_iter().filter(is_new).collect())
}

fn read_file(path: &Path) -> Result<Manifest, (u32, String)> {
    let text = inputs::text(path).map_err(|error| (0, format!("{error:#}")))?;
    let documents = manifest::read(&text).map_err(|error| judge::at_line(&error))?;
    Ok(Manifest { text, documents })
}
