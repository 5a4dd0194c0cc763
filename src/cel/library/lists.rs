//! Lists.

use std::cmp::Ordering;

use super::{Evaluated, Row, error, global, int, items, member};
use crate::cel::evaluate::{Frame, no_overload};
use crate::cel::program::Fault;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    member("list<A>.distinct() -> list<A>", distinct),
    member("list<A>.first() -> optional<A>", first),
    member("list<A>.last() -> optional<A>", last),
    member("list<list<A>>.flatten() -> list<A>", flatten),
    member("list<dyn>.flatten(int) -> list<dyn>", flatten),
    member("dyn.includes(dyn) -> bool", includes),
    member("list<A>.indexOf(A) -> int", index_of),
    member("list<A>.lastIndexOf(A) -> int", last_index_of),
    member("list<A>.reverse() -> list<A>", reverse),
    member("list<A>.slice(int, int) -> list<A>", slice),
    member("list<int>.isSorted() -> bool", is_sorted),
    member("list<uint>.isSorted() -> bool", is_sorted),
    member("list<double>.isSorted() -> bool", is_sorted),
    member("list<bool>.isSorted() -> bool", is_sorted),
    member("list<duration>.isSorted() -> bool", is_sorted),
    member("list<timestamp>.isSorted() -> bool", is_sorted),
    member("list<string>.isSorted() -> bool", is_sorted),
    member("list<bytes>.isSorted() -> bool", is_sorted),
    member("list<int>.max() -> int", max),
    member("list<uint>.max() -> uint", max),
    member("list<double>.max() -> double", max),
    member("list<bool>.max() -> bool", max),
    member("list<duration>.max() -> duration", max),
    member("list<timestamp>.max() -> timestamp", max),
    member("list<string>.max() -> string", max),
    member("list<bytes>.max() -> bytes", max),
    member("list<int>.min() -> int", min),
    member("list<uint>.min() -> uint", min),
    member("list<double>.min() -> double", min),
    member("list<bool>.min() -> bool", min),
    member("list<duration>.min() -> duration", min),
    member("list<timestamp>.min() -> timestamp", min),
    member("list<string>.min() -> string", min),
    member("list<bytes>.min() -> bytes", min),
    member("list<int>.sort() -> list<int>", sorted),
    member("list<uint>.sort() -> list<uint>", sorted),
    member("list<double>.sort() -> list<double>", sorted),
    member("list<bool>.sort() -> list<bool>", sorted),
    member("list<duration>.sort() -> list<duration>", sorted),
    member("list<timestamp>.sort() -> list<timestamp>", sorted),
    member("list<string>.sort() -> list<string>", sorted),
    member("list<bytes>.sort() -> list<bytes>", sorted),
    member("list<int>.sum() -> int", sum),
    member("list<uint>.sum() -> uint", sum),
    member("list<double>.sum() -> double", sum),
    member("list<duration>.sum() -> duration", sum),
    global("lists.range(int) -> list<int>", range),
];

/// Pays for looking at every item, and into it.
fn walk<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Result<&'a [Value<'a>], Fault> {
    frame.charge_deep(&args[0])?;
    Ok(items(args, 0))
}

fn place<'a>(index: Option<usize>) -> Value<'a> {
    Value::Int(index.and_then(|index| i64::try_from(index).ok()).unwrap_or(-1))
}

fn distinct<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let mut kept: Vec<Value<'a>> = Vec::new();
    for item in walk(frame, args)? {
        let weight = item.deep_weight(1 << 20);
        frame.charge(1 + weight * kept.len() as u64 / 4)?;
        if !kept.iter().any(|known| known.equals(item)) {
            kept.push(*item);
        }
    }
    frame.arena().list(&kept)
}

fn first<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    items(args, 0).first().map_or(Ok(Value::Optional(None)), |item| frame.arena().some(*item))
}

fn last<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    items(args, 0).last().map_or(Ok(Value::Optional(None)), |item| frame.arena().some(*item))
}

fn flatten<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let depth = args.get(1).map_or(1, |_| int(args, 1));
    if depth < 0 {
        return error("a list cannot be flattened to a negative depth");
    }
    let mut flat = Vec::new();
    flatten_into(frame, &mut flat, items(args, 0), depth)?;
    frame.arena().list(&flat)
}

/// Values nest no deeper than the JSON or the expression that made them.
fn flatten_into<'a>(
    frame: &mut Frame<'_, 'a>,
    flat: &mut Vec<Value<'a>>,
    items: &'a [Value<'a>],
    depth: i64,
) -> Result<(), Fault> {
    for item in items {
        frame.charge(1)?;
        match item {
            Value::List(inner) if depth > 0 => flatten_into(frame, flat, inner, depth - 1)?,
            item => flat.push(*item),
        }
    }
    Ok(())
}

