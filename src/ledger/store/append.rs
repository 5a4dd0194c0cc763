//! Taking records in: each once, whole batches or nothing.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection as _, Row as _};

use super::sql::{Sql, Value, number};
use super::{Kind, Store, StoreError, partition, tally};
use crate::ledger::chain::{ChainId, Hash};
use crate::ledger::destination::{AppendError, Destination};
use crate::ledger::entry::{Body, Entry};

/// Rows that one statement inserts. `SQLite` looks each of its values up by name among all of them, so twice as many rows are
/// four times the work.
const ROWS: usize = 16;

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// The number of its last record.
    pub last: u64,
    /// Those of its records that were not there before.
    pub new: Vec<Entry>,
}

/// Numbers of a chain that are there without a hole.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    first: u64,
    last: u64,
    /// The hash that the first one follows.
    previous: Hash,
    /// The hash of the last one.
    hash: Hash,
}

impl Store {
    /// Takes whole lines of `chain` in the order of their numbers. What is there already is compared, the rest is stored,
    /// all of it or nothing.
    ///
    /// # Errors
    /// Where a line is no record, is altered, does not follow its neighbours, or is another than the one that is there.
    pub async fn append(&self, chain: &ChainId, lines: &str) -> Result<Appended, StoreError> {
        let entries = lines.lines().map(Entry::read).collect::<Result<Vec<_>, _>>()?;
        let Some(last) = entries.last() else { return Ok(Appended::default()) };
        let last = last.head.seq;
        check(chain, &entries)?;
        let _writing = self.writing.lock().await;
        let mut connection = self.pool.acquire().await?;
        partition::ensure(self, &mut connection, &entries).await?;
        let mut transaction = connection.begin().await?;
        let id = chain_id(&mut transaction, self.kind, chain, &entries).await?;
        let (spans, removed) = spans(&mut transaction, id).await?;
        let is_there = |entry: &Entry| {
            let seq = entry.head.seq;
            seq <= removed || spans.iter().any(|span| span.first <= seq && seq <= span.last)
        };
        let (there, new): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_there);
        compare(&mut transaction, id, chain, &there).await?;
        if !new.is_empty() {
            let spans = joined(chain, spans, &new, removed)?;
            insert(&mut transaction, id, &new).await?;
            write_spans(&mut transaction, id, &spans).await?;
        }
        transaction.commit().await?;
        Ok(Appended { last, new })
    }
}

impl Destination for Store {
    fn append<'a>(
        &'a self,
        chain: &'a ChainId,
        lines: &'a str,
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        Box::pin(async move {
            let appended = Self::append(self, chain, lines).await;
            appended.map(|appended| appended.last).map_err(AppendError::from)
        })
    }
}

/// What can be told from the batch alone.
fn check(chain: &ChainId, entries: &[Entry]) -> Result<(), StoreError> {
    let refused = |seq, why| StoreError::Refused { chain: Box::new(chain.clone()), seq, why };
    let mut before: Option<&Entry> = None;
    for entry in entries {
        let seq = entry.head.seq;
        if entry.chain != *chain {
            return Err(refused(seq, "is of another chain"));
        }
        if !entry.is_intact() {
            return Err(refused(seq, "was altered"));
        }
        if let Some(before) = before {
            if seq <= before.head.seq {
                return Err(refused(seq, "stands behind a later one"));
            }
            if seq == before.head.seq + 1 && entry.previous != before.head.hash {
                return Err(refused(seq, "does not follow the one before it"));
            }
        }
        before = Some(entry);
    }
    Ok(())
}

async fn chain_id(
    connection: &mut AnyConnection,
    kind: Kind,
    chain: &ChainId,
    entries: &[Entry],
) -> Result<i64, StoreError> {
    let cluster = entries.first().map_or("", |entry| &entry.cluster);
    let mut insert = Sql::new("INSERT INTO chains (replica, boot, cluster) VALUES ");
    insert.tuple([chain.replica.as_str(), &chain.boot, cluster]).push(" ON CONFLICT DO NOTHING");
    insert.query().execute(&mut *connection).await?;
    let mut select = Sql::new("SELECT id FROM chains WHERE replica = ");
    select.bind(chain.replica.as_str()).push(" AND boot = ").bind(chain.boot.as_str());
    if kind == Kind::Postgres {
        // Another controller may be taking the same records in.
        select.push(" FOR UPDATE");
    }
    Ok(select.query().fetch_one(&mut *connection).await?.try_get(0)?)
}

