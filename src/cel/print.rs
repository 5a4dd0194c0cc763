//! Values as text: in messages, and as `string(…)` gives them.

use std::fmt::Write as _;

use super::value::Value;

impl Value<'_> {
    /// The value in a message: short, and with strings between quotes.
    pub(super) fn shown(&self) -> String {
        const LONGEST: usize = 128;
        let mut text = String::new();
        self.write(&mut text, LONGEST);
        if text.len() > LONGEST {
            let end = text.floor_char_boundary(LONGEST);
            text.truncate(end);
            text.push('…');
        }
        text
    }

    /// Writes up to about `limit` bytes.
    pub(super) fn write(&self, out: &mut String, limit: usize) {
        if out.len() > limit {
            return;
        }
        let written = match self {
            Value::Null => write!(out, "null"),
            Value::Bool(value) => write!(out, "{value}"),
            Value::Int(value) => write!(out, "{value}"),
            Value::Uint(value) => write!(out, "{value}u"),
            Value::Double(value) => write!(out, "double({})", double(*value)),
            Value::String(text) => {
                let shown = &text[..text.floor_char_boundary(limit)];
                write!(out, "{}", serde_json::Value::from(shown))
            }
            Value::Bytes(bytes) => {
                let shown = &bytes[..bytes.len().min(limit)];
                write!(out, "bytes({})", base16ct::lower::encode_string(shown))
            }
            Value::Timestamp(moment) => write!(out, "timestamp({moment})"),
            Value::Duration(span) => write!(out, "duration({span})"),
            Value::List(items) => {
                let items = items.iter().map(|item| [item, item]);
                return between(out, limit, "[]", items, |out, [item, _]| item.write(out, limit));
            }
            Value::Map(map) => {
                let entries = map.entries().iter().map(|(key, value)| [key, value]);
                return between(out, limit, "{}", entries, |out, [key, value]| {
                    key.write(out, limit);
                    out.push_str(": ");
                    value.write(out, limit);
                });
            }
            Value::Optional(None) => write!(out, "optional.none()"),
            Value::Optional(Some(value)) => {
                return between(
                    out,
                    limit,
                    "()",
                    [[*value, *value]].into_iter(),
                    |out, [value, _]| {
                        value.write(out, limit);
                    },
                );
            }
            Value::Type(name) => write!(out, "{name}"),
            Value::Quantity(quantity) => write!(out, "quantity({quantity})"),
            Value::Ip(address) => write!(out, "ip({address})"),
            Value::Cidr(range) => write!(out, "cidr({range})"),
            Value::Url(url) => write!(out, "url({url})"),
            Value::Semver(version) => write!(out, "semver({version})"),
            Value::Format(format) => write!(out, "format({})", format.name()),
        };
        debug_assert!(written.is_ok(), "a string takes any text");
    }
}

/// Values between brackets, with commas between them, until the limit is met.
fn between<'v, 'a: 'v>(
    out: &mut String,
    limit: usize,
    brackets: &str,
    values: impl Iterator<Item = [&'v Value<'a>; 2]>,
    mut write: impl FnMut(&mut String, [&'v Value<'a>; 2]),
) {
    let (open, close) = brackets.split_at(1);
    out.push_str(open);
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        if out.len() > limit {
            break;
        }
        write(out, value);
    }
    out.push_str(close);
}

/// A double as Go writes it with the fewest digits: an exponent below -4, and from seven digits on.
pub(super) fn double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let (mantissa, exponent) = parts(value, None);
    if (-4..6).contains(&exponent) { value.to_string() } else { with_exponent(&mantissa, exponent) }
}

/// `1.5` and `3` of `1.5e3`.
fn parts(value: f64, precision: Option<usize>) -> (String, i32) {
    let text = match precision {
        Some(precision) => format!("{value:.precision$e}"),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned(), exponent.parse().unwrap_or(0))
}

/// Go writes at least two digits of an exponent, and always its sign.
fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// `%.{precision}e`.
pub(super) fn scientific(value: f64, precision: usize) -> String {
    let (mantissa, exponent) = parts(value, Some(precision));
    with_exponent(&mantissa, exponent)
}

/// A span in seconds, as CEL writes it.
pub(super) fn duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let total = nanoseconds.unsigned_abs();
    let (seconds, fraction) = (total / 1_000_000_000, total % 1_000_000_000);
    if fraction == 0 {
        return format!("{sign}{seconds}s");
    }
    let fraction = format!("{fraction:09}");
    format!("{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
}
