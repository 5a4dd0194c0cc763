//! `podgate ledger verify`: records of files, folders, standard input and stores.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::lines;
use super::source::is_url;
use crate::cli::exit::{ExitStatus, print_with};
use crate::cli::output::Format;
use crate::ledger::signature::PublicKey;
use crate::ledger::spool::Segment;
use crate::ledger::store::Store;
use crate::ledger::verify::{Place, Stub, Verifier};
use crate::report;

/// Records that are asked of a store at a time.
const PIECE: usize = 5_000;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Stores by URL, and files with records, one on a line: segments of a spool, lines saved from standard output,
    /// exports. A folder gives its segments, - is standard input
    #[arg(required = true, value_name = "URL|FILE|DIR|-")]
    ledger: Vec<String>,
    /// The key that must have signed: a PEM file, or the public key itself as `podgate ledger key` prints it
    #[arg(long, value_name = "FILE|KEY")]
    key: Option<String>,
    /// Output format
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[tokio::main(flavor = "current_thread")]
pub(super) async fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let key = args.key.as_deref().map(key).transpose()?;
    let mut verifier = Verifier::new(key);
    let (urls, paths): (Vec<&String>, Vec<&String>) = args.ledger.iter().partition(|l| is_url(l));
    for url in urls {
        read_store(url, &mut verifier).await?;
    }
    let paths: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
    for path in lines::files(&paths)? {
        let segment = Segment::named(&path);
        let name = path.display().to_string();
        lines::read(&path, |line, place| {
            if let (Some((boot, first)), 1) = (&segment, place.line) {
                verifier.segment(boot, *first, &name, line, place);
            }
            if line.ends_with('\n') {
                verifier.read(line, place);
            } else {
                verifier.read_last(line, place);
            }
        })?;
    }
    let found = verifier.finish();
    if found.chains.is_empty() && found.unreadable.is_empty() {
        bail!("no record in what was given: records are lines of JSON that podgate serve writes");
    }
    print_with(|out| match args.output {
        Format::Text => report::ledger::verify::text(&found, key.is_some(), out),
        Format::Json => report::ledger::verify::json(&found, out),
    })?;
    Ok(if found.is_sound() { ExitStatus::Clean } else { ExitStatus::Violations })
}

/// Reads every record of a store.
async fn read_store(url: &str, verifier: &mut Verifier) -> anyhow::Result<()> {
    let store = Store::open_existing(url).await?;
    let source: Arc<str> = Arc::from(url.split_once(':').map_or(url, |(kind, _)| kind));
    for state in store.chains().await? {
        verifier.removed(Stub { chain: state.chain.clone(), head: state.removed });
        let mut after = 0;
        loop {
            let piece = store.lines(&state.chain, after, PIECE).await?;
            let Some((last, _)) = piece.last() else { break };
            after = *last;
            for (line, text) in piece {
                verifier.read(&text, &Place { source: Arc::clone(&source), line });
            }
        }
    }
    Ok(())
}

fn key(given: &str) -> anyhow::Result<PublicKey> {
    if let Ok(key) = PublicKey::read(given) {
        return Ok(key);
    }
    let text = std::fs::read_to_string(given)
        .with_context(|| format!("cannot read the key in {given}"))?;
    PublicKey::read(&text).with_context(|| format!("the key in {given} cannot be used"))
}
