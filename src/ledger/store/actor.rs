//! Who did it: pods come from controllers, so who is behind one is who changed the workload that it was made from.
//!
//! ```text
//! pod ─ owner ─► ReplicaSet (its change: template T, owner Deployment)
//!                     └─ owner ─► Deployment: its newest change of template T, before the ReplicaSet's ─► the user
//! ```
//!
//! Records of a chain come in order, those of several replicas do not: so it is looked up when it is asked for.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{AnyConnection, Row as _};

use super::StoreError;
use super::sql::Sql;
use crate::ledger::entry::Owner;

/// How many owners one may have above it: a `CronJob`'s pod has a Job, and that the `CronJob`.
const GENERATIONS: usize = 4;

/// Who changed the workload behind an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// Kind of the workload.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Who changed it.
    pub changed_by: String,
    /// When.
    pub changed_at: Timestamp,
}

/// A change, as the table has it.
#[derive(Debug, Clone)]
struct Change {
    time: i64,
    uid: String,
    kind: String,
    name: String,
    owner: Option<String>,
    template: String,
    user: String,
}

/// The changes of some workloads and of those above them.
#[derive(Debug, Default)]
pub(super) struct Changes(HashMap<String, Vec<Change>>);

impl Changes {
    /// Those of the workloads of these uids, and above.
    pub(super) async fn of(
        connection: &mut AnyConnection,
        uids: impl IntoIterator<Item = String>,
    ) -> Result<Self, StoreError> {
        let mut changes: HashMap<String, Vec<Change>> = HashMap::new();
        let mut asked: HashSet<String> = HashSet::new();
        let mut wanted: Vec<String> = uids.into_iter().collect();
        for _ in 0..GENERATIONS {
            wanted.retain(|uid| !uid.is_empty() && asked.insert(uid.clone()));
            let mut above = Vec::new();
            for uids in wanted.chunks(500) {
                let mut select = Sql::new(
                    "SELECT time, uid, kind, name, owner_uid, template, username FROM changes WHERE uid IN ",
                );
                select.tuple(uids.iter().map(String::as_str)).push(" ORDER BY time");
                for row in select.query().fetch_all(&mut *connection).await? {
                    let change = Change {
                        time: row.try_get(0)?,
                        uid: row.try_get(1)?,
                        kind: row.try_get(2)?,
                        name: row.try_get(3)?,
                        owner: row.try_get(4)?,
                        template: row.try_get(5)?,
                        user: row.try_get(6)?,
                    };
                    above.extend(change.owner.clone());
                    changes.entry(change.uid.clone()).or_default().push(change);
                }
            }
            if above.is_empty() {
                break;
            }
            wanted = above;
        }
        Ok(Self(changes))
    }

    /// Who is behind an object that `owner` manages and that came at `time`.
    pub(super) fn actor(&self, owner: &Owner, time: Timestamp) -> Option<Actor> {
        let (mut uid, mut template, mut before) = (owner.uid.clone(), None, time.as_microsecond());
        let mut found = None;
        for _ in 0..GENERATIONS {
            let Some(change) = self.newest(&uid, template.as_deref(), before) else { break };
            found = Some(change);
            let Some(above) = &change.owner else { break };
            (template, before) = (Some(change.template.clone()), change.time);
            uid.clone_from(above);
        }
        let change = found?;
        Some(Actor {
            kind: change.kind.clone(),
            name: change.name.clone(),
            uid: change.uid.clone(),
            changed_by: change.user.clone(),
            changed_at: Timestamp::from_microsecond(change.time).unwrap_or_default(),
        })
    }

    /// The newest change before a moment to this template; where no change made that one, the newest of all before.
    fn newest(&self, uid: &str, template: Option<&str>, before: i64) -> Option<&Change> {
        let earlier = self.0.get(uid)?.iter().rev().filter(|change| change.time <= before);
        let exact = template
            .and_then(|template| earlier.clone().find(|change| change.template == template));
        exact.or_else(|| earlier.clone().next())
    }
}
