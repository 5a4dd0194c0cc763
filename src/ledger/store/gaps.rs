//! What was lost before it stood in a chain, as podgate told it.

use jiff::Timestamp;
use sqlx::Row as _;

use super::sql::Sql;
use super::{Store, StoreError};
use crate::ledger::chain::ChainId;
use crate::ledger::entry::{Body, Entry};

/// With the schema in full, as its index has it.
const GAPS: &str = "SELECT line FROM records WHERE schema = 'podgate.dev/gap/v1' AND time >= ";

/// Records that were lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Of which chain.
    pub chain: ChainId,
    /// How many.
    pub count: u64,
    /// Why.
    pub reason: String,
    /// When the first was lost.
    pub since: Timestamp,
    /// When it was told, and no more were lost.
    pub until: Timestamp,
}

impl Store {
    /// What was told as lost since a moment, newest first, at most `limit`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn gaps(&self, since: Timestamp, limit: usize) -> Result<Vec<Lost>, StoreError> {
        let mut select = Sql::new(GAPS);
        select.bind(since.as_microsecond()).push(" ORDER BY time DESC LIMIT ");
        select.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let mut gaps = Vec::new();
        for row in select.query().fetch_all(&self.pool).await? {
            let entry = Entry::read(&row.try_get::<String, _>(0)?)?;
            if let Body::Gap(gap) = entry.body {
                let (count, reason, since) = (gap.count, gap.reason, gap.since);
                gaps.push(Lost { chain: entry.chain, count, reason, since, until: entry.time });
            }
        }
        Ok(gaps)
    }
}
