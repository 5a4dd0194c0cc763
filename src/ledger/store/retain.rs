//! What is kept for how long. What is removed leaves a stub, the last hash, so that what follows can still be checked.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqlx::{Connection as _, Row as _};

use super::sql::{Sql, number};
use super::{Kind, Store, StoreError, tally};

/// Records that one transaction removes.
const BATCH: i64 = 5_000;

/// What is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// For how long.
    pub age: Option<Duration>,
    /// How many bytes, at most.
    pub bytes: Option<u64>,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many records.
    pub records: u64,
}

impl Store {
    /// Removes what need not be kept any longer, from the beginning of each chain.
    ///
    /// # Errors
    /// Where the database fails. What was removed until then stays removed.
    pub async fn retain(&self, keep: &Retention, now: Timestamp) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        if let Some(age) = keep.age {
            let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
            let before = now.checked_sub(age).unwrap_or(Timestamp::MIN);
            removed.records += self.remove_before(before.as_microsecond()).await?;
        }
        if let Some(bytes) = keep.bytes {
            while self.bytes().await? > bytes {
                // The oldest go, some at a time, until it fits.
                let oldest = "SELECT MAX(time) FROM (SELECT time FROM records ORDER BY time LIMIT 5000) AS oldest";
                let row = sqlx::query(oldest).fetch_one(&self.pool).await?;
                let Some(time) = row.try_get::<Option<i64>, _>(0)? else { break };
                let more = self.remove_before(time.saturating_add(1)).await?;
                if more == 0 {
                    break;
                }
                removed.records += more;
            }
        }
        Ok(removed)
    }

    /// Bytes that the records take, without what the database holds free.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bytes(&self) -> Result<u64, StoreError> {
        let statement = match self.kind {
            Kind::Sqlite => {
                "SELECT (p.page_count - f.freelist_count) * s.page_size \
                 FROM pragma_page_count() p, pragma_freelist_count() f, pragma_page_size() s"
            }
            Kind::Postgres => "SELECT pg_database_size(current_database())",
        };
        let row = sqlx::query(statement).fetch_one(&self.pool).await?;
        Ok(number(&row, 0)?)
    }

    async fn remove_before(&self, before: i64) -> Result<u64, StoreError> {
        let chains = sqlx::query("SELECT id FROM chains").fetch_all(&self.pool).await?;
        let mut removed = 0;
        for chain in chains {
            let chain: i64 = chain.try_get(0)?;
            loop {
                let more = self.remove_some(chain, before).await?;
                removed += more;
                if more == 0 {
                    break;
                }
            }
        }
        let mut delete = Sql::new(
            "DELETE FROM changes WHERE EXISTS (SELECT 1 FROM changes newer WHERE newer.uid = changes.uid AND newer.time > changes.time \
             AND newer.time < ",
        );
        // Who is behind what is still there must stay known: the last change before that moment is kept.
        delete.bind(before).push(") AND time < ").bind(before);
        delete.query().execute(&self.pool).await?;
        Ok(removed)
    }

    /// Removes some records of a chain that are older, if there are any.
    async fn remove_some(&self, chain: i64, before: i64) -> Result<u64, StoreError> {
        let _writing = self.writing.lock().await;
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        let mut select = Sql::new("SELECT MAX(seq) FROM (SELECT seq FROM records WHERE chain = ");
        select
            .bind(chain)
            .push(" AND time < ")
            .bind(before)
            .push(" ORDER BY seq LIMIT ")
            .bind(BATCH);
        select.push(") AS oldest");
        let last: Option<i64> = select.query().fetch_one(&mut *transaction).await?.try_get(0)?;
        let Some(last) = last else { return Ok(0) };
        let mut select = Sql::new("SELECT hash FROM records WHERE chain = ");
        select.bind(chain).push(" AND seq = ").bind(last);
        let hash: String = select.query().fetch_one(&mut *transaction).await?.try_get(0)?;
        tally::subtract(&mut transaction, chain, last).await?;
        let mut delete = Sql::new("DELETE FROM violations WHERE chain = ");
        delete.bind(chain).push(" AND seq <= ").bind(last);
        delete.query().execute(&mut *transaction).await?;
        let mut delete = Sql::new("DELETE FROM records WHERE chain = ");
        delete.bind(chain).push(" AND seq <= ").bind(last);
        let removed = delete.query().execute(&mut *transaction).await?.rows_affected();
        let mut update = Sql::new("UPDATE chains SET removed_seq = ");
        update.bind(last).push(", removed_hash = ").bind(hash.as_str()).push(" WHERE id = ");
        update.bind(chain).query().execute(&mut *transaction).await?;
        let mut delete = Sql::new("DELETE FROM spans WHERE chain = ");
        delete.bind(chain).push(" AND last_seq <= ").bind(last);
        delete.query().execute(&mut *transaction).await?;
        let mut update = Sql::new("UPDATE spans SET first_seq = ");
        update.bind(last + 1).push(", previous = ").bind(hash.as_str());
        update.push(" WHERE chain = ").bind(chain).push(" AND first_seq <= ").bind(last);
        update.query().execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(removed)
    }
}