/// The spans of a chain, and the number up to which retention removed it.
async fn spans(connection: &mut AnyConnection, id: i64) -> Result<(Vec<Span>, u64), StoreError> {
    let mut select = Sql::new("SELECT removed_seq FROM chains WHERE id = ");
    let removed: i64 = select.bind(id).query().fetch_one(&mut *connection).await?.try_get(0)?;
    let mut select =
        Sql::new("SELECT first_seq, last_seq, previous, hash FROM spans WHERE chain = ");
    let rows = select.bind(id).push(" ORDER BY first_seq").query().fetch_all(connection).await?;
    let mut spans = Vec::with_capacity(rows.len());
    for row in rows {
        spans.push(Span {
            first: number(&row, 0)?,
            last: number(&row, 1)?,
            previous: hash(row.try_get::<String, _>(2)?.as_str())?,
            hash: hash(row.try_get::<String, _>(3)?.as_str())?,
        });
    }
    Ok((spans, removed.cast_unsigned()))
}

fn hash(text: &str) -> Result<Hash, StoreError> {
    text.parse().map_err(|error| StoreError::Database(sqlx::Error::Decode(Box::new(error))))
}

/// Records that are there already must be the same.
async fn compare(
    connection: &mut AnyConnection,
    id: i64,
    chain: &ChainId,
    there: &[Entry],
) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (there.first(), there.last()) else { return Ok(()) };
    let mut select = Sql::new("SELECT seq, hash FROM records WHERE chain = ");
    select.bind(id).push(" AND seq >= ").bind(first.head.seq.cast_signed());
    select.push(" AND seq <= ").bind(last.head.seq.cast_signed());
    let mut stored = BTreeMap::new();
    for row in select.query().fetch_all(connection).await? {
        stored.insert(number(&row, 0)?, row.try_get::<String, _>(1)?);
    }
    for entry in there {
        let seq = entry.head.seq;
        if stored.get(&seq).is_some_and(|hash| *hash != entry.head.hash.to_string()) {
            let chain = Box::new(chain.clone());
            return Err(StoreError::Refused {
                chain,
                seq,
                why: "is another than the one that is stored",
            });
        }
    }
    Ok(())
}

/// The spans with the new records in them. They must fit their neighbours.
fn joined(
    chain: &ChainId,
    mut spans: Vec<Span>,
    new: &[Entry],
    removed: u64,
) -> Result<Vec<Span>, StoreError> {
    for entry in new {
        spans.push(Span {
            first: entry.head.seq,
            last: entry.head.seq,
            previous: entry.previous,
            hash: entry.head.hash,
        });
    }
    spans.sort_by_key(|span| span.first);
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(before) if before.last + 1 == span.first => {
                if before.hash != span.previous {
                    let (chain, seq) = (Box::new(chain.clone()), span.first);
                    return Err(StoreError::Refused {
                        chain,
                        seq,
                        why: "does not follow the one before it",
                    });
                }
                (before.last, before.hash) = (span.last, span.hash);
            }
            _ => joined.push(span),
        }
    }
    if let Some(first) = joined.first()
        && removed == 0
        && first.first == 1
        && first.previous != Hash::NONE
    {
        let chain = Box::new(chain.clone());
        return Err(StoreError::Refused {
            chain,
            seq: 1,
            why: "follows something, and is the first",
        });
    }
    Ok(joined)
}

async fn write_spans(
    connection: &mut AnyConnection,
    id: i64,
    spans: &[Span],
) -> Result<(), StoreError> {
    let mut delete = Sql::new("DELETE FROM spans WHERE chain = ");
    delete.bind(id).query().execute(&mut *connection).await?;
    for span in spans {
        let mut insert = Sql::new("INSERT INTO spans VALUES ");
        insert.tuple([
            Value::from(id),
            span.first.cast_signed().into(),
            span.last.cast_signed().into(),
            span.previous.to_string().as_str().into(),
            span.hash.to_string().as_str().into(),
        ]);
        insert.query().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn insert(
    connection: &mut AnyConnection,
    id: i64,
    entries: &[Entry],
) -> Result<(), StoreError> {
    let records = entries.iter().map(|entry| record(id, entry)).collect();
    insert_rows(connection, "INSERT INTO records VALUES ", records).await?;
    let violations = entries.iter().flat_map(|entry| violations(id, entry)).collect();
    insert_rows(connection, "INSERT INTO violations VALUES ", violations).await?;
    let changes = entries.iter().filter_map(|entry| change(id, entry)).collect();
    insert_rows(connection, "INSERT INTO changes VALUES ", changes).await?;
    fold_incidents(connection, entries).await?;
    tally::add(connection, entries).await
}

async fn insert_rows(
    connection: &mut AnyConnection,
    into: &'static str,
    rows: Vec<Vec<Value>>,
) -> Result<(), StoreError> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let (mut insert, mut count) = (Sql::new(into), 0);
        for row in rows.by_ref().take(ROWS) {
            if count > 0 {
                insert.push(", ");
            }
            insert.tuple(row);
            count += 1;
        }
        // Only full statements come again.
        insert.query().persistent(count == ROWS).execute(&mut *connection).await?;
    }
    Ok(())
}

