//! Types, conversions and sizes.

#![expect(clippy::unnecessary_wraps, reason = "all functions have one signature")]

use super::{Evaluated, Row, error, global, member};
use crate::cel::convert;
use crate::cel::evaluate::Frame;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    global("type(A) -> type<A>", type_of),
    global("dyn(A) -> dyn", same),
    global("bool(bool) -> bool", convert::to_bool),
    global("bool(string) -> bool", convert::to_bool),
    global("bytes(bytes) -> bytes", convert::to_bytes),
    global("bytes(string) -> bytes", convert::to_bytes),
    global("double(double) -> double", convert::to_double),
    global("double(int) -> double", convert::to_double),
    global("double(string) -> double", convert::to_double),
    global("double(uint) -> double", convert::to_double),
    global("duration(duration) -> duration", convert::to_duration),
    global("duration(string) -> duration", convert::to_duration),
    global("int(int) -> int", convert::to_int),
    global("int(double) -> int", convert::to_int),
    global("int(duration) -> int", convert::to_int),
    global("int(string) -> int", convert::to_int),
    global("int(timestamp) -> int", convert::to_int),
    global("int(uint) -> int", convert::to_int),
    global("string(string) -> string", convert::to_string),
    global("string(bool) -> string", convert::to_string),
    global("string(bytes) -> string", convert::to_string),
    global("string(double) -> string", convert::to_string),
    global("string(duration) -> string", convert::to_string),
    global("string(int) -> string", convert::to_string),
    global("string(timestamp) -> string", convert::to_string),
    global("string(uint) -> string", convert::to_string),
    global("string(ip) -> string", convert::to_string),
    global("string(cidr) -> string", convert::to_string),
    global("timestamp(timestamp) -> timestamp", convert::to_timestamp),
    global("timestamp(int) -> timestamp", convert::to_timestamp),
    global("timestamp(string) -> timestamp", convert::to_timestamp),
    global("uint(uint) -> uint", convert::to_uint),
    global("uint(double) -> uint", convert::to_uint),
    global("uint(int) -> uint", convert::to_uint),
    global("uint(string) -> uint", convert::to_uint),
    global("size(bytes) -> int", size),
    global("size(list<A>) -> int", size),
    global("size(map<A, B>) -> int", size),
    global("size(string) -> int", size),
    member("bytes.size() -> int", size),
    member("list<A>.size() -> int", size),
    member("map<A, B>.size() -> int", size),
    member("string.size() -> int", size),
];

fn type_of<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Type(args[0].type_name()))
}

fn same<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(args[0])
}

/// Of a string, in characters.
fn size<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let size = match args[0] {
        Value::String(text) => {
            frame.charge(args[0].weight())?;
            text.chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.entries().len(),
        other => return error(format!("a {} has no size", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}
