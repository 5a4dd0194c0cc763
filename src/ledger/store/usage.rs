//! What policies and exceptions were used for.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::Row as _;

use super::sql::{Sql, moment, number};
use super::tally::{HOUR, SLOT, start_of};
use super::{Store, StoreError};

/// How often a rule of a policy had part in an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyUse {
    /// The policy.
    pub policy: String,
    /// The rule.
    pub rule: String,
    /// The outcome of the decisions.
    pub decision: String,
    /// How many decisions.
    pub count: u64,
    /// The last one.
    pub last: Timestamp,
}

/// How often an exception was needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionCount {
    /// The exception.
    pub exception: String,
    /// How often a rule was excepted by it.
    pub count: u64,
    /// The last time.
    pub last: Timestamp,
}

/// How often an exception was needed for a rule in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptionUse {
    /// The exception.
    pub exception: String,
    /// The rule.
    pub rule: String,
    /// The namespace of the object.
    pub namespace: String,
    /// How often.
    pub count: u64,
    /// The last time.
    pub last: Timestamp,
}

/// When a policy set decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicySetUse {
    /// Its digest.
    pub digest: String,
    /// How many decisions.
    pub count: u64,
    /// The first one.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
}

impl Store {
    /// What each rule of each policy had part in since the hour of a moment, by policy, rule and outcome.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn policies(&self, since: Timestamp) -> Result<Vec<PolicyUse>, StoreError> {
        let mut select = Sql::new(
            "SELECT policy, rule, decision, CAST(SUM(count) AS BIGINT), MAX(last_time) FROM rule_counts \
             WHERE start >= ",
        );
        select.bind(start_of(since.as_microsecond(), HOUR));
        select.push(" GROUP BY policy, rule, decision ORDER BY policy, rule, decision");
        let mut used = Vec::new();
        for row in select.query().fetch_all(&self.pool).await? {
            used.push(PolicyUse {
                policy: row.try_get(0)?,
                rule: row.try_get(1)?,
                decision: row.try_get(2)?,
                count: number(&row, 3)?,
                last: moment(&row, 4)?,
            });
        }
        Ok(used)
    }

    /// The exceptions that were needed since a moment.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn exceptions(&self, since: Timestamp) -> Result<Vec<ExceptionCount>, StoreError> {
        let mut select = Sql::new(
            "SELECT exception, COUNT(*), MAX(time) FROM violations WHERE exception IS NOT NULL AND time >= ",
        );
        select.bind(since.as_microsecond()).push(" GROUP BY exception ORDER BY exception");
        let mut used = Vec::new();
        for row in select.query().fetch_all(&self.pool).await? {
            used.push(ExceptionCount {
                exception: row.try_get(0)?,
                count: number(&row, 1)?,
                last: moment(&row, 2)?,
            });
        }
        Ok(used)
    }

    /// What the exceptions were needed for since a moment. It reads each such decision.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn exception_uses(&self, since: Timestamp) -> Result<Vec<ExceptionUse>, StoreError> {
        let mut select = Sql::new(
            "SELECT v.exception, v.rule, r.namespace, COUNT(*), MAX(v.time) FROM violations v \
             JOIN records r ON r.chain = v.chain AND r.seq = v.seq AND r.time = v.time \
             WHERE v.exception IS NOT NULL AND v.time >= ",
        );
        select.bind(since.as_microsecond());
        select.push(
            " GROUP BY v.exception, v.rule, r.namespace ORDER BY v.exception, v.rule, r.namespace",
        );
        let mut used = Vec::new();
        for row in select.query().fetch_all(&self.pool).await? {
            used.push(ExceptionUse {
                exception: row.try_get(0)?,
                rule: row.try_get(1)?,
                namespace: row.try_get::<Option<String>, _>(2)?.unwrap_or_default(),
                count: number(&row, 3)?,
                last: moment(&row, 4)?,
            });
        }
        Ok(used)
    }

    /// Replicas that decided since a moment: name, digest of the policy set of the last decision, and when that was.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn replicas(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(String, String, Timestamp)>, StoreError> {
        let mut select = Sql::new(
            "SELECT c.replica, r.policy_set, r.time FROM chains c JOIN records r ON r.chain = c.id AND r.seq = \
             (SELECT MAX(l.seq) FROM records l WHERE l.chain = c.id AND l.decision IS NOT NULL) WHERE r.time >= ",
        );
        select.bind(since.as_microsecond()).push(" ORDER BY c.replica, r.time");
        let mut replicas: Vec<(String, String, Timestamp)> = Vec::new();
        for row in select.query().fetch_all(&self.pool).await? {
            let (replica, digest): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let last = moment(&row, 2)?;
            // The last of a replica is its newest.
            replicas.retain(|(other, ..)| *other != replica);
            replicas.push((replica, digest, last));
        }
        Ok(replicas)
    }

    /// The policy sets that decided since a moment, five minutes more or less, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn policy_sets(&self, since: Timestamp) -> Result<Vec<PolicySetUse>, StoreError> {
        let mut select = Sql::new(
            "SELECT policy_set, CAST(SUM(count) AS BIGINT), MIN(first_time), MAX(last_time) FROM decision_counts \
             WHERE start >= ",
        );
        select.bind(start_of(since.as_microsecond(), SLOT));
        select.push(" GROUP BY policy_set ORDER BY MAX(last_time) DESC");
        let mut used = Vec::new();
        for row in select.query().fetch_all(&self.pool).await? {
            used.push(PolicySetUse {
                digest: row.try_get(0)?,
                count: number(&row, 1)?,
                first: moment(&row, 2)?,
                last: moment(&row, 3)?,
            });
        }
        Ok(used)
    }
}