fn micros(entry: &Entry) -> i64 {
    entry.time.as_microsecond()
}

/// A row of `records`, in the order of its columns.
fn record(id: i64, entry: &Entry) -> Vec<Value> {
    let decision = match &entry.body {
        Body::Decision(decision) => Some(decision),
        _ => None,
    };
    let text = |of: fn(&crate::ledger::entry::Decision) -> &str| {
        Value::from(decision.map(|decision| of(decision)))
    };
    vec![
        id.into(),
        entry.head.seq.cast_signed().into(),
        micros(entry).into(),
        entry.body.schema().into(),
        entry.head.hash.to_string().as_str().into(),
        text(|decision| &decision.decision),
        text(|decision| &decision.decision_id),
        text(|decision| &decision.incident),
        text(|decision| &decision.object.namespace),
        text(|decision| &decision.object.kind),
        text(|decision| decision.object.shown_name()),
        text(|decision| &decision.user.name),
        Value::from(decision.and_then(|decision| Some(decision.owner.as_ref()?.uid.as_str()))),
        decision.map_or(Value::NoNumber, |decision| i64::from(decision.dry_run).into()),
        text(|decision| &decision.policy_set.digest),
        // The line as it is: a NUL stands in it as \u0000.
        Value::Text(entry.line.clone()),
    ]
}

/// Rows of `violations`, one for each rule of each policy.
fn violations(id: i64, entry: &Entry) -> Vec<Vec<Value>> {
    let Body::Decision(decision) = &entry.body else { return Vec::new() };
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let mut seen: Vec<(&str, &str, Option<&str>)> = Vec::new();
    for violation in &decision.violations {
        let which = (&*violation.policy, &*violation.rule, violation.exception.as_deref());
        if seen.contains(&which) {
            continue;
        }
        seen.push(which);
        rows.push(vec![
            id.into(),
            entry.head.seq.cast_signed().into(),
            micros(entry).into(),
            violation.policy.as_str().into(),
            violation.rule.as_str().into(),
            violation.enforcement.as_str().into(),
            violation.settled.as_deref().into(),
            violation.exception.as_deref().into(),
        ]);
    }
    rows
}

/// A row of `changes`.
fn change(id: i64, entry: &Entry) -> Option<Vec<Value>> {
    let Body::Change(change) = &entry.body else { return None };
    Some(vec![
        id.into(),
        entry.head.seq.cast_signed().into(),
        micros(entry).into(),
        change.object.uid.as_str().into(),
        change.object.kind.as_str().into(),
        change.object.name.as_str().into(),
        change.owner.as_ref().map(|owner| owner.uid.as_str()).into(),
        change.template.as_str().into(),
        change.user.name.as_str().into(),
    ])
}

/// Adds to the counts of incidents. Each record is stored once, so the counts are exact.
async fn fold_incidents(
    connection: &mut AnyConnection,
    entries: &[Entry],
) -> Result<(), StoreError> {
    let mut folded: BTreeMap<&str, (Vec<Value>, i64, i64, i64)> = BTreeMap::new();
    for entry in entries {
        let Body::Decision(decision) = &entry.body else { continue };
        if decision.incident.is_empty() {
            continue;
        }
        let time = micros(entry);
        let what = || {
            [
                &decision.incident,
                &decision.decision,
                &decision.object.namespace,
                &decision.object.kind,
            ]
            .map(|text| Value::from(text.as_str()))
            .to_vec()
        };
        let (_, count, first, last) =
            folded.entry(&decision.incident).or_insert_with(|| (what(), 0, time, time));
        (*count, *first, *last) = (*count + 1, (*first).min(time), (*last).max(time));
    }
    for (mut row, count, first, last) in folded.into_values() {
        row.extend([count, first, last].map(Value::from));
        let mut upsert = Sql::new("INSERT INTO incidents VALUES ");
        upsert.tuple(row).push(
            " ON CONFLICT (incident) DO UPDATE SET count = incidents.count + excluded.count, \
             first_time = CASE WHEN excluded.first_time < incidents.first_time \
             THEN excluded.first_time ELSE incidents.first_time END, \
             last_time = CASE WHEN excluded.last_time > incidents.last_time \
             THEN excluded.last_time ELSE incidents.last_time END",
        );
        upsert.query().execute(&mut *connection).await?;
    }
    Ok(())
}
