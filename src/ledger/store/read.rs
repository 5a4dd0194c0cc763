//! The questions.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::Row as _;

use super::actor::{Actor, Changes};
use super::narrow::Narrow;
use super::sql::{Sql, moment, number};
use super::{Store, StoreError};
use crate::ledger::chain::{ChainId, Hash, Head};
use crate::ledger::entry::{Body, Decision, Entry};
use crate::ledger::query::{Cursor, Filter, Listed, Page};

/// With the schema in full, as its index has it.
const LAST_CHECKPOINT: &str =
    "SELECT line FROM records WHERE schema = 'podgate.dev/checkpoint/v1' AND chain = ";
/// Pieces that are read for one page, at most, where who changed a workload is asked for: it is known only afterwards.
const PIECES: usize = 50;

/// A decision, and what is known beside its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The record.
    pub entry: Entry,
    /// Who changed the workload behind the object.
    pub actor: Option<Actor>,
    /// How often the same happened.
    pub repeat: Option<Repeat>,
}

impl Decided {
    /// The decision.
    #[must_use]
    pub fn decision(&self) -> Option<&Decision> {
        match &self.entry.body {
            Body::Decision(decision) => Some(decision),
            _ => None,
        }
    }
}

/// How often the same happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Repeat {
    /// How often.
    pub count: u64,
    /// The first time.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
}

/// What is there of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainState {
    /// Which one.
    pub chain: ChainId,
    /// The cluster.
    pub cluster: String,
    /// The numbers that are there, as ranges: more than one, and something is missing between.
    pub spans: Vec<(u64, u64)>,
    /// The last record.
    pub head: Head,
    /// When the last record was written.
    pub last: Timestamp,
    /// Whether it was closed.
    pub ended: bool,
    /// The number of the last signed head, and when it was signed.
    pub checkpoint: Option<(u64, Timestamp)>,
    /// The last record that retention removed, with number 0 where it removed none.
    pub removed: Head,
}

