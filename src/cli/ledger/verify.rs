//! `podgate ledger verify`: reads records from files, folders and standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use crate::cli::exit::{ExitStatus, closed_pipe_is_fine};
use crate::ledger::signature::PublicKey;
use crate::ledger::spool::{self, Segment};
use crate::ledger::verify::{Place, Verifier};
use crate::report;

/// The longest line that is read, in bytes: longer than any record of a review of 8 MiB.
const LINE_LIMIT: u64 = 64 << 20;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Files with records, one on a line: segments of a spool, lines saved from standard output, exports. A folder gives
    /// its segments, - is standard input
    #[arg(required = true, value_name = "FILE|DIR|-")]
    paths: Vec<PathBuf>,
    /// The key that must have signed: a PEM file, or the public key itself as `podgate ledger key` prints it
    #[arg(long, value_name = "FILE|KEY")]
    key: Option<String>,
    /// Output format
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person
    Text,
    /// One JSON object
    Json,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let key = args.key.as_deref().map(key).transpose()?;
    let mut verifier = Verifier::new(key);
    for path in files(&args.paths)? {
        read(&path, &mut verifier).with_context(|| format!("cannot read {}", path.display()))?;
    }
    let found = verifier.finish();
    if found.chains.is_empty() && found.unreadable.is_empty() {
        bail!("no record in what was given: records are lines of JSON that podgate serve writes");
    }
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    closed_pipe_is_fine(match args.output {
        Format::Text => report::ledger::text(&found, key.is_some(), &mut out),
        Format::Json => report::ledger::json(&found, &mut out),
    })?;
    Ok(if found.is_sound() { ExitStatus::Clean } else { ExitStatus::Violations })
}

fn key(given: &str) -> anyhow::Result<PublicKey> {
    if let Ok(key) = PublicKey::read(given) {
        return Ok(key);
    }
    let text = std::fs::read_to_string(given)
        .with_context(|| format!("cannot read the key in {given}"))?;
    PublicKey::read(&text).with_context(|| format!("the key in {given} cannot be used"))
}

/// The files, a folder's segments in the order in which they were written.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let segments = spool::segments(path)?;
            if segments.is_empty() {
                bail!("{} holds no segment of a spool", path.display());
            }
            files.extend(segments.into_iter().map(|segment| segment.path));
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn read(path: &Path, verifier: &mut Verifier) -> anyhow::Result<()> {
    let is_input = path.as_os_str() == "-";
    let mut lines: Box<dyn BufRead> = if is_input {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path)?))
    };
    let name = if is_input { "standard input".to_owned() } else { path.display().to_string() };
    let mut place = Place { source: Arc::from(name.as_str()), line: 0 };
    let segment = Segment::named(path);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut lines, LINE_LIMIT).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        place.line += 1;
        let text = String::from_utf8_lossy(&line);
        if let (Some((boot, first)), 1) = (&segment, place.line) {
            verifier.segment(boot, *first, &name, &text, &place);
        }
        if text.ends_with('\n') {
            verifier.read(&text, &place);
        } else {
            verifier.read_last(&text, &place);
        }
    }
}
