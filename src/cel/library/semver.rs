//! Semantic versions (2.0.0).

use std::cmp::Ordering;
use std::fmt;

use ::semver::Version;

use super::{Evaluated, Row, error, global, member, text};
use crate::cel::evaluate::{Frame, no_overload};
use crate::cel::program::Fault;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    global("semver(string) -> semver", semver),
    global("semver(string, bool) -> semver", semver),
    global("isSemver(string) -> bool", is_semver),
    global("isSemver(string, bool) -> bool", is_semver),
    member("semver.major() -> int", major),
    member("semver.minor() -> int", minor),
    member("semver.patch() -> int", patch),
    member("semver.compareTo(semver) -> int", compare_to),
    member("semver.isGreaterThan(semver) -> bool", is_greater),
    member("semver.isLessThan(semver) -> bool", is_less),
];

/// A version, as text that is known to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Semver<'a>(&'a str);

impl Semver<'_> {
    fn version(&self) -> Version {
        // It was read once before it was kept.
        Version::parse(self.0).unwrap_or(Version::new(0, 0, 0))
    }

    /// What stands behind a `+` does not count.
    pub(in super::super) fn compare(&self, other: &Semver<'_>) -> Ordering {
        self.version().cmp_precedence(&other.version())
    }
}

impl fmt::Display for Semver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// `v1.2` as `1.2.0`: without a `v`, with all three numbers, and no zeros before them.
fn normalized(text: &str) -> Option<String> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let mut parts: Vec<&str> = numbers
        .split('.')
        .map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0",
            trimmed => trimmed,
        })
        .collect();
    // What is cut short has nothing behind its numbers.
    if parts.len() < 3 && !rest.is_empty() {
        return None;
    }
    while parts.len() < 3 {
        parts.push("0");
    }
    Some(format!("{}{rest}", parts.join(".")))
}

fn parse(args: &[Value<'_>]) -> Option<String> {
    let text = text(args, 0);
    let text = if matches!(args.get(1), Some(Value::Bool(true))) {
        normalized(text)?
    } else {
        text.to_owned()
    };
    Version::parse(&text).ok().map(|_| text)
}

fn semver<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[0].weight())?;
    let Some(version) = parse(args) else {
        return error(format!("{} is no semantic version", args[0].shown()));
    };
    let text = frame.arena().text(&version)?;
    frame.arena().one(Semver(text)).map(Value::Semver)
}

fn is_semver<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[0].weight())?;
    Ok(Value::Bool(parse(args).is_some()))
}

fn given<'a>(args: &[Value<'a>], index: usize) -> Result<&'a Semver<'a>, Fault> {
    match args[index] {
        Value::Semver(version) => Ok(version),
        _ => Err(no_overload("a version", args)),
    }
}

fn part<'a>(args: &[Value<'a>], part: fn(&Version) -> u64) -> Evaluated<'a> {
    Ok(Value::Int(part(&given(args, 0)?.version()).cast_signed()))
}

fn major<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, |version| version.major)
}

fn minor<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, |version| version.minor)
}

fn patch<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    part(args, |version| version.patch)
}

fn compare_to<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Int(given(args, 0)?.compare(given(args, 1)?) as i64))
}

fn is_greater<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(given(args, 0)?.compare(given(args, 1)?) == Ordering::Greater))
}

fn is_less<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(given(args, 0)?.compare(given(args, 1)?) == Ordering::Less))
}