/// Whether a list has it; of anything else, whether it is it.
fn includes<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge_deep(&args[0])?;
    match args[0] {
        Value::List(items) => Ok(Value::Bool(items.iter().any(|item| item.equals(&args[1])))),
        other => Ok(Value::Bool(other.equals(&args[1]))),
    }
}

fn index_of<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let items = walk(frame, args)?;
    Ok(place(items.iter().position(|item| item.equals(&args[1]))))
}

fn last_index_of<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let items = walk(frame, args)?;
    Ok(place(items.iter().rposition(|item| item.equals(&args[1]))))
}

fn reverse<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let items: Vec<Value<'a>> = walk(frame, args)?.iter().rev().copied().collect();
    frame.arena().list(&items)
}

fn slice<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (items, start, end) = (items(args, 0), int(args, 1), int(args, 2));
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    match range.and_then(|(start, end)| items.get(start..end)) {
        Some(part) => Ok(Value::List(part)),
        None => error(format!("a list of {} has no slice({start}, {end})", items.len())),
    }
}

/// Compares items, which must be of one type.
fn order(a: &Value<'_>, b: &Value<'_>) -> Result<Ordering, Fault> {
    let is_nan = |value: &Value<'_>| matches!(value, Value::Double(number) if number.is_nan());
    match a.compare(b) {
        Some(order) => Ok(order),
        None if is_nan(a) || is_nan(b) => Ok(Ordering::Equal),
        None => Err(no_overload("the order of a list", &[*a, *b])),
    }
}

fn is_sorted<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    for pair in walk(frame, args)?.windows(2) {
        if order(&pair[0], &pair[1])? == Ordering::Greater {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn extreme<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>], wanted: Ordering) -> Evaluated<'a> {
    let items = walk(frame, args)?;
    let Some((first, rest)) = items.split_first() else {
        return error("the list is empty");
    };
    let mut best = *first;
    for item in rest {
        if order(item, &best)? == wanted {
            best = *item;
        }
    }
    Ok(best)
}

fn max<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    extreme(frame, args, Ordering::Greater)
}

fn min<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    extreme(frame, args, Ordering::Less)
}

fn sorted<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let mut entries: Vec<_> = items(args, 0).iter().map(|item| (*item, *item)).collect();
    sort(frame, &mut entries)?;
    let items: Vec<Value<'a>> = entries.into_iter().map(|(_, item)| item).collect();
    frame.arena().list(&items)
}

/// Sorts by the first of each pair; what is equal stays in its order.
pub(in super::super) fn sort<'a>(
    frame: &mut Frame<'_, 'a>,
    entries: &mut [(Value<'a>, Value<'a>)],
) -> Result<(), Fault> {
    let weight: u64 = entries.iter().map(|(key, _)| key.weight()).sum();
    frame.charge(weight.saturating_mul(8))?;
    for pair in entries.windows(2) {
        if pair[0].0.type_name() != pair[1].0.type_name() {
            return Err(no_overload("the order of a list", &[pair[0].0, pair[1].0]));
        }
        order(&pair[0].0, &pair[1].0)?;
    }
    entries.sort_by(|(a, _), (b, _)| a.compare(b).unwrap_or(Ordering::Equal));
    Ok(())
}

fn sum<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let items = walk(frame, args)?;
    let mut sum = match items.first() {
        Some(Value::Uint(_)) => Value::Uint(0),
        Some(Value::Double(_)) => Value::Double(0.0),
        Some(Value::Duration(_)) => Value::Duration(0),
        _ => Value::Int(0),
    };
    for item in items {
        let next = match (sum, item) {
            (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int),
            (Value::Uint(a), Value::Uint(b)) => a.checked_add(*b).map(Value::Uint),
            (Value::Double(a), Value::Double(b)) => Some(Value::Double(a + b)),
            (Value::Duration(a), Value::Duration(b)) => a.checked_add(*b).map(Value::Duration),
            (a, b) => return Err(no_overload("sum", &[a, *b])),
        };
        let Some(next) = next else { return error("integer overflow") };
        sum = next;
    }
    Ok(sum)
}

fn range<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let end = int(args, 0);
    if end < 0 {
        return error(format!("a range has no negative size, such as {end}"));
    }
    frame.charge(u64::try_from(end).unwrap_or(0))?;
    frame.room_for(usize::try_from(end).unwrap_or(usize::MAX))?;
    let items: Vec<Value<'a>> = (0..end).map(Value::Int).collect();
    frame.arena().list(&items)
}
