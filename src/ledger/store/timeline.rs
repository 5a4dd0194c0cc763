//! How many decisions of each outcome there were, in stretches of time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sqlx::Row as _;

use super::narrow::is_by_time_alone;
use super::sql::{Sql, moment, number};
use super::tally::{SLOT, start_of};
use super::{Store, StoreError};
use crate::ledger::query::Filter;

/// Decisions that are counted one by one, at most: those of a filter of which no counts are kept.
const COUNTED: i64 = 50_000;

/// Counts by stretches of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// By time, then by outcome.
    pub buckets: Vec<Bucket>,
    /// Where there were too many to count: the moment of the first that was. The counts are of those since then.
    pub counted_since: Option<Timestamp>,
}

/// Decisions of one outcome in a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// When it begins.
    pub start: Timestamp,
    /// The outcome.
    pub decision: String,
    /// How many.
    pub count: u64,
}

impl Store {
    /// How many decisions of each outcome there were, in stretches of `width`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn timeline(
        &self,
        filter: &Filter,
        width: SignedDuration,
    ) -> Result<Timeline, StoreError> {
        let width = i64::try_from(width.as_micros()).unwrap_or(i64::MAX).max(1);
        if is_by_time_alone(filter) && width % SLOT == 0 {
            return self.kept(filter, width).await;
        }
        self.counted(filter, width).await
    }

    /// From the counts that are kept, and from records where the filter's ends cut a slot.
    async fn kept(&self, filter: &Filter, width: i64) -> Result<Timeline, StoreError> {
        let (first, last) = (Timestamp::MIN.as_microsecond(), Timestamp::MAX.as_microsecond());
        let since = filter.since.map_or(first, Timestamp::as_microsecond);
        let until = filter.until.map_or(last, Timestamp::as_microsecond).max(since);
        // Whole slots only.
        let from = start_of(since.saturating_add(SLOT - 1), SLOT).max(since);
        let to = start_of(until, SLOT);
        let mut sums = BTreeMap::new();
        if from >= to {
            self.add(filter, width, (since, until), &mut sums).await?;
        } else {
            let mut select =
                Sql::new("SELECT start, decision, count FROM decision_counts WHERE start >= ");
            select.bind(from).push(" AND start < ").bind(to);
            select.and_one_of("decision", &filter.decisions);
            for row in select.query().fetch_all(&self.pool).await? {
                let start = start_of(row.try_get(0)?, width);
                *sums.entry((start, row.try_get(1)?)).or_default() += number(&row, 2)?;
            }
            self.add(filter, width, (since, from), &mut sums).await?;
            self.add(filter, width, (to, until), &mut sums).await?;
        }
        let buckets = sums.into_iter().map(|((start, decision), count)| Bucket {
            start: Timestamp::from_microsecond(start).unwrap_or_default(),
            decision,
            count,
        });
        Ok(Timeline { buckets: buckets.collect(), counted_since: None })
    }

    /// Adds the records from one moment to another, fewer than a slot or two hold.
    async fn add(
        &self,
        filter: &Filter,
        width: i64,
        (from, to): (i64, i64),
        sums: &mut BTreeMap<(i64, String), u64>,
    ) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let mut select =
            Sql::new("SELECT time, decision FROM records WHERE decision IS NOT NULL AND time >= ");
        select.bind(from).push(" AND time < ").bind(to);
        select.and_one_of("(decision || '')", &filter.decisions);
        for row in select.query().fetch_all(&self.pool).await? {
            let start = start_of(row.try_get(0)?, width);
            *sums.entry((start, row.try_get(1)?)).or_default() += 1;
        }
        Ok(())
    }

    /// One by one.
    async fn counted(&self, filter: &Filter, width: i64) -> Result<Timeline, StoreError> {
        let narrow = self.narrow(filter).await?;
        let mut select = Sql::new("SELECT f.time / ");
        select
            .bind(width)
            .push(", f.decision, COUNT(*), MIN(f.time) FROM (SELECT r.time, r.decision");
        narrow.push(&mut select);
        select.push(" ORDER BY r.time DESC LIMIT ").bind(COUNTED);
        select.push(") AS f GROUP BY 1, 2 ORDER BY 1, 2");
        let (mut timeline, mut total, mut first) = (Timeline::default(), 0, None::<Timestamp>);
        for row in select.query().fetch_all(&self.pool).await? {
            let start = row.try_get::<i64, _>(0)?.saturating_mul(width);
            let count = number(&row, 2)?;
            total += count;
            let time = moment(&row, 3)?;
            first = Some(first.map_or(time, |first| first.min(time)));
            timeline.buckets.push(Bucket {
                start: Timestamp::from_microsecond(start).unwrap_or_default(),
                decision: row.try_get(1)?,
                count,
            });
        }
        if total >= COUNTED.cast_unsigned() {
            timeline.counted_since = first;
        }
        Ok(timeline)
    }
}
