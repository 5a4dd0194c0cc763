//! The operators on numbers, and on what else can be added.

use super::{Evaluated, Row, error, global};
use crate::cel::evaluate::{Frame, no_overload};
use crate::cel::moment::Moment;
use crate::cel::program::Fault;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    global("_+_(int, int) -> int", add),
    global("_+_(uint, uint) -> uint", add),
    global("_+_(double, double) -> double", add),
    global("_+_(string, string) -> string", join),
    global("_+_(bytes, bytes) -> bytes", join),
    global("_+_(list<A>, list<A>) -> list<A>", join),
    global("_+_(duration, duration) -> duration", add_times),
    global("_+_(duration, timestamp) -> timestamp", add_times),
    global("_+_(timestamp, duration) -> timestamp", add_times),
    global("_-_(int, int) -> int", subtract),
    global("_-_(uint, uint) -> uint", subtract),
    global("_-_(double, double) -> double", subtract),
    global("_-_(duration, duration) -> duration", subtract_times),
    global("_-_(timestamp, duration) -> timestamp", subtract_times),
    global("_-_(timestamp, timestamp) -> duration", subtract_times),
    global("_*_(int, int) -> int", multiply),
    global("_*_(uint, uint) -> uint", multiply),
    global("_*_(double, double) -> double", multiply),
    global("_/_(int, int) -> int", divide),
    global("_/_(uint, uint) -> uint", divide),
    global("_/_(double, double) -> double", divide),
    global("_%_(int, int) -> int", modulo),
    global("_%_(uint, uint) -> uint", modulo),
    global("-_(int) -> int", negate),
    global("-_(double) -> double", negate),
];

fn overflow() -> Fault {
    Fault::Error("integer overflow".to_owned())
}

/// What both kinds of integer do, and what doubles do.
fn apply<'a>(
    name: &str,
    args: &[Value<'a>],
    ints: fn(i64, i64) -> Option<i64>,
    uints: fn(u64, u64) -> Option<u64>,
    doubles: fn(f64, f64) -> f64,
) -> Evaluated<'a> {
    match (args[0], args[1]) {
        (Value::Int(a), Value::Int(b)) => ints(a, b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => uints(a, b).map(Value::Uint).ok_or_else(overflow),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(doubles(a, b))),
        _ => Err(no_overload(name, args)),
    }
}

fn add<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    apply("+", args, i64::checked_add, u64::checked_add, |a, b| a + b)
}

fn subtract<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    apply("-", args, i64::checked_sub, u64::checked_sub, |a, b| a - b)
}

fn multiply<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    apply("*", args, i64::checked_mul, u64::checked_mul, |a, b| a * b)
}

fn divide<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    if matches!(args[1], Value::Int(0) | Value::Uint(0)) {
        return error("division by zero");
    }
    apply("/", args, i64::checked_div, u64::checked_div, |a, b| a / b)
}

fn modulo<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    if matches!(args[1], Value::Int(0) | Value::Uint(0)) {
        return error("modulus by zero");
    }
    apply("%", args, i64::checked_rem, u64::checked_rem, |a, b| a % b)
}

fn negate<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    match args[0] {
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or_else(overflow),
        Value::Double(value) => Ok(Value::Double(-value)),
        _ => Err(no_overload("-", args)),
    }
}

fn join<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[0].weight() + args[1].weight())?;
    match (args[0], args[1]) {
        (Value::String(a), Value::String(b)) => {
            frame.arena().text(&[a, b].concat()).map(Value::String)
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            frame.arena().slice(&[a, b].concat()).map(Value::Bytes)
        }
        (Value::List(a), Value::List(b)) => frame.arena().list(&[a, b].concat()),
        _ => Err(no_overload("+", args)),
    }
}

fn moment<'a>(moment: Moment, nanoseconds: i128) -> Evaluated<'a> {
    let moved = Moment::new(moment.nanoseconds() + nanoseconds);
    moved.map(Value::Timestamp).map_or_else(|| error("timestamp overflow"), Ok)
}

fn span<'a>(nanoseconds: Option<i64>) -> Evaluated<'a> {
    nanoseconds.map(Value::Duration).map_or_else(|| error("duration overflow"), Ok)
}

fn add_times<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    match (args[0], args[1]) {
        (Value::Duration(a), Value::Duration(b)) => span(a.checked_add(b)),
        (Value::Timestamp(a), Value::Duration(b)) | (Value::Duration(b), Value::Timestamp(a)) => {
            moment(a, i128::from(b))
        }
        _ => Err(no_overload("+", args)),
    }
}

fn subtract_times<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    match (args[0], args[1]) {
        (Value::Duration(a), Value::Duration(b)) => span(a.checked_sub(b)),
        (Value::Timestamp(a), Value::Duration(b)) => moment(a, -i128::from(b)),
        (Value::Timestamp(a), Value::Timestamp(b)) => {
            span(i64::try_from(a.nanoseconds() - b.nanoseconds()).ok())
        }
        _ => Err(no_overload("-", args)),
    }
}
