//! The store: every record of every replica, once, and the questions that are asked of them.
//!
//! `SQLite` in a file, or Postgres, chosen by URL; the same statements for both.

mod actor;
mod append;
mod gaps;
mod incidents;
mod narrow;
mod partition;
mod read;
mod retain;
mod schema;
mod sql;
mod tally;
mod timeline;
mod usage;

use std::collections::HashSet;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::Mutex;

pub use self::actor::Actor;
pub use self::append::Appended;
pub use self::gaps::Lost;
pub use self::incidents::Incident;
pub use self::read::{ChainState, Decided, Repeat};
pub use self::retain::{Removed, Retention};
pub use self::timeline::{Bucket, Timeline};
pub use self::usage::{ExceptionCount, ExceptionUse, PolicySetUse, PolicyUse};
use super::chain::ChainId;
use super::destination::AppendError;

/// Connections that read at a time.
const READERS: u32 = 4;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no store.
    #[error("{given:?} names no store: give sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Url {
        /// What was given.
        given: String,
    },
    /// There is no such file.
    #[error("there is no ledger at {path}")]
    Absent {
        /// Its path.
        path: String,
    },
    /// A newer podgate wrote it.
    #[error(
        "the store is of version {version}, and this podgate knows up to {}: use a newer one",
        schema::VERSION
    )]
    Newer {
        /// Its version.
        version: i64,
    },
    /// What was to be stored is not what it says.
    #[error("record {seq} of {chain} {why}")]
    Refused {
        /// Which chain.
        chain: Box<ChainId>,
        /// Which record.
        seq: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// A line that is no record.
    #[error("not a record: {0}")]
    NotAnEntry(#[from] super::entry::NotAnEntry),
    /// The database failed.
    #[error("the store failed: {0}")]
    Database(#[from] sqlx::Error),
}

impl From<StoreError> for AppendError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused { .. } | StoreError::NotAnEntry(_) => {
                Self::Never(error.to_string())
            }
            error => Self::Later(error.to_string()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

/// A store. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    kind: Kind,
    pool: AnyPool,
    /// Held by who writes: a chain's spans are read, then written.
    writing: Arc<Mutex<()>>,
    /// The months that are known to be there.
    partitions: Arc<Mutex<HashSet<Date>>>,
}

impl Store {
    /// Opens a store that is there.
    ///
    /// # Errors
    /// As [`Store::open`], and where there is no such file.
    pub async fn open_existing(url: &str) -> Result<Self, StoreError> {
        let path = url.strip_prefix("sqlite:").filter(|path| *path != ":memory:");
        if let Some(path) = path.map(|path| path.strip_prefix("//").unwrap_or(path))
            && !std::path::Path::new(path).exists()
        {
            return Err(StoreError::Absent { path: path.to_owned() });
        }
        Self::open(url).await
    }

    /// Opens `sqlite:PATH`, `sqlite::memory:` or `postgres://…`, and makes what is not there yet.
    ///
    /// # Errors
    /// Where there is no such store, it cannot be reached, or a newer podgate wrote it.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let unknown = || StoreError::Url { given: without_password(url) };
        let (kind, url, readers) = match url.split_once(':') {
            Some(("sqlite", ":memory:")) => (Kind::Sqlite, url.to_owned(), 1),
            Some(("sqlite", path)) if !path.is_empty() => {
                let path = path.strip_prefix("//").unwrap_or(path);
                (Kind::Sqlite, format!("sqlite:{path}?mode=rwc"), READERS)
            }
            Some(("postgres" | "postgresql", _)) => (Kind::Postgres, url.to_owned(), READERS),
            _ => return Err(unknown()),
        };
        let options =
            AnyConnectOptions::from_str(&url).map_err(|_| unknown())?.disable_statement_logging();
        let pool = AnyPoolOptions::new()
            .max_connections(readers)
            // One of memory alone is gone with its connection.
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if kind == Kind::Sqlite {
                        for pragma in [
                            // Of a new file; one that is there keeps its own.
                            "PRAGMA page_size = 8192",
                            "PRAGMA journal_mode = WAL",
                            // 64 MiB: pages of indexes that change with each batch are brought over once for many.
                            "PRAGMA wal_autocheckpoint = 8192",
                            "PRAGMA synchronous = FULL",
                            // A container of ours has no folder for temporary files.
                            "PRAGMA temp_store = MEMORY",
                            "PRAGMA busy_timeout = 10000",
                            "PRAGMA case_sensitive_like = ON",
                            "PRAGMA cache_size = -65536",
                        ] {
                            connection.execute(pragma).await?;
                        }
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        let store = Self { kind, pool, writing: Arc::default(), partitions: Arc::default() };
        let mut connection = store.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        if kind == Kind::Postgres {
            // Two that start at once make the tables one after the other.
            sqlx::query("SELECT CAST(pg_advisory_xact_lock(7063474) AS TEXT)")
                .execute(&mut *transaction)
                .await?;
        }
        schema::migrate(&mut transaction, kind).await?;
        transaction.commit().await?;
        drop(connection);
        Ok(store)
    }
}

/// The URL as it may be shown.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_password("postgres://u:s3cret@h:1/d"), "postgres://…@h:1/d");
        assert_eq!(without_password("sqlite:ledger.db"), "sqlite:ledger.db");
    }
}
