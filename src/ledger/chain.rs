//! The chain: each record of one replica and boot carries its number and the hash of the one before.
//!
//! ```text
//! {"seq":7,"previous":"sha256:…","hash":"sha256:…",<body without its opening brace>
//! hash = SHA-256( previous "\n" seq "\n" body )
//! ```
//!
//! The body is the record without `seq`, `previous` and `hash`, in the canonical form of RFC 8785: keys sorted, no
//! blanks. It is written in that form, so that checking a line as it was written needs no parsing, and a line
//! that a log collector has parsed and written anew can still be checked.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Marks the algorithm in front of a hash.
const ALGORITHM: &str = "sha256:";

/// A SHA-256 hash, written as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first record of a chain has before it.
    pub const NONE: Self = Self([0; 32]);
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        f.write_str(ALGORITHM)?;
        f.write_str(base16ct::lower::encode_str(&self.0, &mut digits).unwrap_or_default())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be sha256: and 64 hexadecimal digits")]
pub struct NotAHash;

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let digits = text.strip_prefix(ALGORITHM).ok_or(NotAHash)?;
        let mut hash = [0; 32];
        // In small letters only: else one hash could stand there in two ways.
        let decoded = base16ct::lower::decode(digits, &mut hash).map_err(|_| NotAHash)?;
        if decoded.len() == 32 { Ok(Self(hash)) } else { Err(NotAHash) }
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Which chain a record stands in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChainId {
    /// The replica that wrote it.
    pub replica: String,
    /// The start of its process.
    pub boot: String,
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (boot {})", self.replica, self.boot)
    }
}

/// The last record of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its hash.
    pub hash: Hash,
    /// Its number, from 1; 0 where there is none yet.
    pub seq: u64,
}

impl Head {
    /// Before the first record.
    pub const START: Self = Self { hash: Hash::NONE, seq: 0 };

    /// The head after a record of `body`.
    #[must_use]
    pub fn next(self, body: &[u8]) -> Self {
        let seq = self.seq + 1;
        Self { hash: link(self.hash, seq, body), seq }
    }
}

/// The hash of the record of number `seq` and of `body` that follows the one of hash `previous`.
#[must_use]
pub fn link(previous: Hash, seq: u64, body: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(format!("{previous}\n{seq}\n"));
    hasher.update(body);
    Hash(hasher.finalize().into())
}

/// Appends the line of `body`, a JSON object in canonical form, with its newline to `lines`, and moves `head` on.
pub fn append(lines: &mut Vec<u8>, head: &mut Head, body: &[u8]) {
    let previous = head.hash;
    *head = head.next(body);
    let Head { hash, seq } = *head;
    let chained = format!(r#"{{"seq":{seq},"previous":"{previous}","hash":"{hash}","#);
    lines.reserve(chained.len() + body.len());
    lines.extend_from_slice(chained.as_bytes());
    // A record is never empty: what follows its brace is a member.
    lines.extend_from_slice(body.get(1..).unwrap_or_default());
    lines.push(b'\n');
}

/// The canonical form of RFC 8785 of what is in a record: texts, whole numbers, booleans, `null`, and lists and
/// objects of them. `None` for a number that is not whole, which no record holds.
#[must_use]
pub fn canonical(object: &Map<String, Value>) -> Option<String> {
    let mut text = String::new();
    write_object(&mut text, object)?;
    Some(text)
}

fn write_object(text: &mut String, object: &Map<String, Value>) -> Option<()> {
    let mut members: Vec<(&String, &Value)> = object.iter().collect();
    // As UTF-16, which is how the RFC orders them.
    members.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    text.push('{');
    for (place, (key, value)) in members.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        write_string(text, key);
        text.push(':');
        write_value(text, value)?;
    }
    text.push('}');
    Some(())
}

fn write_value(text: &mut String, value: &Value) -> Option<()> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) if number.is_f64() => return None,
        Value::Number(number) => {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{number}");
        }
        Value::String(string) => write_string(text, string),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write_value(text, item)?;
            }
            text.push(']');
        }
        Value::Object(object) => write_object(text, object)?,
    }
    Some(())
}

/// serde's escapes are those of the RFC: the short ones, and `\u00xx` in lower case below the space.
fn write_string(text: &mut String, string: &str) {
    text.push_str(&Value::from(string).to_string());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hash_is_read_in_no_other_way_than_it_is_written() {
        let hash = link(Hash::NONE, 1, b"{}");
        let text = hash.to_string();
        assert_eq!(text.parse(), Ok(hash));
        for wrong in [
            text.to_uppercase(),
            text.replace("sha256:", ""),
            text.clone() + "0",
            text[..text.len() - 1].to_owned(),
            text.replacen(|c: char| c.is_ascii_digit(), "g", 1),
            "sha256:é".to_owned(),
        ] {
            assert_eq!(wrong.parse::<Hash>(), Err(NotAHash), "{wrong}");
        }
    }

    #[test]
    fn a_hash_can_be_made_with_the_tools_of_a_shell() {
        // printf 'sha256:%064d\n1\n{"a":1}' 0 | sha256sum
        let expected = "sha256:d68f0405302f174f7922fef413654d949023840116fc0db3b81d260f38aa9983";
        assert_eq!(link(Hash::NONE, 1, br#"{"a":1}"#).to_string(), expected);
    }

    #[test]
    fn lines_follow_each_other() {
        let (mut lines, mut head) = (Vec::new(), Head::START);
        append(&mut lines, &mut head, br#"{"a":1}"#);
        let first = head;
        append(&mut lines, &mut head, br#"{"a":2}"#);
        let text = String::from_utf8(lines).unwrap();
        let values: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(values[0]["previous"], json!(Hash::NONE));
        assert_eq!(values[1]["previous"], json!(first.hash));
        assert_eq!(values[1]["seq"], 2);
        assert_eq!(values[1]["hash"], json!(link(first.hash, 2, br#"{"a":2}"#)));
        assert_eq!(values[1]["a"], 2);
    }

    #[test]
    fn canonical_is_sorted_without_blanks_and_knows_no_fractions() {
        let value = json!({"b": [1, -2, {"z": null, "a": "é\n\u{1}\"/"}], "a": true, "\u{e000}": 0, "\u{10000}": 1});
        let text = canonical(value.as_object().unwrap()).unwrap();
        // U+10000 begins with a surrogate, which is less than U+E000.
        let expected = "{\"a\":true,\"b\":[1,-2,{\"a\":\"é\\n\\u0001\\\"/\",\"z\":null}],\"\u{10000}\":1,\"\u{e000}\":0}";
        assert_eq!(text, expected);
        assert_eq!(canonical(json!({"a": 1.5}).as_object().unwrap()), None);
    }
}
