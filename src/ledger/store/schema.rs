//! The tables, and how they came to be what they are.
//!
//! ```text
//! chains      a row a replica and boot, and what retention removed of it
//! spans       which numbers of a chain are there, as ranges
//! records     every line, and of decisions what is asked by
//! violations  the rules that a decision is about
//! changes     who changed a workload's template
//! incidents   what is the same again and again, with its exact count
//! …_counts    how many decisions, and of which rules, in a stretch of time
//! ```

use sqlx::AnyConnection;

use super::sql::Sql;
use super::{Kind, StoreError};

/// Each brings the tables from the version of its place to the next. What was released is never edited.
const MIGRATIONS: &[&[&str]] = &[
    &[
        "CREATE TABLE chains (
        id {identity},
        replica TEXT NOT NULL,
        boot TEXT NOT NULL,
        cluster TEXT NOT NULL,
        removed_seq BIGINT NOT NULL DEFAULT 0,
        removed_hash TEXT NOT NULL DEFAULT '',
        UNIQUE (replica, boot))",
        "CREATE TABLE spans (
        chain BIGINT NOT NULL,
        first_seq BIGINT NOT NULL,
        last_seq BIGINT NOT NULL,
        previous TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (chain, first_seq))",
        "CREATE TABLE records (
        chain BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        time BIGINT NOT NULL,
        schema TEXT NOT NULL,
        hash TEXT NOT NULL,
        decision {text},
        decision_id {text},
        incident {text},
        namespace {text},
        kind {text},
        name {text},
        username {text},
        owner_uid {text},
        dry_run BIGINT,
        policy_set {text},
        line TEXT NOT NULL,
        {records_key}){partitioned}",
        "CREATE INDEX records_time ON records (time, chain, seq, decision) WHERE decision IS NOT NULL",
        "CREATE INDEX records_decision ON records (decision, time) WHERE decision IS NOT NULL",
        "CREATE INDEX records_namespace ON records (namespace, time, decision) WHERE decision IS NOT NULL",
        "CREATE INDEX records_kind ON records (kind, time, decision) WHERE decision IS NOT NULL",
        "CREATE INDEX records_name ON records (name, time, decision) WHERE decision IS NOT NULL",
        "CREATE INDEX records_username ON records (username, time, decision) WHERE decision IS NOT NULL",
        "CREATE INDEX records_incident ON records (incident, time) WHERE decision IS NOT NULL",
        "CREATE INDEX records_checkpoint ON records (chain, seq) WHERE schema = 'podgate.dev/checkpoint/v1'",
        "CREATE INDEX records_decision_id ON records (decision_id) WHERE decision IS NOT NULL",
        "CREATE INDEX records_owner ON records (owner_uid, time) WHERE owner_uid IS NOT NULL",
        "CREATE TABLE violations (
        chain BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        time BIGINT NOT NULL,
        policy {text} NOT NULL,
        rule {text} NOT NULL,
        enforcement TEXT NOT NULL,
        settled {text},
        exception {text})",
        "CREATE INDEX violations_record ON violations (chain, seq)",
        "CREATE INDEX violations_policy ON violations (policy, rule, time)",
        "CREATE INDEX violations_rule ON violations (rule, time)",
        "CREATE INDEX violations_exception ON violations (exception, time) WHERE exception IS NOT NULL",
        "CREATE TABLE changes (
        chain BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        time BIGINT NOT NULL,
        uid {text} NOT NULL,
        kind {text} NOT NULL,
        name {text} NOT NULL,
        owner_uid {text},
        template {text} NOT NULL,
        username {text} NOT NULL)",
        "CREATE INDEX changes_uid ON changes (uid, time)",
        "CREATE INDEX changes_owner ON changes (owner_uid)",
        "CREATE INDEX changes_username ON changes (username)",
        "CREATE TABLE incidents (
        incident {text} PRIMARY KEY,
        decision {text} NOT NULL,
        namespace {text} NOT NULL,
        kind {text} NOT NULL,
        count BIGINT NOT NULL,
        first_time BIGINT NOT NULL,
        last_time BIGINT NOT NULL)",
        "CREATE TABLE decision_counts (
        start BIGINT NOT NULL,
        decision {text} NOT NULL,
        policy_set {text} NOT NULL,
        count BIGINT NOT NULL,
        first_time BIGINT NOT NULL,
        last_time BIGINT NOT NULL,
        PRIMARY KEY (start, decision, policy_set))",
        "CREATE TABLE rule_counts (
        start BIGINT NOT NULL,
        policy {text} NOT NULL,
        rule {text} NOT NULL,
        decision {text} NOT NULL,
        count BIGINT NOT NULL,
        first_time BIGINT NOT NULL,
        last_time BIGINT NOT NULL,
        PRIMARY KEY (start, policy, rule, decision))",
        "CREATE INDEX incidents_last ON incidents (last_time, incident)",
    ],
    &["CREATE INDEX records_gap ON records (time) WHERE schema = 'podgate.dev/gap/v1'"],
];

