//! Values that may be absent.

#![expect(clippy::unnecessary_wraps, reason = "all functions have one signature")]

use super::{Evaluated, Row, error, global, items, member};
use crate::cel::evaluate::{Frame, no_overload};
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    global("optional.none() -> optional<V>", none),
    global("optional.of(V) -> optional<V>", of),
    global("optional.ofNonZeroValue(V) -> optional<V>", of_non_zero),
    global("optional.unwrap(list<optional<V>>) -> list<V>", unwrap),
    member("list<optional<V>>.unwrapOpt() -> list<V>", unwrap),
    member("optional<V>.hasValue() -> bool", has_value),
    member("optional<V>.value() -> V", value),
    member("optional<V>.or(optional<V>) -> optional<V>", or),
    member("optional<V>.orValue(V) -> V", or_value),
];

fn none<'a>(_: &mut Frame<'_, 'a>, _: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Optional(None))
}

fn of<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.arena().some(args[0])
}

fn of_non_zero<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let is_zero = match args[0] {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) | Value::Duration(0) => {
            true
        }
        Value::Double(number) => number == 0.0,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.entries().is_empty(),
        _ => false,
    };
    if is_zero { Ok(Value::Optional(None)) } else { frame.arena().some(args[0]) }
}

fn unwrap<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let mut there = Vec::new();
    for item in items(args, 0) {
        frame.charge(1)?;
        match item {
            Value::Optional(inner) => there.extend(inner.copied()),
            other => return Err(no_overload("unwrap", &[*other])),
        }
    }
    frame.arena().list(&there)
}

fn has_value<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(matches!(args[0], Value::Optional(Some(_)))))
}

fn value<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    match args[0] {
        Value::Optional(Some(inner)) => Ok(*inner),
        _ => error("the optional has no value"),
    }
}

fn or<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(if matches!(args[0], Value::Optional(Some(_))) { args[0] } else { args[1] })
}

fn or_value<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    match args[0] {
        Value::Optional(Some(inner)) => Ok(*inner),
        _ => Ok(args[1]),
    }
}
