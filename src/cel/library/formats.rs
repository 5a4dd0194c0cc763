//! Kubernetes' named formats: what a name, a label or a date may look like.

use std::borrow::Cow;

use super::url::is_uri;
use super::{Evaluated, Row, global, member, text};
use crate::cel::convert;
use crate::cel::evaluate::{Frame, no_overload};
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    global("format.dns1123Label() -> format", dns1123_label),
    global("format.dns1123LabelPrefix() -> format", dns1123_label_prefix),
    global("format.dns1123Subdomain() -> format", dns1123_subdomain),
    global("format.dns1123SubdomainPrefix() -> format", dns1123_subdomain_prefix),
    global("format.dns1035Label() -> format", dns1035_label),
    global("format.dns1035LabelPrefix() -> format", dns1035_label_prefix),
    global("format.qualifiedName() -> format", qualified_name),
    global("format.labelValue() -> format", label_value),
    global("format.uri() -> format", uri),
    global("format.uuid() -> format", uuid),
    global("format.byte() -> format", byte),
    global("format.date() -> format", date),
    global("format.datetime() -> format", datetime),
    global("format.named(string) -> optional<format>", named),
    member("format.validate(string) -> optional<list<string>>", validate),
];

/// A format with a name.
#[derive(Debug)]
pub(in super::super) struct Format {
    name: &'static str,
    /// What it looks like, as the end of "must be …".
    looks: &'static str,
    holds: fn(&str) -> bool,
}

impl Format {
    pub(in super::super) fn name(&self) -> &'static str {
        self.name
    }
}

static FORMATS: [Format; 13] = [
    Format {
        name: "dns1123Label",
        looks: "1 to 63 lower case letters, digits and '-', with a letter or digit at both ends",
        holds: |text| is_label(text, text, false),
    },
    Format {
        name: "dns1123LabelPrefix",
        looks: "the start of 1 to 63 lower case letters, digits and '-', with a letter or digit at both ends",
        holds: |text| is_label(text, &mask(text), false),
    },
    Format {
        name: "dns1123Subdomain",
        looks: "DNS labels in lower case with '.' between them, at most 253 characters",
        holds: |text| is_subdomain(text, text),
    },
    Format {
        name: "dns1123SubdomainPrefix",
        looks: "the start of DNS labels in lower case with '.' between them, at most 253 characters",
        holds: |text| is_subdomain(text, &mask(text)),
    },
    Format {
        name: "dns1035Label",
        looks: "1 to 63 lower case letters, digits and '-', starting with a letter and not ending with '-'",
        holds: |text| is_label(text, text, true),
    },
    Format {
        name: "dns1035LabelPrefix",
        looks: "the start of 1 to 63 lower case letters, digits and '-', starting with a letter",
        holds: |text| is_label(text, &mask(text), true),
    },
    Format {
        name: "qualifiedName",
        looks: "1 to 63 letters, digits, '-', '_' and '.', after an optional DNS subdomain and '/'",
        holds: is_qualified,
    },
    Format {
        name: "labelValue",
        looks: "empty, or 1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends",
        holds: |text| text.is_empty() || is_name_part(text),
    },
    Format { name: "uri", looks: "an absolute URI, or a path from the root", holds: is_uri },
    Format { name: "uuid", looks: "a UUID", holds: is_uuid },
    Format { name: "byte", looks: "base64", holds: is_base64 },
    Format { name: "date", looks: "a date, such as 2027-06-30", holds: is_date },
    Format {
        name: "datetime",
        looks: "a date and a time, such as 2027-06-30T00:00:00Z",
        holds: |text| convert::timestamp(&text.to_ascii_uppercase()).is_some(),
    },
];

/// What may follow a prefix does not count against it.
fn mask(text: &str) -> Cow<'_, str> {
    match text.strip_suffix('-').and_then(|rest| Some(&rest[..rest.char_indices().last()?.0])) {
        Some(rest) => Cow::Owned(format!("{rest}a")),
        None => Cow::Borrowed(text),
    }
}

/// `text` is what is measured, `shape` what must look right.
fn is_label(text: &str, shape: &str, letter_first: bool) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let first = shape.bytes().next();
    (1..=63).contains(&text.len())
        && shape.bytes().all(|b| plain(b) || b == b'-')
        && first.is_some_and(|b| if letter_first { b.is_ascii_lowercase() } else { plain(b) })
        && shape.bytes().last().is_some_and(plain)
}

fn is_subdomain(text: &str, shape: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let label = |label: &str| {
        label.bytes().all(|b| plain(b) || b == b'-')
            && label.bytes().next().is_some_and(plain)
            && label.bytes().last().is_some_and(plain)
    };
    text.len() <= 253 && shape.split('.').all(label)
}

fn is_name_part(text: &str) -> bool {
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && ends(text.bytes().next())
        && ends(text.bytes().last())
}

fn is_qualified(text: &str) -> bool {
    match text.split_once('/') {
        None => is_name_part(text),
        Some((prefix, name)) => {
            is_subdomain(prefix, prefix) && !name.contains('/') && is_name_part(name)
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| *c != '-').collect();
    let places = text.len() == 36
        && text.char_indices().all(|(i, c)| (c == '-') == [8, 13, 18, 23].contains(&i));
    plain.len() == 32
        && plain.bytes().all(|b| b.is_ascii_hexdigit())
        && (places || text.len() == 32)
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && padding <= 2
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && convert::timestamp(&format!("{text}T00:00:00Z")).is_some()
}

fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// The declarations above name only formats that there are.
macro_rules! constructors {
    ($($function:ident => $name:literal),* $(,)?) => {
        $(fn $function<'a>(_: &mut Frame<'_, 'a>, _: &[Value<'a>]) -> Evaluated<'a> {
            Ok(find($name).map_or(Value::Null, Value::Format))
        })*
    };
}

constructors! {
    dns1123_label => "dns1123Label",
    dns1123_label_prefix => "dns1123LabelPrefix",
    dns1123_subdomain => "dns1123Subdomain",
    dns1123_subdomain_prefix => "dns1123SubdomainPrefix",
    dns1035_label => "dns1035Label",
    dns1035_label_prefix => "dns1035LabelPrefix",
    qualified_name => "qualifiedName",
    label_value => "labelValue",
    uri => "uri",
    uuid => "uuid",
    byte => "byte",
    date => "date",
    datetime => "datetime",
}

fn named<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    match find(text(args, 0)) {
        Some(format) => frame.arena().some(Value::Format(format)),
        None => Ok(Value::Optional(None)),
    }
}

/// Nothing where the text is right; else what is wrong.
fn validate<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[1].weight())?;
    let Value::Format(format) = args[0] else { return Err(no_overload("validate", args)) };
    if (format.holds)(text(args, 1)) {
        return Ok(Value::Optional(None));
    }
    let message = frame.arena().text(&format!("must be {}", format.looks))?;
    let list = frame.arena().list(&[Value::String(message)])?;
    frame.arena().some(list)
}
