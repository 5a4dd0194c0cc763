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

/// Both lists, paid for: each item of one is compared with each of the other.
fn both<'a>(
    frame: &mut Frame<'_, 'a>,
    args: &[Value<'a>],
) -> Result<(&'a [Value<'a>], &'a [Value<'a>]), Fault> {
    let (a, b) = (items(args, 0), items(args, 1));
    // No pair costs more than the lighter of the two.
    let (deep_a, deep_b) = (args[0].deep_weight(1 << 20), args[1].deep_weight(1 << 20));
    let pairs = deep_a.saturating_mul(b.len() as u64).min(deep_b.saturating_mul(a.len() as u64));
    frame.charge(deep_a.saturating_add(deep_b).saturating_add(pairs))?;
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
