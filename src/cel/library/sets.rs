//! Lists taken as sets.

use super::{Evaluated, Row, global, items};
use crate::cel::evaluate::Frame;
use crate::cel::program::Fault;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    global("sets.contains(list<A>, list<A>) -> bool", contains),
    global("sets.equivalent(list<A>, list<A>) -> bool", equivalent),
    global("sets.intersects(list<A>, list<A>) -> bool", intersects),
];

/// Both lists; each item of one is compared with each of the other.
fn both<'a>(
    frame: &mut Frame<'_, 'a>,
    args: &[Value<'a>],
) -> Result<(&'a [Value<'a>], &'a [Value<'a>]), Fault> {
    let (a, b) = (items(args, 0), items(args, 1));
    frame.charge((a.len() as u64).saturating_mul(b.len() as u64))?;
    Ok((a, b))
}

fn has_all(a: &[Value<'_>], b: &[Value<'_>]) -> bool {
    b.iter().all(|item| a.iter().any(|other| other.equals(item)))
}

fn contains<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (a, b) = both(frame, args)?;
    Ok(Value::Bool(has_all(a, b)))
}

fn equivalent<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (a, b) = both(frame, args)?;
    Ok(Value::Bool(has_all(a, b) && has_all(b, a)))
}

fn intersects<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (a, b) = both(frame, args)?;
    Ok(Value::Bool(a.iter().any(|item| b.iter().any(|other| other.equals(item)))))
}
