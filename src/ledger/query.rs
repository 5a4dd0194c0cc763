//! Which records are asked for.

use jiff::{SignedDuration, Timestamp};

/// Which decisions are asked for. What is empty or absent leaves nothing out; what stands in a list is one or another,
/// and all parts must hold. Names may hold `*` and `?`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Outcomes: allowed, warned, fixed, excepted, denied or failed.
    pub decisions: Vec<String>,
    /// Namespaces.
    pub namespaces: Vec<String>,
    /// Kinds of the object.
    pub kinds: Vec<String>,
    /// Names of the object, or what its name is made from.
    pub names: Vec<String>,
    /// Who sent the request.
    pub users: Vec<String>,
    /// Who changed the workload behind it.
    pub changed_by: Vec<String>,
    /// Policies of which a rule was broken.
    pub policies: Vec<String>,
    /// Rules that were broken.
    pub rules: Vec<String>,
    /// Replicas that decided.
    pub replicas: Vec<String>,
    /// Incidents.
    pub incidents: Vec<String>,
    /// Short names of decisions.
    pub decision_ids: Vec<String>,
    /// Only dry runs, or none.
    pub dry_run: Option<bool>,
}

/// A piece of a long list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most so many.
    pub limit: usize,
    /// Behind this one, as [`Listed::next`] said.
    pub after: Option<Cursor>,
}

impl Page {
    /// The first so many.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { limit, after: None }
    }
}

/// A place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// When, in microseconds since 1970.
    pub(super) time: i64,
    /// The store's number of the chain.
    pub(super) chain: i64,
    /// The number in the chain.
    pub(super) seq: i64,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { time, chain, seq } = self;
        write!(f, "{time}-{chain}-{seq}")
    }
}

/// A text that is no place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be what an earlier page gave as its next one")]
pub struct NotACursor;

impl std::str::FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let numbers: Vec<i64> =
            text.split('-').map(str::parse).collect::<Result<_, _>>().map_err(|_| NotACursor)?;
        match numbers[..] {
            [time, chain, seq] => Ok(Self { time, chain, seq }),
            _ => Err(NotACursor),
        }
    }
}

/// A piece of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// Where the next piece begins, if there may be more.
    pub next: Option<Cursor>,
}

/// A text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be how long ago, such as 30d, 12h or 15m, or a moment such as 2026-11-26T10:00:00Z or 2026-11-26"
)]
pub struct NotAMoment;

/// Reads how long ago, such as `30d`, `12h`, `15m` or `90s`, or a moment in UTC.
///
/// # Errors
/// Where it is neither.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, NotAMoment> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        let start = date.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC);
        return start.map(|start| start.timestamp()).map_err(|_| NotAMoment);
    }
    let unit = text.chars().next_back().ok_or(NotAMoment)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        'w' => 7 * 24 * 3600,
        _ => return Err(NotAMoment),
    };
    let number: i64 = text.trim_end_matches(unit).parse().map_err(|_| NotAMoment)?;
    let ago = number.checked_mul(seconds).filter(|ago| *ago >= 0).ok_or(NotAMoment)?;
    now.checked_sub(SignedDuration::from_secs(ago)).map_err(|_| NotAMoment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let now: Timestamp = "2026-11-26T10:00:00Z".parse().unwrap();
        let read = |text: &str| moment(text, now).map(|moment| moment.to_string());
        assert_eq!(read("30d").unwrap(), "2026-10-27T10:00:00Z");
        assert_eq!(read("90m").unwrap(), "2026-11-26T08:30:00Z");
        assert_eq!(read("0s").unwrap(), "2026-11-26T10:00:00Z");
        assert_eq!(read("2026-11-01").unwrap(), "2026-11-01T00:00:00Z");
        assert_eq!(read("2026-11-01T01:00:00+01:00").unwrap(), "2026-11-01T00:00:00Z");
        for wrong in ["", "d", "-1d", "yesterday", "1y", "99999999999999999999d", "1é"] {
            assert_eq!(read(wrong), Err(NotAMoment), "{wrong}");
        }
    }

    #[test]
    fn cursors_are_read_as_they_are_written() {
        let cursor = Cursor { time: 1, chain: 2, seq: 3 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert_eq!("1-2".parse::<Cursor>(), Err(NotACursor));
        assert_eq!("1-2-x".parse::<Cursor>(), Err(NotACursor));
    }
}
