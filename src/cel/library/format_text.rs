//! `string.format(list)`: the clauses `%s`, `%d`, `%f`, `%e`, `%b`, `%o`, `%x`, `%X` and `%%`.

use std::fmt::Write as _;

use super::{Evaluated, error, items, text};
use crate::cel::evaluate::Frame;
use crate::cel::print;
use crate::cel::program::Fault;
use crate::cel::types::Type;
use crate::cel::value::Value;

/// The most digits behind the point.
const PRECISION: usize = 100;

/// One part of a format.
enum Piece<'p> {
    Text(&'p str),
    Clause { verb: char, precision: Option<usize> },
}

/// The parts of a format, or what is wrong with it.
fn pieces(pattern: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut pieces, mut rest) = (Vec::new(), pattern);
    while let Some(at) = rest.find('%') {
        pieces.push(Piece::Text(&rest[..at]));
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            pieces.push(Piece::Text("%"));
            rest = after;
            continue;
        }
        let precision = precision(&mut rest)?;
        let verb = rest.chars().next().ok_or("the format ends in a %; %% stands for one")?;
        if !"sdfeboxX".contains(verb) {
            return Err(format!("%{verb} is no clause of a format"));
        }
        rest = &rest[verb.len_utf8()..];
        pieces.push(Piece::Clause { verb, precision });
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// `.6` before a verb.
fn precision(rest: &mut &str) -> Result<Option<usize>, String> {
    let Some(after) = rest.strip_prefix('.') else { return Ok(None) };
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    *rest = &after[end..];
    match after[..end].parse() {
        Ok(precision) if precision <= PRECISION => Ok(Some(precision)),
        Ok(_) => Err(format!("a precision is at most {PRECISION}")),
        Err(_) => Err("no number follows the point of a precision".to_owned()),
    }
}

/// Whether a format fits what it is given: one value of the right type for each clause.
pub(in super::super) fn check(pattern: &str, given: &[Type]) -> Result<(), String> {
    let clauses: Vec<char> = pieces(pattern)?
        .into_iter()
        .filter_map(|piece| if let Piece::Clause { verb, .. } = piece { Some(verb) } else { None })
        .collect();
    if clauses.len() != given.len() {
        let values = given.len();
        return Err(format!(
            "the format has {} clauses, and is given {values} values",
            clauses.len()
        ));
    }
    for (verb, of) in clauses.into_iter().zip(given) {
        let takes = match verb {
            'd' => matches!(of, Type::Int | Type::Uint),
            'f' | 'e' => *of == Type::Double,
            'b' => matches!(of, Type::Int | Type::Uint | Type::Bool),
            'o' => matches!(of, Type::Int | Type::Uint),
            'x' | 'X' => matches!(of, Type::Int | Type::Uint | Type::String | Type::Bytes),
            _ => !matches!(
                of,
                Type::Optional(_)
                    | Type::Quantity
                    | Type::Ip
                    | Type::Cidr
                    | Type::Url
                    | Type::Semver
                    | Type::Format
                    | Type::Struct(_)
            ),
        };
        if !takes && !of.is_dyn() {
            return Err(format!("%{verb} does not take a value of type {of}"));
        }
    }
    Ok(())
}

pub(super) fn format<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (pattern, mut values) = (text(args, 0), items(args, 1).iter());
    let mut out = String::new();
    for piece in pieces(pattern).map_err(Fault::Error)? {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Clause { verb, precision } => {
                let Some(value) = values.next() else {
                    return error("the format has more clauses than there are values");
                };
                clause(frame, &mut out, verb, precision, value)?;
            }
        }
        frame.charge(1 + out.len() as u64 / 64)?;
        if out.len() > frame.session.memory.bounds.bytes {
            return Err(Fault::Memory);
        }
    }
    frame.arena().text(&out).map(Value::String)
}

