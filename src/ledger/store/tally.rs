//! Counts that are kept as records are taken in, so that a chart of millions need not read millions.
//!
//! They are exact: each record is stored once, and what retention removes is taken off again.

use std::collections::BTreeMap;

use sqlx::AnyConnection;

use super::StoreError;
use super::sql::{Sql, Value, searched};
use crate::ledger::entry::{Body, Decision, Entry};

/// What one count of decisions spans, in microseconds: five minutes.
pub(super) const SLOT: i64 = 300 * 1_000_000;
/// What one count of a rule spans: an hour.
pub(super) const HOUR: i64 = 3600 * 1_000_000;
/// Rows that one statement inserts, as in [`super::append`].
const ROWS: usize = 16;

/// A count, and when it began and ended.
#[derive(Debug, Clone, Copy)]
struct Count {
    times: i64,
    first: i64,
    last: i64,
}

impl Count {
    fn add(counts: &mut BTreeMap<Key, Self>, key: Key, time: i64) {
        let counted = counts.entry(key).or_insert(Self { times: 0, first: time, last: time });
        counted.times += 1;
        counted.first = counted.first.min(time);
        counted.last = counted.last.max(time);
    }
}

/// When a stretch begins, and what is counted in it.
type Key = (i64, [String; 3]);

/// Adds the decisions among `entries` to the counts.
pub(super) async fn add(
    connection: &mut AnyConnection,
    entries: &[Entry],
) -> Result<(), StoreError> {
    let (mut decisions, mut rules) = (BTreeMap::new(), BTreeMap::new());
    for entry in entries {
        let Body::Decision(decision) = &entry.body else { continue };
        let time = entry.time.as_microsecond();
        let key = [&*decision.decision, &*decision.policy_set.digest, ""].map(searched);
        Count::add(&mut decisions, (start_of(time, SLOT), key), time);
        for (policy, rule) in rules_of(decision) {
            let key = [policy, rule, &*decision.decision].map(searched);
            Count::add(&mut rules, (start_of(time, HOUR), key), time);
        }
    }
    write(connection, &DECISIONS, decisions).await?;
    write(connection, &RULES, rules).await
}

/// The beginning of the stretch of `width` in which `time` lies.
pub(super) fn start_of(time: i64, width: i64) -> i64 {
    // As the databases divide.
    time - time % width
}

/// The rules of a decision, each once, however many fields break it.
fn rules_of(decision: &Decision) -> Vec<(&str, &str)> {
    let mut rules = Vec::new();
    for violation in &decision.violations {
        let rule = (&*violation.policy, &*violation.rule);
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

/// A table of counts.
struct Tally {
    /// How many columns name what is counted.
    keys: usize,
    insert: &'static str,
    add: &'static str,
}

const DECISIONS: Tally = Tally {
    keys: 2,
    insert: "INSERT INTO decision_counts AS c (start, decision, policy_set, count, first_time, last_time) VALUES ",
    add: " ON CONFLICT (start, decision, policy_set) DO UPDATE SET count = c.count + excluded.count, \
          first_time = CASE WHEN excluded.first_time < c.first_time THEN excluded.first_time ELSE c.first_time END, \
          last_time = CASE WHEN excluded.last_time > c.last_time THEN excluded.last_time ELSE c.last_time END",
};

const RULES: Tally = Tally {
    keys: 3,
    insert: "INSERT INTO rule_counts AS c (start, policy, rule, decision, count, first_time, last_time) VALUES ",
    add: " ON CONFLICT (start, policy, rule, decision) DO UPDATE SET count = c.count + excluded.count, \
          first_time = CASE WHEN excluded.first_time < c.first_time THEN excluded.first_time ELSE c.first_time END, \
          last_time = CASE WHEN excluded.last_time > c.last_time THEN excluded.last_time ELSE c.last_time END",
};

async fn write(
    connection: &mut AnyConnection,
    tally: &Tally,
    counts: BTreeMap<Key, Count>,
) -> Result<(), StoreError> {
    let mut counts = counts.into_iter().peekable();
    while counts.peek().is_some() {
        let mut insert = Sql::new(tally.insert);
        for (place, ((start, keys), counted)) in counts.by_ref().take(ROWS).enumerate() {
            if place > 0 {
                insert.push(", ");
            }
            let mut row = vec![Value::from(start)];
            row.extend(keys.into_iter().take(tally.keys).map(Value::Text));
            row.extend([counted.times, counted.first, counted.last].map(Value::from));
            insert.tuple(row);
        }
        insert.push(tally.add).query().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Takes off what the records of `chain` up to `last` added. They must still be there.
pub(super) async fn subtract(
    connection: &mut AnyConnection,
    chain: i64,
    last: i64,
) -> Result<(), StoreError> {
    let mut update = Sql::new(
        "UPDATE decision_counts SET count = count - gone.n FROM (SELECT r.time - r.time % ",
    );
    update.bind(SLOT).push(
        " AS start, r.decision, r.policy_set, COUNT(*) AS n FROM records r WHERE r.decision IS NOT NULL AND r.chain = ",
    );
    update.bind(chain).push(" AND r.seq <= ").bind(last).push(
        " GROUP BY 1, 2, 3) AS gone WHERE decision_counts.start = gone.start \
         AND decision_counts.decision = gone.decision AND decision_counts.policy_set = gone.policy_set",
    );
    update.query().execute(&mut *connection).await?;
    let mut update =
        Sql::new("UPDATE rule_counts SET count = count - gone.n FROM (SELECT v.time - v.time % ");
    update.bind(HOUR).push(
        " AS start, v.policy, v.rule, r.decision, COUNT(DISTINCT v.seq) AS n FROM violations v \
         JOIN records r ON r.chain = v.chain AND r.seq = v.seq WHERE v.chain = ",
    );
    update.bind(chain).push(" AND v.seq <= ").bind(last).push(
        " GROUP BY 1, 2, 3, 4) AS gone WHERE rule_counts.start = gone.start AND rule_counts.policy = gone.policy \
         AND rule_counts.rule = gone.rule AND rule_counts.decision = gone.decision",
    );
    update.query().execute(&mut *connection).await?;
    for empty in
        ["DELETE FROM decision_counts WHERE count <= 0", "DELETE FROM rule_counts WHERE count <= 0"]
    {
        sqlx::query(empty).execute(&mut *connection).await?;
    }
    Ok(())
}
