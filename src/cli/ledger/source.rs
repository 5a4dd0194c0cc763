//! Where records are read from: a store, or files that are read into one of memory, so that there is one way to ask.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;

use super::lines;
use crate::ledger::Entry;
use crate::ledger::chain::ChainId;
use crate::ledger::store::Store;

/// Bytes of a chain's lines that are taken in at a time.
const BATCH_BYTES: usize = 1 << 20;

/// The flag that says where.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Source {
    /// Store, as sqlite:PATH or `postgres://USER@HOST/DATABASE`; or files with records, one on a line: segments of a spool,
    /// lines saved from standard output, exports. A folder gives its segments, - is standard input; may be repeated
    #[arg(long, value_name = "URL|FILE|DIR|-")]
    ledger: Vec<String>,
}

/// Whether a text names a store, and not a file.
pub(super) fn is_url(text: &str) -> bool {
    ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| text.starts_with(scheme))
}

impl Source {
    /// Whether it names none.
    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.ledger.is_empty()
    }

    /// The store.
    pub(in crate::cli) async fn open(&self) -> anyhow::Result<Store> {
        if self.is_empty() {
            bail!(
                "where are the records? --ledger names a store (sqlite:PATH, postgres://…) or files with them"
            );
        }
        if let [url] = &self.ledger[..]
            && is_url(url)
        {
            return Ok(Store::open_existing(url).await?);
        }
        if self.ledger.iter().any(|given| is_url(given)) {
            bail!("--ledger takes one store, or files: not both, nor two stores");
        }
        let paths: Vec<PathBuf> = self.ledger.iter().map(PathBuf::from).collect();
        let mut files = Files { chains: BTreeMap::new(), refused: 0, records: 0 };
        let store = Store::open("sqlite::memory:").await?;
        for path in lines::files(&paths)? {
            let mut read = Vec::new();
            lines::read(&path, |line, _| read.extend(Entry::read(line).ok()))?;
            for entry in read {
                files.add(&store, entry).await?;
            }
        }
        files.finish(&store).await
    }
}

/// Records of files on their way into a store.
struct Files {
    chains: BTreeMap<ChainId, String>,
    refused: u64,
    records: u64,
}

impl Files {
    async fn add(&mut self, store: &Store, entry: Entry) -> anyhow::Result<()> {
        self.records += 1;
        let lines = self.chains.entry(entry.chain.clone()).or_default();
        lines.push_str(&entry.line);
        lines.push('\n');
        if lines.len() >= BATCH_BYTES {
            let lines = std::mem::take(lines);
            self.refused += take(store, &entry.chain, &lines).await?;
        }
        Ok(())
    }

    async fn finish(mut self, store: &Store) -> anyhow::Result<Store> {
        for (chain, lines) in std::mem::take(&mut self.chains) {
            self.refused += take(store, &chain, &lines).await?;
        }
        if self.records == 0 {
            bail!(
                "no record in what was given: records are lines of JSON that podgate serve writes"
            );
        }
        if self.refused > 0 {
            tell(self.refused);
        }
        Ok(store.clone())
    }
}

/// Takes lines in; one by one, where something is wrong with one of them. How many were refused.
async fn take(store: &Store, chain: &ChainId, lines: &str) -> anyhow::Result<u64> {
    if store.append(chain, lines).await.is_ok() {
        return Ok(0);
    }
    let mut refused = 0;
    for line in lines.lines() {
        refused += u64::from(store.append(chain, line).await.is_err());
    }
    Ok(refused)
}

#[expect(clippy::print_stderr, reason = "beside the answer, which goes to standard output")]
fn tell(refused: u64) {
    eprintln!(
        "podgate: {refused} records are not as they were written, and are left out: podgate ledger verify names them"
    );
}