fn clause(
    frame: &mut Frame<'_, '_>,
    out: &mut String,
    verb: char,
    precision: Option<usize>,
    value: &Value<'_>,
) -> Result<(), Fault> {
    let written = match (verb, value) {
        ('s', value) => {
            plain(frame, out, value, false)?;
            Ok(())
        }
        ('d', Value::Int(number)) => write!(out, "{number}"),
        ('d', Value::Uint(number)) => write!(out, "{number}"),
        ('f' | 'e', Value::Double(number)) if !number.is_finite() => {
            out.push_str(match number {
                number if number.is_nan() => "NaN",
                number if *number > 0.0 => "∞",
                _ => "-∞",
            });
            Ok(())
        }
        ('f', Value::Double(number)) => write!(out, "{number:.*}", precision.unwrap_or(6)),
        ('e', Value::Double(number)) => {
            out.push_str(&scientific(*number));
            Ok(())
        }
        ('b', Value::Bool(value)) => write!(out, "{}", u8::from(*value)),
        ('b', Value::Int(number)) => signed(out, *number, |out, n| write!(out, "{n:b}")),
        ('b', Value::Uint(number)) => write!(out, "{number:b}"),
        ('o', Value::Int(number)) => signed(out, *number, |out, n| write!(out, "{n:o}")),
        ('o', Value::Uint(number)) => write!(out, "{number:o}"),
        ('x', Value::Int(number)) => signed(out, *number, |out, n| write!(out, "{n:x}")),
        ('x', Value::Uint(number)) => write!(out, "{number:x}"),
        ('X', Value::Int(number)) => signed(out, *number, |out, n| write!(out, "{n:X}")),
        ('X', Value::Uint(number)) => write!(out, "{number:X}"),
        ('x' | 'X', Value::String(text)) => hexadecimal(out, text.as_bytes(), verb == 'X'),
        ('x' | 'X', Value::Bytes(bytes)) => hexadecimal(out, bytes, verb == 'X'),
        (verb, other) => return error(format!("%{verb} does not take a {}", other.type_name())),
    };
    written.map_err(|_| Fault::Memory)
}

fn signed(
    out: &mut String,
    number: i64,
    write: impl Fn(&mut String, u64) -> std::fmt::Result,
) -> std::fmt::Result {
    if number < 0 {
        out.push('-');
    }
    write(out, number.unsigned_abs())
}

/// `1.234500×10⁰³`: six places whatever is asked, as upstream has it.
fn scientific(number: f64) -> String {
    let text = print::scientific(number, 6);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, ""));
    let raised = exponent.chars().filter_map(|c| {
        Some(match c.to_digit(10) {
            Some(digit) => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][digit as usize],
            None if c == '-' => '⁻',
            None => return None,
        })
    });
    format!("{mantissa}×10{}", raised.collect::<String>())
}

fn hexadecimal(out: &mut String, bytes: &[u8], upper: bool) -> std::fmt::Result {
    bytes.iter().try_for_each(|byte| {
        if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") }
    })
}

/// A value as `%s` writes it. Inside lists and maps strings stand between quotes, doubles have six places, and
/// times are written as they would be made.
fn plain(
    frame: &mut Frame<'_, '_>,
    out: &mut String,
    value: &Value<'_>,
    inside: bool,
) -> Result<(), Fault> {
    frame.charge(value.weight())?;
    if out.len() > frame.session.memory.bounds.bytes {
        return Err(Fault::Memory);
    }
    match value {
        Value::String(text) if inside => {
            out.push('"');
            out.push_str(text);
            out.push('"');
        }
        Value::String(text) => out.push_str(text),
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Uint(number) => out.push_str(&number.to_string()),
        Value::Double(number) if inside && number.is_finite() => {
            let _ = write!(out, "{number:.6}");
        }
        Value::Double(number) => out.push_str(&print::double(*number)),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => out.push_str(text),
            Err(_) => return error("the bytes are not UTF-8"),
        },
        Value::Timestamp(moment) if inside => {
            let _ = write!(out, "timestamp(\"{moment}\")");
        }
        Value::Duration(span) if inside => {
            let _ = write!(out, "duration(\"{}\")", print::duration(*span));
        }
        Value::Timestamp(moment) => out.push_str(&moment.to_string()),
        Value::Duration(span) => out.push_str(&print::duration(*span)),
        Value::Type(name) => out.push_str(name),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                plain(frame, out, item, true)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            // In the order of keys, so that one map reads the same each time.
            let mut entries = Vec::with_capacity(map.entries().len());
            for (key, value) in map.entries() {
                let (mut k, mut v) = (String::new(), String::new());
                plain(frame, &mut k, key, true)?;
                plain(frame, &mut v, value, true)?;
                entries.push(format!("{k}:{v}"));
            }
            entries.sort_unstable();
            out.push('{');
            out.push_str(&entries.join(", "));
            out.push('}');
        }
        other => return error(format!("%s does not take a {}", other.type_name())),
    }
    Ok(())
}
