//! Strings. Places in them are counted in characters.

use super::{Evaluated, Row, error, format_text, global, int, items, member, text};
use crate::cel::evaluate::Frame;
use crate::cel::program::Fault;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    member("string.contains(string) -> bool", contains),
    member("string.startsWith(string) -> bool", starts_with),
    member("string.endsWith(string) -> bool", ends_with),
    member("string.charAt(int) -> string", char_at),
    member("string.indexOf(string) -> int", index_of),
    member("string.indexOf(string, int) -> int", index_of),
    member("string.lastIndexOf(string) -> int", last_index_of),
    member("string.lastIndexOf(string, int) -> int", last_index_of),
    member("string.substring(int) -> string", substring),
    member("string.substring(int, int) -> string", substring),
    member("string.replace(string, string) -> string", replace),
    member("string.replace(string, string, int) -> string", replace),
    member("string.split(string) -> list<string>", split),
    member("string.split(string, int) -> list<string>", split),
    member("list<string>.join() -> string", join),
    member("list<string>.join(string) -> string", join),
    member("string.trim() -> string", trim),
    member("string.lowerAscii() -> string", lower),
    member("string.upperAscii() -> string", upper),
    member("string.format(list<dyn>) -> string", format_text::format),
    global("strings.quote(string) -> string", quote),
];

/// A made string.
fn made<'a>(frame: &mut Frame<'_, 'a>, text: &str) -> Evaluated<'a> {
    let text = frame.arena().text(text).map(Value::String)?;
    frame.charge(text.weight())?;
    Ok(text)
}

fn number<'a>(number: usize) -> Value<'a> {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Pays for looking at both strings.
fn look<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Result<(&'a str, &'a str), Fault> {
    let (a, b) = (text(args, 0), text(args, 1));
    frame.charge(1 + (a.len() + b.len()) as u64 / 16)?;
    Ok((a, b))
}

fn contains<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (text, part) = look(frame, args)?;
    Ok(Value::Bool(text.contains(part)))
}

fn starts_with<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[1].weight())?;
    Ok(Value::Bool(text(args, 0).starts_with(text(args, 1))))
}

fn ends_with<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[1].weight())?;
    Ok(Value::Bool(text(args, 0).ends_with(text(args, 1))))
}

fn out_of_range<T>(index: i64) -> Result<T, Fault> {
    error(format!("index out of range: {index}"))
}

fn char_at<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[0].weight())?;
    let (text, index) = (text(args, 0), int(args, 1));
    let Some(start) = usize::try_from(index).ok().and_then(|index| place(text, index)) else {
        return out_of_range(index);
    };
    let rest = &text[start..];
    let length = rest.chars().next().map_or(0, char::len_utf8);
    Ok(Value::String(&rest[..length]))
}

/// Where the character at `index` starts, in bytes; the end counts as a place.
fn place(text: &str, index: usize) -> Option<usize> {
    let ends = std::iter::once(text.len());
    text.char_indices().map(|(at, _)| at).chain(ends).nth(index)
}

fn index_of<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (text, part) = look(frame, args)?;
    let offset = int(args, 2);
    let Ok(offset) = usize::try_from(offset) else { return out_of_range(offset) };
    if part.is_empty() {
        return Ok(number(offset.min(text.chars().count())));
    }
    let found = place(text, offset).and_then(|start| {
        let at = text[start..].find(part)?;
        Some(offset + text[start..start + at].chars().count())
    });
    Ok(found.map_or(Value::Int(-1), number))
}

fn last_index_of<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (text, part) = look(frame, args)?;
    let length = text.chars().count();
    let given = args.get(2).map(|_| int(args, 2));
    if part.is_empty() {
        return Ok(given.map_or_else(|| number(length), Value::Int));
    }
    let last = match given {
        None => length,
        Some(offset) if offset < 0 => return out_of_range(offset),
        Some(offset) => match usize::try_from(offset) {
            Ok(offset) if offset < length => offset,
            _ => return Ok(Value::Int(-1)),
        },
    };
    // The part may start at `last`, and end wherever it does.
    let end = place(text, last).map_or(text.len(), |at| at + part.len()).min(text.len());
    let end = text.ceil_char_boundary(end);
    let found = text[..end].rfind(part).map(|at| text[..at].chars().count());
    Ok(found.map_or(Value::Int(-1), number))
}

fn substring<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[0].weight())?;
    let (text, start) = (text(args, 0), int(args, 1));
    let at = |index: i64| usize::try_from(index).ok().and_then(|index| place(text, index));
    let Some(from) = at(start) else { return out_of_range(start) };
    let to = match args.get(2) {
        None => text.len(),
        Some(_) => match at(int(args, 2)) {
            Some(to) => to,
            None => return out_of_range(int(args, 2)),
        },
    };
    match text.get(from..to) {
        Some(part) => Ok(Value::String(part)),
        None => error(format!("the end {} stands before the start {start}", int(args, 2))),
    }
}

fn replace<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (source, from, to) = (text(args, 0), text(args, 1), text(args, 2));
    let limit = args.get(3).map_or(-1, |_| int(args, 3));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // Counted before anything is made: a short part may become a long one many times over.
    let count = if from.is_empty() { source.len() + 1 } else { source.len() / from.len() };
    let size = source.len() + count.min(limit).saturating_mul(to.len());
    frame.charge(1 + size as u64 / 16)?;
    if size > frame.session.memory.bounds.bytes {
        return Err(Fault::Memory);
    }
    made(frame, &source.replacen(from, to, limit))
}

fn split<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (source, by) = look(frame, args)?;
    let limit = args.get(2).map_or(-1, |_| int(args, 2));
    let mut parts: Vec<Value<'a>> = Vec::new();
    match usize::try_from(limit) {
        Ok(0) => {}
        limit if by.is_empty() => {
            let limit = limit.unwrap_or(usize::MAX);
            let mut rest = source;
            while let Some(first) = rest.chars().next() {
                let length = if parts.len() + 1 >= limit { rest.len() } else { first.len_utf8() };
                parts.push(Value::String(&rest[..length]));
                rest = &rest[length..];
            }
        }
        Ok(limit) => parts.extend(source.splitn(limit, by).map(Value::String)),
        Err(_) => parts.extend(source.split(by).map(Value::String)),
    }
    frame.charge(parts.len() as u64)?;
    frame.arena().list(&parts)
}

fn join<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (parts, by) = (items(args, 0), text(args, 1));
    frame.charge(parts.len() as u64)?;
    let mut joined = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            joined.push_str(by);
        }
        let Value::String(part) = part else { return error("only strings are joined") };
        joined.push_str(part);
        if joined.len() > frame.session.memory.bounds.bytes {
            return Err(Fault::Memory);
        }
    }
    made(frame, &joined)
}

fn trim<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[0].weight())?;
    Ok(Value::String(text(args, 0).trim()))
}

fn lower<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    made(frame, &text(args, 0).to_ascii_lowercase())
}

fn upper<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    made(frame, &text(args, 0).to_ascii_uppercase())
}

fn quote<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let mut quoted = String::from("\"");
    for c in text(args, 0).chars() {
        match c {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    made(frame, &quoted)
}
