//! A moment in the years 1 to 9999, to the nanosecond, which is more than `jiff::Timestamp` holds at its end.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

/// Seconds since 1970 in UTC, and nanoseconds on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    seconds: i64,
    nanoseconds: i32,
}

const NANOSECONDS: i128 = 1_000_000_000;
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

impl Moment {
    /// The moment so many nanoseconds after 1970 began.
    pub(super) fn new(nanoseconds: i128) -> Option<Self> {
        let seconds = i64::try_from(nanoseconds.div_euclid(NANOSECONDS)).ok()?;
        let nanoseconds = i32::try_from(nanoseconds.rem_euclid(NANOSECONDS)).ok()?;
        (FIRST..=LAST).contains(&seconds).then_some(Self { seconds, nanoseconds })
    }

    pub(super) fn from_seconds(seconds: i64) -> Option<Self> {
        Self::new(i128::from(seconds) * NANOSECONDS)
    }

    pub(super) fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds since 1970 began.
    pub(super) fn nanoseconds(self) -> i128 {
        i128::from(self.seconds) * NANOSECONDS + i128::from(self.nanoseconds)
    }

    /// What a calendar and a clock in `zone` show.
    pub(super) fn in_zone(self, zone: &TimeZone) -> DateTime {
        // At the far end of time, where jiff has no moment left, no zone changes its offset any more.
        let known = self.seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let offset = Timestamp::from_second(known).map_or(Offset::UTC, |t| zone.to_offset(t));
        self.with_offset(offset)
    }

    fn with_offset(self, offset: Offset) -> DateTime {
        let local = self.seconds + i64::from(offset.seconds());
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let date = Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(days));
        let part = |number: i64| i8::try_from(number).unwrap_or_default();
        date.at(part(second / 3600), part(second / 60 % 60), part(second % 60), self.nanoseconds)
    }
}

/// RFC 3339, with as many digits of a second as are needed.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.with_offset(Offset::UTC);
        write!(f, "{:04}-{:02}-{:02}T", at.year(), at.month(), at.day())?;
        write!(f, "{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())?;
        if self.nanoseconds > 0 {
            let digits = format!("{:09}", self.nanoseconds);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}
