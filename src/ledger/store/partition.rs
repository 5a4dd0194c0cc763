//! Postgres keeps records by month: what is old lies apart from what is written.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::AnyConnection;

use super::{Kind, Store, StoreError};
use crate::ledger::entry::Entry;

/// Makes the months that `entries` fall into, where they are not there yet.
pub(super) async fn ensure(
    store: &Store,
    connection: &mut AnyConnection,
    entries: &[Entry],
) -> Result<(), StoreError> {
    if store.kind != Kind::Postgres {
        return Ok(());
    }
    let mut months: Vec<Date> = entries.iter().map(|entry| month(entry.time)).collect();
    months.sort_unstable();
    months.dedup();
    for month in months {
        let next = month.saturating_add(jiff::Span::new().months(1));
        // Numbers and nothing else: no value may stand here.
        let statement = format!(
            "CREATE TABLE IF NOT EXISTS records_{:04}_{:02} PARTITION OF records FOR VALUES FROM ({}) TO ({})",
            month.year(),
            month.month(),
            micros(month),
            micros(next)
        );
        if store.partitions.lock().await.insert(month) {
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// The first day of the month of `time`.
fn month(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date().first_of_month()
}

fn micros(date: Date) -> i64 {
    let midnight = date.at(0, 0, 0, 0).to_zoned(TimeZone::UTC);
    midnight.map_or(i64::MAX, |midnight| midnight.timestamp().as_microsecond())
}
