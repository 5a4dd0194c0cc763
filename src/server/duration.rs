//! Durations as Go writes them: the API server sends `?timeout=10s` and `?timeout=1m0s`.

use std::time::Duration;

/// The longest duration that is believed. Longer ones would only keep a dead request alive.
const LONGEST: Duration = Duration::from_hours(1);

/// The longest duration at all: a century, so that no sum of a time and a duration overflows.
const LONGEST_OF_ALL: Duration = Duration::from_hours(24 * 365 * 100);

/// Reads a Go duration that is not negative, such as `10s`, `1m0s`, `1.5h` or `500ms`.
///
/// Gives `None` for anything else, and no more than an hour.
#[must_use]
pub fn parse_go(text: &str) -> Option<Duration> {
    parse(text).map(|duration| duration.min(LONGEST))
}

/// Reads a Go duration that is not negative and may be as long as a certificate holds.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        // Rust reads "." as an error and "5." and ".5" as Go does.
        let number: f64 = number.parse().ok()?;
        let (unit, tail) = split_unit(tail)?;
        seconds += number * unit;
        rest = tail;
    }
    if text.is_empty() {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds).map_or(LONGEST_OF_ALL, |d| d.min(LONGEST_OF_ALL)))
}

/// The unit at the start of `text` in seconds, and what follows it.
fn split_unit(text: &str) -> Option<(f64, &str)> {
    // `ms` before `m`: the first that fits wins. Both letters that people write for micro.
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1e-9),
        ("us", 1e-6),
        ("\u{b5}s", 1e-6),
        ("\u{3bc}s", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
    ];
    UNITS.iter().find_map(|(unit, seconds)| Some((*seconds, text.strip_prefix(unit)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_api_server_sends() {
        for (text, millis) in [
            ("10s", 10_000),
            ("1m0s", 60_000),
            ("500ms", 500),
            ("1.5s", 1500),
            ("0", 0),
            ("+2s", 2000),
            ("30m", 1_800_000),
            ("99999h", 3_600_000),
        ] {
            assert_eq!(parse_go(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("2160h"), Some(Duration::from_hours(2160)));
        assert_eq!(parse("9999999h"), Some(LONGEST_OF_ALL));
        assert_eq!(parse_go("250\u{b5}s"), Some(Duration::from_micros(250)));
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in
            ["", "10", "s", "-1s", "10 s", "1x", ".s", "1..2s", "1s2", "NaN", "infs", "++1s"]
        {
            assert_eq!(parse_go(text), None, "{text}");
        }
    }
}
