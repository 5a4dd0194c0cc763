//! How the records that a filter names are found.
//!
//! Records stand in the order of time, and what many are like is found soon by walking back. What few are like is not: it
//! would take a walk over all of them. So each part of a filter that has an index is first counted, up to [`FEW`], and
//! the part that leaves least leads. The databases do not choose so by themselves: they do not know what a pattern leaves,
//! and one of them gathers and sorts all of it before the first.

use super::sql::Sql;
use super::{Store, StoreError};
use crate::ledger::query::Filter;

/// So many records are gathered and sorted rather than walked to.
const FEW: i64 = 5_000;

/// The part of a filter that leads to its records.
#[derive(Debug, Clone, Copy)]
enum Part<'f> {
    /// A column of `records`, which has an index with the time.
    Column(&'static str, &'f [String]),
    /// Who changed the workload.
    ChangedBy(&'f [String]),
    /// The rules that were broken, and their policies.
    Rules(&'f Filter),
}

/// A filter, and what leads to its records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Narrow<'f> {
    filter: &'f Filter,
    lead: Option<Part<'f>>,
}

impl Store {
    /// Finds out what leads to the records of `filter`.
    pub(super) async fn narrow<'f>(&self, filter: &'f Filter) -> Result<Narrow<'f>, StoreError> {
        let (mut lead, mut least) = (None, FEW + 1);
        for part in parts(filter) {
            let mut count = Sql::new("SELECT COUNT(*) FROM (SELECT 1 AS one FROM ");
            part.push(&mut count, filter);
            count.push(" LIMIT ").bind(least).push(") AS few");
            let found: i64 = sqlx::Row::try_get(&count.query().fetch_one(&self.pool).await?, 0)?;
            if found < least {
                (lead, least) = (Some(part), found);
            }
        }
        Ok(Narrow { filter, lead })
    }
}

/// The parts that can lead.
fn parts(filter: &Filter) -> impl Iterator<Item = Part<'_>> {
    let columns = [
        ("k.incident", &filter.incidents),
        ("k.username", &filter.users),
        ("k.name", &filter.names),
        ("k.namespace", &filter.namespaces),
        ("k.kind", &filter.kinds),
        ("k.decision", &filter.decisions),
    ];
    let columns = columns.into_iter().filter(|(_, names)| !names.is_empty());
    let by = (!filter.changed_by.is_empty()).then_some(Part::ChangedBy(&filter.changed_by));
    let rules = !(filter.policies.is_empty() && filter.rules.is_empty());
    columns
        .map(|(column, names)| Part::Column(column, names))
        .chain(by)
        .chain(rules.then_some(Part::Rules(filter)))
}

impl Part<'_> {
    /// `table k WHERE …`: the rows of this part, within the filter's time.
    fn push(self, select: &mut Sql, filter: &Filter) {
        let exact = match self {
            Self::Column(column, names) => {
                select.push("records k WHERE k.decision IS NOT NULL");
                select.and_one_of(column, names);
                names.iter().all(|name| is_exact(name))
            }
            Self::ChangedBy(names) => {
                select.push("records k WHERE k.decision IS NOT NULL AND k.owner_uid IN (");
                owners(select, names);
                select.push(")");
                true
            }
            Self::Rules(Filter { policies, rules, .. }) => {
                select.push("violations k WHERE 1 = 1");
                select.and_one_of("k.policy", policies).and_one_of("k.rule", rules);
                policies.iter().chain(rules).all(|name| is_exact(name))
            }
        };
        // Beside a pattern, the index of time alone would be taken, and that of the pattern left.
        times(select, if exact { "k.time" } else { "(k.time + 0)" }, filter);
    }
}

impl Narrow<'_> {
    /// Whether a few records are known to be all that can be meant.
    pub(super) fn is_few(&self) -> bool {
        self.lead.is_some()
    }

    /// ` FROM records r WHERE …`.
    pub(super) fn push(&self, select: &mut Sql) {
        match self.lead {
            Some(lead) => {
                select.push(" FROM (SELECT DISTINCT k.time, k.chain, k.seq FROM ");
                lead.push(select, self.filter);
                // In this order, which one of the databases would else turn round.
                select.push(
                    ") AS k CROSS JOIN records r WHERE r.chain = k.chain AND r.seq = k.seq AND r.time = k.time",
                );
            }
            None => {
                select.push(" FROM records r WHERE 1 = 1");
            }
        }
        self.conditions(select);
    }

    /// ` AND …`: all parts of the filter.
    fn conditions(&self, select: &mut Sql) {
        // In full, so that a part that is forgotten does not compile.
        let Filter {
            since: _,
            until: _,
            decisions,
            namespaces,
            kinds,
            names,
            users,
            changed_by,
            policies,
            rules,
            replicas,
            incidents,
            decision_ids,
            dry_run,
        } = self.filter;
        select.push(" AND r.decision IS NOT NULL");
        times(select, "r.time", self.filter);
        for (column, walked, texts) in [
            ("r.decision", "(r.decision || '')", decisions),
            ("r.namespace", "(r.namespace || '')", namespaces),
            ("r.kind", "(r.kind || '')", kinds),
            ("r.name", "(r.name || '')", names),
            ("r.username", "(r.username || '')", users),
            ("r.incident", "(r.incident || '')", incidents),
        ] {
            // An index gives the records of one name in the order of time. Those of several it would gather and sort.
            let one = texts.len() == 1 && texts.iter().all(|text| is_exact(text));
            select.and_one_of(if one { column } else { walked }, texts);
        }
        select.and_one_of("r.decision_id", decision_ids);
        if let Some(dry_run) = dry_run {
            select.push(" AND r.dry_run = ").bind(i64::from(*dry_run));
        }
        if !(policies.is_empty() && rules.is_empty()) {
            select.push(
                " AND EXISTS (SELECT 1 FROM violations v WHERE v.chain = r.chain AND v.seq = r.seq",
            );
            select.and_one_of("v.policy", policies).and_one_of("v.rule", rules).push(")");
        }
        if !replicas.is_empty() {
            select.push(" AND (r.chain + 0) IN (SELECT c.id FROM chains c WHERE 1 = 1");
            select.and_one_of("c.replica", replicas).push(")");
        }
        if !changed_by.is_empty() {
            select.push(" AND (r.owner_uid || '') IN (");
            owners(select, changed_by);
            select.push(")");
        }
    }
}

/// Whether only the time and the outcome are asked by.
pub(super) fn is_by_time_alone(filter: &Filter) -> bool {
    let Filter { since, until, decisions, .. } = filter.clone();
    *filter == Filter { since, until, decisions, ..Filter::default() }
}

fn is_exact(name: &str) -> bool {
    !name.contains(['*', '?'])
}

fn times(select: &mut Sql, column: &'static str, filter: &Filter) {
    if let Some(since) = filter.since {
        select.push(" AND ").push(column).push(" >= ").bind(since.as_microsecond());
    }
    if let Some(until) = filter.until {
        select.push(" AND ").push(column).push(" < ").bind(until.as_microsecond());
    }
}

/// The workloads that these ever changed, and what was made from them. Who did at a given time is told apart afterwards.
fn owners(select: &mut Sql, changed_by: &[String]) {
    select.push("SELECT a.uid FROM changes a WHERE 1 = 1").and_one_of("a.username", changed_by);
    select.push(
        " UNION SELECT b.uid FROM changes b JOIN changes a ON a.uid = b.owner_uid WHERE 1 = 1",
    );
    select.and_one_of("a.username", changed_by);
}
