//! Parts of moments and spans. Without a zone, UTC.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::{Evaluated, Row, error, member, text};
use crate::cel::evaluate::{Frame, no_overload};
use crate::cel::program::Fault;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    member("timestamp.getFullYear() -> int", year),
    member("timestamp.getFullYear(string) -> int", year),
    member("timestamp.getMonth() -> int", month),
    member("timestamp.getMonth(string) -> int", month),
    member("timestamp.getDate() -> int", date),
    member("timestamp.getDate(string) -> int", date),
    member("timestamp.getDayOfMonth() -> int", day_of_month),
    member("timestamp.getDayOfMonth(string) -> int", day_of_month),
    member("timestamp.getDayOfWeek() -> int", day_of_week),
    member("timestamp.getDayOfWeek(string) -> int", day_of_week),
    member("timestamp.getDayOfYear() -> int", day_of_year),
    member("timestamp.getDayOfYear(string) -> int", day_of_year),
    member("timestamp.getHours() -> int", hours),
    member("timestamp.getHours(string) -> int", hours),
    member("duration.getHours() -> int", hours),
    member("timestamp.getMinutes() -> int", minutes),
    member("timestamp.getMinutes(string) -> int", minutes),
    member("duration.getMinutes() -> int", minutes),
    member("timestamp.getSeconds() -> int", seconds),
    member("timestamp.getSeconds(string) -> int", seconds),
    member("duration.getSeconds() -> int", seconds),
    member("timestamp.getMilliseconds() -> int", milliseconds),
    member("timestamp.getMilliseconds(string) -> int", milliseconds),
    member("duration.getMilliseconds() -> int", milliseconds),
];

/// A zone: a name of IANA's, or an offset such as `-08:00`.
fn zone(name: &str) -> Result<TimeZone, Fault> {
    let unknown = || Fault::Error(format!("{name:?} is no time zone"));
    let Some((hours, minutes)) = name.split_once(':') else {
        return match name {
            "" | "UTC" => Ok(TimeZone::UTC),
            name => TimeZone::get(name).map_err(|_| unknown()),
        };
    };
    let negative = hours.starts_with('-');
    let hours: i16 = hours.parse().map_err(|_| unknown())?;
    let minutes: i16 = minutes.parse().map_err(|_| unknown())?;
    let (hours, minutes) = (i32::from(hours) * 3600, i32::from(minutes) * 60);
    Offset::from_seconds(if negative { hours - minutes } else { hours + minutes })
        .map(TimeZone::fixed)
        .map_err(|_| unknown())
}

fn local(args: &[Value<'_>]) -> Result<DateTime, Fault> {
    let Value::Timestamp(moment) = args[0] else { return Err(no_overload("a time", args)) };
    Ok(moment.in_zone(&zone(text(args, 1))?))
}

/// A part of a moment, or of a span in units of so many nanoseconds.
fn part<'a>(args: &[Value<'a>], unit: i64, of: impl Fn(&DateTime) -> i64) -> Evaluated<'a> {
    match args[0] {
        Value::Duration(span) if unit > 0 => Ok(Value::Int(span / unit)),
        Value::Duration(_) => error("a span has no such part"),
        _ => Ok(Value::Int(of(&local(args)?))),
    }
}

fn year<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, 0, |moment| i64::from(moment.year()))
}

fn month<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, 0, |moment| i64::from(moment.month()) - 1)
}

fn date<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, 0, |moment| i64::from(moment.day()))
}

fn day_of_month<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, 0, |moment| i64::from(moment.day()) - 1)
}

fn day_of_week<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, 0, |moment| i64::from(moment.weekday().to_sunday_zero_offset()))
}

fn day_of_year<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, 0, |moment| i64::from(moment.day_of_year()) - 1)
}

fn hours<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, 3_600_000_000_000, |moment| i64::from(moment.hour()))
}

fn minutes<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, 60_000_000_000, |moment| i64::from(moment.minute()))
}

fn seconds<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, 1_000_000_000, |moment| i64::from(moment.second()))
}

fn milliseconds<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, 1_000_000, |moment| i64::from(moment.millisecond()))
}
