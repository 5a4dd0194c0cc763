//! URLs, taken apart as Go's `net/url` does for requests: absolute, or a path from the root.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::{Evaluated, Row, error, global, member, text};
use crate::cel::evaluate::{Frame, no_overload};
use crate::cel::program::Fault;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    global("url(string) -> url", url),
    global("isURL(string) -> bool", is_url),
    member("url.getScheme() -> string", scheme),
    member("url.getHost() -> string", host),
    member("url.getHostname() -> string", hostname),
    member("url.getPort() -> string", port),
    member("url.getEscapedPath() -> string", escaped_path),
    member("url.getQuery() -> map<string, list<string>>", query),
];

/// The parts of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Url<'a> {
    text: &'a str,
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
    query: &'a str,
}

impl fmt::Display for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

fn parse(text: &str) -> Option<Url<'_>> {
    if text.is_empty() || text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return None;
    }
    let whole = text;
    let text = text.split_once('#').map_or(text, |(text, _)| text);
    if text == "*" {
        return Some(Url { text: whole, scheme: "", host: "", path: text, query: "" });
    }
    let (scheme, rest) = scheme_of(text)?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    if scheme.is_empty() && !rest.starts_with('/') {
        return None;
    }
    if !rest.starts_with('/') {
        // `mailto:someone`: neither host nor path.
        return Some(Url { text: whole, scheme, host: "", path: "", query });
    }
    let (host, path) = match rest.strip_prefix("//") {
        Some(after) if !scheme.is_empty() || !after.starts_with('/') => {
            let end = after.find('/').unwrap_or(after.len());
            after.split_at(end)
        }
        _ => ("", rest),
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    (is_host(host) && is_escaped(path)).then_some(Url { text: whole, scheme, host, path, query })
}

fn scheme_of(text: &str) -> Option<(&str, &str)> {
    for (index, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if index > 0 => {}
            ':' if index == 0 => return None,
            ':' => return Some((&text[..index], &text[index + 1..])),
            _ => return Some(("", text)),
        }
    }
    Some(("", text))
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(inner) => match inner.split_once(']') {
            Some((name, port)) => (name, port),
            None => return false,
        },
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    is_port && !name.bytes().any(|b| b" <>\"\\^`{|}#".contains(&b)) && is_escaped(name)
}

/// Whether each `%` starts two hexadecimal digits.
fn is_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|part| {
        part.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// `%41` and `+` as a query means them; `None` where they mean nothing.
fn unescape(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = is_escaped(text).then(|| percent_decode_str(&spaced).decode_utf8().ok())??;
    Some(decoded.into_owned())
}

/// What Go escapes in a path.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

fn given<'a>(args: &[Value<'a>]) -> Result<&'a Url<'a>, Fault> {
    match args[0] {
        Value::Url(url) => Ok(url),
        _ => Err(no_overload("a URL", args)),
    }
}

fn url<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[0].weight())?;
    match parse(text(args, 0)) {
        Some(url) => frame.arena().one(url).map(Value::Url),
        None => error(format!("{} is no URL", args[0].shown())),
    }
}

fn is_url<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[0].weight())?;
    Ok(Value::Bool(parse(text(args, 0)).is_some()))
}

fn scheme<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.arena().text(&given(args)?.scheme.to_ascii_lowercase()).map(Value::String)
}

fn host<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::String(given(args)?.host))
}

fn hostname<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let host = given(args)?.host;
    Ok(Value::String(match host.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((name, _)) => name,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    }))
}

fn port<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let host = given(args)?.host;
    let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
    Ok(Value::String(after.rsplit_once(':').map_or("", |(_, port)| port)))
}

/// The path as it was sent where every byte of it may be, and else escaped anew.
fn escaped_path<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let path = given(args)?.path;
    frame.charge(1 + path.len() as u64 / 16)?;
    let is_sound = |b: u8| b.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@!'()*[]%".contains(&b);
    if path.bytes().all(is_sound) {
        return Ok(Value::String(path));
    }
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    frame.arena().text(&percent_encode(&decoded, ESCAPED).to_string()).map(Value::String)
}

fn query<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let query = given(args)?.query;
    frame.charge(1 + query.len() as u64 / 16)?;
    let mut entries: Vec<(Value<'a>, Vec<Value<'a>>)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(key), Some(value)) = (unescape(key), unescape(value)) else { continue };
        let key = Value::String(frame.arena().text(&key)?);
        let value = Value::String(frame.arena().text(&value)?);
        frame.charge(1 + entries.len() as u64 / 4)?;
        match entries.iter_mut().find(|(known, _)| known.equals(&key)) {
            Some((_, values)) => values.push(value),
            None => entries.push((key, vec![value])),
        }
    }
    let mut made = Vec::with_capacity(entries.len());
    for (key, values) in entries {
        made.push((key, frame.arena().list(&values)?));
    }
    frame.arena().map(&made)
}

/// Whether `text` is a URI that [`url`] takes.
pub(super) fn is_uri(text: &str) -> bool {
    parse(text).is_some()
}
