//! The ledger's store, on both databases: every test runs on `SQLite` in a file and on a real Postgres.
#![allow(clippy::panic, reason = "helpers of tests may fail as tests do")]

mod append;
mod hostile;
mod many;
mod query;
mod retention;
mod who;

use std::path::PathBuf;
use std::sync::LazyLock;

use e2e::Postgres;
use jiff::Timestamp;
use podgate::ledger::store::Store;

/// One server for all tests; each has a database of its own.
static POSTGRES: LazyLock<Postgres> = LazyLock::new(|| Postgres::start().expect("a Postgres"));

/// When the tests' records begin.
fn start() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().expect("a moment")
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs `test` on a new store of each kind.
fn on_both<F: Future<Output = anyhow::Result<()>>>(name: &str, test: impl Fn(Store) -> F) {
    let folder =
        Folder(std::env::temp_dir().join(format!("podgate-store-{name}-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).expect("a folder");
    let sqlite = format!("sqlite:{}", folder.0.join("ledger.db").display());
    let postgres = POSTGRES.database(name).expect("a database");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for url in [sqlite, postgres] {
        let tested = runtime.block_on(async {
            let store = Store::open(&url).await?;
            test(store).await
        });
        if let Err(error) = tested {
            panic!("on {}: {error:?}", url.split(':').next().unwrap_or_default());
        }
    }
}
