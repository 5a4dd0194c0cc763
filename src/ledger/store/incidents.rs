//! What happens again and again, folded into one.

use jiff::Timestamp;
use sqlx::Row as _;

use super::read::{Decided, Repeat, is_changed_by, repeat};
use super::sql::Sql;
use super::{Store, StoreError};
use crate::ledger::entry::Entry;
use crate::ledger::query::Filter;

/// What is the same again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Names it.
    pub key: String,
    /// How often.
    pub repeat: Repeat,
    /// The newest of its decisions; none where retention has removed them all.
    pub newest: Option<Decided>,
}

impl Store {
    /// What happened again and again, the latest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn incidents(
        &self,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<Incident>, StoreError> {
        let mut select = Sql::new(
            "SELECT i.incident, i.count, i.first_time, i.last_time, (SELECT n.line FROM records n \
             WHERE n.incident = i.incident AND n.decision IS NOT NULL \
             ORDER BY n.time DESC, n.chain DESC, n.seq DESC LIMIT 1) \
             FROM incidents i WHERE 1 = 1",
        );
        if let Some(since) = filter.since {
            select.push(" AND i.last_time >= ").bind(since.as_microsecond());
        }
        if let Some(until) = filter.until {
            select.push(" AND i.first_time < ").bind(until.as_microsecond());
        }
        // All its records are alike in these.
        select.and_one_of("i.decision", &filter.decisions);
        select.and_one_of("i.namespace", &filter.namespaces).and_one_of("i.kind", &filter.kinds);
        let narrow = self.narrow(filter).await?;
        if narrow.is_few() {
            select.push(" AND i.incident IN (SELECT r.incident");
            narrow.push(&mut select);
            select.push(")");
        } else {
            select.push(" AND EXISTS (SELECT 1");
            narrow.push(&mut select);
            select.push(" AND r.incident = i.incident)");
        }
        select.push(" ORDER BY i.last_time DESC, i.incident LIMIT ");
        select.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let (mut found, mut entries) = (Vec::new(), Vec::new());
        for row in select.query().fetch_all(&self.pool).await? {
            let line: Option<String> = row.try_get(4)?;
            found.push((row.try_get::<String, _>(0)?, repeat(&row)?, line.is_some()));
            entries.extend(line.map(|line| Entry::read(&line)).transpose()?);
        }
        let mut decided = self.decided(entries).await?.into_iter();
        let mut incidents = Vec::new();
        for (key, repeat, is_kept) in found {
            let newest = if is_kept { decided.next() } else { None };
            if newest.as_ref().is_none_or(|newest| is_changed_by(newest, &filter.changed_by)) {
                incidents.push(Incident { key, repeat, newest });
            }
        }
        Ok(incidents)
    }

    /// Namespaces in which anything of these outcomes happened since a moment, those of the latest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn namespaces(
        &self,
        since: Timestamp,
        decisions: &[String],
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut select = Sql::new("SELECT i.namespace FROM incidents i WHERE i.last_time >= ");
        select.bind(since.as_microsecond()).and_one_of("i.decision", decisions);
        select.push(
            " AND i.namespace <> '' GROUP BY i.namespace ORDER BY MAX(i.last_time) DESC, i.namespace LIMIT ",
        );
        select.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = select.query().fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}