impl Store {
    /// Decisions, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn decisions(
        &self,
        filter: &Filter,
        page: &Page,
    ) -> Result<Listed<Decided>, StoreError> {
        let (mut items, mut after) = (Vec::new(), page.after);
        let narrow = self.narrow(filter).await?;
        for _ in 0..PIECES {
            let rows = self.rows(&narrow, page.limit, after).await?;
            let is_last = rows.len() <= page.limit;
            let (cursors, entries): (Vec<Cursor>, Vec<Entry>) =
                rows.into_iter().take(page.limit).unzip();
            let decided = self.decided(entries).await?;
            for (cursor, decided) in cursors.into_iter().zip(decided) {
                after = Some(cursor);
                if is_changed_by(&decided, &filter.changed_by) {
                    items.push(decided);
                    if items.len() == page.limit {
                        return Ok(Listed { items, next: after });
                    }
                }
            }
            if is_last {
                return Ok(Listed { items, next: None });
            }
        }
        Ok(Listed { items, next: after })
    }

    async fn rows(
        &self,
        narrow: &Narrow<'_>,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Vec<(Cursor, Entry)>, StoreError> {
        let mut select = Sql::new("SELECT r.time, r.chain, r.seq, r.line");
        narrow.push(&mut select);
        if let Some(Cursor { time, chain, seq }) = after {
            select.push(" AND (r.time, r.chain, r.seq) < ").tuple([time, chain, seq]);
        }
        select.push(" ORDER BY r.time DESC, r.chain DESC, r.seq DESC LIMIT ");
        select.bind(i64::try_from(limit + 1).unwrap_or(i64::MAX));
        let mut rows = Vec::new();
        for row in select.query().fetch_all(&self.pool).await? {
            let cursor =
                Cursor { time: row.try_get(0)?, chain: row.try_get(1)?, seq: row.try_get(2)? };
            rows.push((cursor, Entry::read(&row.try_get::<String, _>(3)?)?));
        }
        Ok(rows)
    }

    /// What is known beside the records.
    pub(super) async fn decided(&self, entries: Vec<Entry>) -> Result<Vec<Decided>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let mut owners = Vec::new();
        let mut incidents = Vec::new();
        for entry in &entries {
            if let Body::Decision(decision) = &entry.body {
                owners.extend(decision.owner.as_ref().map(|owner| owner.uid.clone()));
                incidents.push(decision.incident.as_str());
            }
        }
        let changes = Changes::of(&mut connection, owners).await?;
        let mut repeats = HashMap::new();
        incidents.sort_unstable();
        incidents.dedup();
        for keys in incidents.chunks(500) {
            let mut select = Sql::new(
                "SELECT incident, count, first_time, last_time FROM incidents WHERE incident IN ",
            );
            select.tuple(keys.iter().copied());
            for row in select.query().fetch_all(&mut *connection).await? {
                repeats.insert(row.try_get::<String, _>(0)?, repeat(&row)?);
            }
        }
        let decided = entries.into_iter().map(|entry| {
            let (mut actor, mut repeat) = (None, None);
            if let Body::Decision(decision) = &entry.body {
                let owner = decision.owner.as_ref();
                actor = owner.and_then(|owner| changes.actor(owner, entry.time));
                repeat = repeats.get(&decision.incident).copied();
            }
            Decided { entry, actor, repeat }
        });
        Ok(decided.collect())
    }

    /// Every chain, the latest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn chains(&self) -> Result<Vec<ChainState>, StoreError> {
        let select = "SELECT c.id, c.replica, c.boot, c.cluster, c.removed_seq, c.removed_hash, s.first_seq, s.last_seq, s.hash \
                      FROM chains c LEFT JOIN spans s ON s.chain = c.id ORDER BY c.id, s.first_seq";
        let mut chains: Vec<(i64, ChainState)> = Vec::new();
        for row in sqlx::query(select).fetch_all(&self.pool).await? {
            let id: i64 = row.try_get(0)?;
            if chains.last().is_none_or(|(last, _)| *last != id) {
                let removed = Head {
                    seq: number(&row, 4)?,
                    hash: row.try_get::<String, _>(5)?.parse().unwrap_or(Hash::NONE),
                };
                chains.push((
                    id,
                    ChainState {
                        chain: ChainId { replica: row.try_get(1)?, boot: row.try_get(2)? },
                        cluster: row.try_get(3)?,
                        spans: Vec::new(),
                        head: removed,
                        last: Timestamp::default(),
                        ended: false,
                        checkpoint: None,
                        removed,
                    },
                ));
            }
            let span: (Option<i64>, Option<i64>) = (row.try_get(6)?, row.try_get(7)?);
            if let ((Some(first), Some(last)), Some((_, chain))) = (span, chains.last_mut()) {
                chain.spans.push((first.cast_unsigned(), last.cast_unsigned()));
                let hash = row.try_get::<String, _>(8)?.parse().unwrap_or(Hash::NONE);
                chain.head = Head { hash, seq: last.cast_unsigned() };
            }
        }
        for (id, chain) in &mut chains {
            self.ends(*id, chain).await?;
        }
        let mut chains: Vec<ChainState> = chains.into_iter().map(|(_, chain)| chain).collect();
        chains.sort_by_key(|chain| std::cmp::Reverse(chain.last));
        Ok(chains)
    }

    /// What the last records of a chain say.
    async fn ends(&self, id: i64, chain: &mut ChainState) -> Result<(), StoreError> {
        let mut select = Sql::new("SELECT line FROM records WHERE chain = ");
        select.bind(id).push(" ORDER BY seq DESC LIMIT 1");
        if let Some(row) = select.query().fetch_optional(&self.pool).await? {
            let entry = Entry::read(&row.try_get::<String, _>(0)?)?;
            (chain.last, chain.ended) = (entry.time, entry.body == Body::End);
        }
        let mut select = Sql::new(LAST_CHECKPOINT);
        select.bind(id).push(" ORDER BY seq DESC LIMIT 1");
        if let Some(row) = select.query().fetch_optional(&self.pool).await? {
            let entry = Entry::read(&row.try_get::<String, _>(0)?)?;
            if let Body::Checkpoint(checkpoint) = entry.body {
                chain.checkpoint = Some((checkpoint.head.seq, entry.time));
            }
        }
        Ok(())
    }

    /// Lines of a chain behind the number `after`, at most `limit`, in the order of their numbers, exactly as they were
    /// written.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn lines(
        &self,
        chain: &ChainId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, String)>, StoreError> {
        let mut select = Sql::new(
            "SELECT r.seq, r.line FROM records r JOIN chains c ON c.id = r.chain WHERE c.replica = ",
        );
        select.bind(chain.replica.as_str()).push(" AND c.boot = ").bind(chain.boot.as_str());
        select.push(" AND r.seq > ").bind(after.cast_signed()).push(" ORDER BY r.seq LIMIT ");
        select.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let mut lines = Vec::new();
        for row in select.query().fetch_all(&self.pool).await? {
            lines.push((number(&row, 0)?, row.try_get(1)?));
        }
        Ok(lines)
    }
}

pub(super) fn repeat(row: &sqlx::any::AnyRow) -> Result<Repeat, StoreError> {
    Ok(Repeat { count: number(row, 1)?, first: moment(row, 2)?, last: moment(row, 3)? })
}

/// Whether one of these patterns is who changed the workload.
pub(super) fn is_changed_by(decided: &Decided, patterns: &[String]) -> bool {
    let by = decided.actor.as_ref().map(|actor| actor.changed_by.as_str());
    patterns.is_empty() || by.is_some_and(|by| patterns.iter().any(|pattern| matches(pattern, by)))
}

/// Whether `text` is of a pattern with `*` and `?`.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where the last star stood, and how much it has taken.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(char) if *char == '?' || Some(char) == text.get(read) => {
                at += 1;
                read += 1;
            }
            _ => match &mut star {
                Some((stood, taken)) => {
                    *taken += 1;
                    (at, read) = (*stood + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|char| *char == '*')
}
