//! What policies and exceptions were used for.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::Row as _;

use super::sql::{Sql, moment, number};
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
pub struct ExceptionUse {
    /// The exception.
    pub exception: String,
    /// How often a rule was excepted by it.
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
    /// What each rule of each policy had part in since a moment, by policy, rule and outcome.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn policies(&self, since: Timestamp) -> Result<Vec<PolicyUse>, StoreError> {
        let mut select = Sql::new(
            "SELECT v.policy, v.rule, r.decision, COUNT(*), MAX(v.time) FROM violations v \
             JOIN records r ON r.chain = v.chain AND r.seq = v.seq WHERE v.time >= ",
        );
        select.bind(since.as_microsecond());
        select.push(" GROUP BY v.policy, v.rule, r.decision ORDER BY v.policy, v.rule, r.decision");
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
    pub async fn exceptions(&self, since: Timestamp) -> Result<Vec<ExceptionUse>, StoreError> {
        let mut select = Sql::new(
            "SELECT exception, COUNT(*), MAX(time) FROM violations WHERE exception IS NOT NULL AND time >= ",
        );
        select.bind(since.as_microsecond()).push(" GROUP BY exception ORDER BY exception");
        let mut used = Vec::new();
        for row in select.query().fetch_all(&self.pool).await? {
            used.push(ExceptionUse {
                exception: row.try_get(0)?,
                count: number(&row, 1)?,
                last: moment(&row, 2)?,
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
            "SELECT c.replica, r.policy_set, MAX(r.time) FROM records r JOIN chains c ON c.id = r.chain \
             WHERE r.decision IS NOT NULL AND r.time >= ",
        );
        select
            .bind(since.as_microsecond())
            .push(" GROUP BY c.replica, r.policy_set ORDER BY c.replica, MAX(r.time)");
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

    /// The policy sets that decided since a moment, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn policy_sets(&self, since: Timestamp) -> Result<Vec<PolicySetUse>, StoreError> {
        let mut select = Sql::new(
            "SELECT policy_set, COUNT(*), MIN(time), MAX(time) FROM records WHERE decision IS NOT NULL AND time >= ",
        );
        select.bind(since.as_microsecond()).push(" GROUP BY policy_set ORDER BY MAX(time) DESC");
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
