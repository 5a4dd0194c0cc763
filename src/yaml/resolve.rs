//! What a scalar means: the rules of `go.yaml.in/yaml/v2`, which `kubectl` reads with.

use base64::Engine as _;

use super::node::Value;

/// The namespace of YAML's own tags, written `!!`.
const CORE: &str = "tag:yaml.org,2002:";

/// The value of a scalar with this text; `tag` is the full tag, where one is written.
pub(super) fn scalar(text: &str, plain: bool, tag: Option<&str>) -> Result<Value, String> {
    let Some(tag) = tag else {
        return if plain { number_or_word(text, true) } else { Ok(Value::String(text.to_owned())) };
    };
    let Some(name) = tag.strip_prefix(CORE) else {
        return Ok(Value::String(text.to_owned()));
    };
    let wrong = || {
        Err(format!("{text:?} cannot be read as !!{name}; correct the value or leave the tag away"))
    };
    match name {
        "bool" | "int" | "float" | "null" => match (name, number_or_word(text, false)?) {
            ("bool", value @ Value::Bool(_))
            | ("int", value @ (Value::Int(_) | Value::UInt(_)))
            | ("float", value @ Value::Float(_))
            | ("null", value @ Value::Null) => Ok(value),
            #[expect(clippy::cast_precision_loss, reason = "as Go converts it")]
            ("float", Value::Int(value)) => Ok(Value::Float(value as f64)),
            _ => wrong(),
        },
        "binary" => {
            match base64::engine::general_purpose::STANDARD.decode(text.replace(['\n', ' '], "")) {
                Ok(bytes) => Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned())),
                Err(_) => wrong(),
            }
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn number_or_word(text: &str, timestamps: bool) -> Result<Value, String> {
    if let Some(value) = word(text) {
        return Ok(value);
    }
    if is_infinite(text) {
        return Err(format!("{text} is no number that JSON knows; write a finite one or quote it"));
    }
    let digits = text.replace('_', "");
    let number = match text.as_bytes().first() {
        // Here Go takes a `_` only between digits.
        Some(b'.') if underscores_part_digits(text) => float(&digits).map(Value::Float),
        Some(b'0'..=b'9' | b'+' | b'-') if !(timestamps && is_date(text)) => {
            integer(&digits).or_else(|| float(&digits).map(Value::Float))
        }
        _ => None,
    };
    Ok(number.unwrap_or_else(|| string(text)))
}

fn underscores_part_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(at, _)| at > 0 && is_digit(at - 1) && is_digit(at + 1))
}

fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// YAML 1.1's words, in the three spellings that it knows of each.
fn word(text: &str) -> Option<Value> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        _ => return None,
    })
}

fn is_infinite(text: &str) -> bool {
    matches!(text.strip_prefix(['+', '-']).unwrap_or(text), ".inf" | ".Inf" | ".INF")
        || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// Whether Go may see a date, which `kubectl` keeps as a string: `2027-06-30`, also with a time.
///
/// Nothing else that starts so is a number, so the form of the rest does not matter.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 4 && bytes[4] == b'-' && bytes[..4].iter().all(u8::is_ascii_digit)
}

/// An integer with Go's prefixes: `0x`, `0o`, `0b`, and a bare `0` for octal.
fn integer(text: &str) -> Option<Value> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let value = if negative { -value } else { value };
    if let Ok(value) = i64::try_from(value) {
        return Some(Value::Int(value));
    }
    // Go reads the numbers above `i64::MAX` without a sign only.
    if text.starts_with(['+', '-']) { None } else { u64::try_from(value).ok().map(Value::UInt) }
}

/// A float in YAML's form: digits with at most one point, and an exponent.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent) {
            return None;
        }
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// The name of a key that is this scalar, as `sigs.k8s.io/yaml` writes it.
pub(super) fn key_name(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Int(value) => Ok(value.to_string()),
        Value::Float(value) => Ok(float_name(*value)),
        Value::Null => Err("a key is empty; give it a name"),
        Value::UInt(_) => Err("a key is too large a number; quote it"),
        Value::Sequence(_) | Value::Mapping(_) => {
            Err("a key is a list or a map; only strings can be keys")
        }
    }
}

/// Go's `%g` with the digits of a 32-bit float, odd as that is.
fn float_name(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "as Go converts it")]
    let value = value as f32;
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