/// The newest version.
pub(super) const VERSION: i64 = 2;
const _: () = assert!(MIGRATIONS.len() == 2, "VERSION is the number of migrations");

/// Brings the tables up to date.
pub(super) async fn migrate(connection: &mut AnyConnection, kind: Kind) -> Result<(), StoreError> {
    let create = "CREATE TABLE IF NOT EXISTS podgate_ledger (version BIGINT NOT NULL)";
    sqlx::query(create).execute(&mut *connection).await?;
    let version = sqlx::query_scalar::<_, i64>("SELECT version FROM podgate_ledger")
        .fetch_optional(&mut *connection)
        .await?;
    if version.is_none() {
        sqlx::query("INSERT INTO podgate_ledger VALUES (0)").execute(&mut *connection).await?;
    }
    let version = version.unwrap_or_default();
    if version > VERSION {
        return Err(StoreError::Newer { version });
    }
    for (place, statements) in (0..).zip(MIGRATIONS) {
        if place < version {
            continue;
        }
        for statement in *statements {
            sqlx::query(sqlx::AssertSqlSafe(of_kind(statement, kind)))
                .execute(&mut *connection)
                .await?;
        }
        let mut update = Sql::new("UPDATE podgate_ledger SET version = ");
        update.bind(place + 1).query().execute(&mut *connection).await?;
    }
    Ok(())
}

/// The words in which the two databases differ.
fn of_kind(statement: &str, kind: Kind) -> String {
    let (identity, text, records_key, partitioned) = match kind {
        Kind::Sqlite => ("INTEGER PRIMARY KEY", "TEXT", "PRIMARY KEY (chain, seq)", ""),
        // The key of a partitioned table holds what it is partitioned by.
        Kind::Postgres => (
            "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            // In the order of bytes, in which an index serves the beginnings of texts, too.
            "TEXT COLLATE \"C\"",
            "PRIMARY KEY (chain, seq, time)",
            " PARTITION BY RANGE (time)",
        ),
    };
    statement
        .replace("{identity}", identity)
        .replace("{text}", text)
        .replace("{records_key}", records_key)
        .replace("{partitioned}", partitioned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::store::Store;
    use crate::ledger::testing::Folder;

    #[tokio::test]
    async fn a_store_of_an_earlier_podgate_is_brought_up_to_date() {
        let folder = Folder::new("schema");
        let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
        let store = Store::open(&url).await.unwrap();
        for undo in ["DROP INDEX records_gap", "UPDATE podgate_ledger SET version = 1"] {
            sqlx::query(undo).execute(&store.pool).await.unwrap();
        }
        store.pool.close().await;
        let store = Store::open(&url).await.unwrap();
        let version: i64 = sqlx::query_scalar("SELECT version FROM podgate_ledger")
            .fetch_one(&store.pool)
            .await
            .unwrap();
        assert_eq!(version, VERSION);
        let there = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'records_gap'";
        let there: i64 = sqlx::query_scalar(there).fetch_one(&store.pool).await.unwrap();
        assert_eq!(there, 1);
    }
}
