//! Conversions between types, as CEL's `int(…)`, `string(…)` and so on make them.

use jiff::civil::Date;

use super::evaluate::Frame;
use super::moment::Moment;
use super::print;
use super::program::Fault;
use super::value::Value;

type Evaluated<'a> = Result<Value<'a>, Fault>;

fn error<T>(message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Error(message.into()))
}

/// The index that a value means.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number, and none that large is an index"
)]
pub(super) fn index(value: &Value<'_>) -> Result<i64, Fault> {
    match value {
        Value::Int(index) => Ok(*index),
        Value::Uint(index) => Ok(i64::try_from(*index).unwrap_or(i64::MAX)),
        Value::Double(index) if index.fract() == 0.0 && index.is_finite() => Ok(*index as i64),
        other => error(format!("a list is indexed by an int, not by a {}", other.type_name())),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "compared before")]
pub(super) fn to_int<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    const LIMIT: f64 = i64::MAX as f64;
    Ok(Value::Int(match args[0] {
        Value::Int(value) | Value::Duration(value) => value,
        Value::Uint(value) => match i64::try_from(value) {
            Ok(value) => value,
            Err(_) => return error("integer overflow"),
        },
        Value::Double(value) if value > -LIMIT && value < LIMIT => value as i64,
        Value::Double(_) => return error("integer overflow"),
        Value::Timestamp(value) => value.seconds(),
        Value::String(text) => match text.parse() {
            Ok(value) => value,
            Err(_) => return error(format!("{text:?} is no int")),
        },
        other => return error(format!("a {} cannot be an int", other.type_name())),
    }))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "compared before"
)]
pub(super) fn to_uint<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Uint(match args[0] {
        Value::Uint(value) => value,
        Value::Int(value) => match u64::try_from(value) {
            Ok(value) => value,
            Err(_) => return error("unsigned integer overflow"),
        },
        Value::Double(value) if value >= 0.0 && value < u64::MAX as f64 => value as u64,
        Value::Double(_) => return error("unsigned integer overflow"),
        Value::String(text) if !text.starts_with('+') => match text.parse() {
            Ok(value) => value,
            Err(_) => return error(format!("{text:?} is no uint")),
        },
        Value::String(text) => return error(format!("{text:?} is no uint")),
        other => return error(format!("a {} cannot be a uint", other.type_name())),
    }))
}

#[expect(clippy::cast_precision_loss, reason = "as CEL has it")]
pub(super) fn to_double<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Double(match args[0] {
        Value::Double(value) => value,
        Value::Int(value) => value as f64,
        Value::Uint(value) => value as f64,
        Value::String(text) => match text.parse::<f64>() {
            Ok(value) if value.is_finite() || !text.contains(|c: char| c.is_ascii_digit()) => value,
            _ => return error(format!("{text:?} is no double")),
        },
        other => return error(format!("a {} cannot be a double", other.type_name())),
    }))
}

pub(super) fn to_bool<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(match args[0] {
        Value::Bool(value) => value,
        Value::String("1" | "t" | "T" | "true" | "TRUE" | "True") => true,
        Value::String("0" | "f" | "F" | "false" | "FALSE" | "False") => false,
        Value::String(text) => return error(format!("{text:?} is no bool")),
        other => return error(format!("a {} cannot be a bool", other.type_name())),
    }))
}

pub(super) fn to_bytes<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    match args[0] {
        Value::Bytes(bytes) => Ok(Value::Bytes(bytes)),
        Value::String(text) => Ok(Value::Bytes(text.as_bytes())),
        other => error(format!("a {} cannot be bytes", other.type_name())),
    }
}

pub(super) fn to_string<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[0].weight())?;
    let text = match args[0] {
        Value::String(text) => return Ok(Value::String(text)),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => return Ok(Value::String(text)),
            Err(_) => return error("the bytes are not UTF-8"),
        },
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => print::double(value),
        Value::Duration(value) => print::duration(value),
        Value::Timestamp(value) => value.to_string(),
        Value::Ip(address) => address.to_string(),
        Value::Cidr(range) => range.to_string(),
        other => return error(format!("a {} cannot be a string", other.type_name())),
    };
    frame.arena().text(&text).map(Value::String)
}

pub(super) fn to_duration<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    match args[0] {
        Value::Duration(value) => Ok(Value::Duration(value)),
        Value::String(text) => match duration(text) {
            Some(value) => Ok(Value::Duration(value)),
            None => error(format!("{text:?} is no duration")),
        },
        other => error(format!("a {} cannot be a duration", other.type_name())),
    }
}

pub(super) fn to_timestamp<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let found = match args[0] {
        Value::Timestamp(value) => Some(value),
        Value::Int(seconds) => Moment::from_seconds(seconds),
        Value::String(text) => timestamp(text),
        other => return error(format!("a {} cannot be a timestamp", other.type_name())),
    };
    found.map_or_else(|| error("is no timestamp"), |value| Ok(Value::Timestamp(value)))
}

/// RFC 3339, with the letters in upper case, as Go reads it.
pub(super) fn timestamp(text: &str) -> Option<Moment> {
    let (date, time) = text.split_once('T')?;
    let digits = |text: &str, length| {
        (text.len() == length && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<i64>().ok())?
    };
    let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else { return None };
    let date = Date::new(
        i16::try_from(digits(year, 4)?).ok()?,
        i8::try_from(digits(month, 2)?).ok()?,
        i8::try_from(digits(day, 2)?).ok()?,
    )
    .ok()?;
    let zone = time.find(['Z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone);
    let (clock, fraction) =
        clock.split_once(['.', ',']).map_or((clock, None), |(c, f)| (c, Some(f)));
    let [hour, minute, second] = clock.split(':').collect::<Vec<_>>()[..] else { return None };
    let hour = digits(hour, 2).or_else(|| digits(hour, 1))?;
    let (minute, second) = (digits(minute, 2)?, digits(second, 2)?);
    let nanos = match fraction {
        None => 0_i64,
        Some(fraction) if !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{fraction:0<9}").get(..9)?.parse().ok()?
        }
        Some(_) => return None,
    };
    let offset = if zone == "Z" {
        0
    } else {
        let (hours, minutes) = zone.get(1..)?.split_once(':')?;
        let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
        let seconds = (hours <= 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
        if zone.starts_with('-') { -seconds } else { seconds }
    };
    let in_day = hour < 24 && minute < 60 && second < 60;
    let days = date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    in_day.then(|| Moment::new(i128::from(seconds) * 1_000_000_000 + i128::from(nanos)))?
}

/// Go's notation of a span, such as `1h30m`, in nanoseconds.
pub(super) fn duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit: u128 = match unit {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(unit)?)?;
        // Eighteen places are more than a nanosecond can tell apart.
        let fraction = fraction.get(..18).unwrap_or(fraction);
        if !fraction.is_empty() {
            let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
            total = total.checked_add(fraction.parse::<u128>().ok()? * unit / scale)?;
        }
        rest = after;
    }
    let total = i128::try_from(total).ok()?;
    i64::try_from(if negative { -total } else { total }).ok()
}
