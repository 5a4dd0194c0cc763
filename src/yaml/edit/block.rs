//! Edits in block style: whole lines under a map, or a value behind a key.

use serde_json::{Map, Value as Json};

use super::flow::{self, Look};
use super::place::{Addition, Kind};
use super::source::{Content, Entry, Source};
use super::style::Style;
use super::{Edit, Reason};
use crate::yaml::write;

pub(super) fn edits(
    source: &Source<'_>,
    addition: &Addition<'_>,
) -> Result<Vec<Edit>, (usize, Reason)> {
    let map = addition.map();
    let style = Style::near(source, &addition.trail);
    let indent = source.column(map.start);
    let depth = addition.trail.len();
    match (addition.kind, &addition.value) {
        (Kind::Fill(entry), value) => fill(source, addition, entry, value, style),
        (Kind::Members, Json::Object(members)) => {
            if let Content::Scalar { is_cut_off: true } = map.last_leaf().content {
                return Err((map.end, Reason::CutOff));
            }
            if !source.ends_line(map.end) {
                return Err((map.end, Reason::Unknown));
            }
            let at = behind_comments(source, source.line_end(map.end), indent);
            let mut lines = Vec::new();
            write_members(members, indent, style, &mut lines);
            Ok(vec![insert_lines(source, at, &lines, depth)])
        }
        _ => Err((map.start, Reason::NoPlace)),
    }
}

/// Puts a value behind a key that has none, or an empty one.
fn fill(
    source: &Source<'_>,
    addition: &Addition<'_>,
    entry: &Entry,
    value: &Json,
    style: Style,
) -> Result<Vec<Edit>, (usize, Reason)> {
    let node = &entry.value;
    let depth = addition.trail.len() + 1;
    let is_empty_flow = match node.content {
        Content::Nothing | Content::Null if node.is_tagged => {
            return Err((node.start, Reason::Tagged));
        }
        Content::Nothing | Content::Null => false,
        Content::NoColon => return Err((entry.key_start, Reason::Unknown)),
        _ => true,
    };
    let column = source.column(addition.map().start);
    let mut lines = Vec::new();
    match value {
        Json::Object(members) if !members.is_empty() => {
            write_members(members, column + style.map, style, &mut lines);
        }
        Json::Array(items) if !items.is_empty() => {
            write_items(items, column + style.list, style, &mut lines);
        }
        _ => {}
    }
    // What is written goes: `~`, or the braces with nothing in them.
    let written = match node.content {
        Content::Nothing => node.end..node.end,
        _ => node.start..node.end,
    };
    let is_one_line = (written.is_empty()
        || !source.text[entry.key_end..written.end].contains(['\n', '\r']))
        && source.ends_line(written.end);
    let is_plain = !is_empty_flow || (node.anchor == 0 && !node.is_tagged);
    if !lines.is_empty() && is_one_line && is_plain {
        let before = source.text[..written.start].trim_end_matches([' ', '\t']).len();
        let from = if written.is_empty() { written.start } else { before };
        let at = source.line_end(written.end);
        return Ok(vec![
            Edit { range: from..written.end, text: String::new(), depth },
            insert_lines(source, at, &lines, depth),
        ]);
    }
    if is_empty_flow {
        return Ok(flow::fill_empty(source, &addition.trail, node, value));
    }
    let space = if written.is_empty() { " " } else { "" };
    let text = format!("{space}{}", Look::PLAIN.value(value));
    Ok(vec![Edit { range: written, text, depth }])
}

/// The end of the last of the comment lines that follow the line which ends at `line_end` and are
/// indented deeper than `column`: they belong to what stands above them.
fn behind_comments(source: &Source<'_>, mut line_end: usize, column: usize) -> usize {
    loop {
        let rest = &source.text[line_end..];
        let next = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\n', '\r']));
        let Some(next) = next else { return line_end };
        let start = source.text.len() - next.len();
        let blanks = next.len() - next.trim_start_matches([' ', '\t']).len();
        if blanks <= column || !next[blanks..].starts_with('#') {
            return line_end;
        }
        line_end = source.line_end(start);
    }
}

/// New lines behind the one that ends at `at`. The line break that is there ends the last of them, and
/// where none is, none is added.
fn insert_lines(source: &Source<'_>, at: usize, lines: &[String], depth: usize) -> Edit {
    let line_break = source.line_break(at);
    let text = lines.iter().flat_map(|line| [line_break, line]).collect();
    Edit { range: at..at, text, depth }
}

fn write_members(members: &Map<String, Json>, indent: usize, style: Style, out: &mut Vec<String>) {
    for (name, value) in members {
        let key = format!("{:indent$}{}:", "", write::scalar(name));
        match value {
            Json::Object(members) if !members.is_empty() => {
                out.push(key);
                write_members(members, indent + style.map, style, out);
            }
            Json::Array(items) if !items.is_empty() => {
                out.push(key);
                write_items(items, indent + style.list, style, out);
            }
            _ => out.push(format!("{key} {}", Look::PLAIN.value(value))),
        }
    }
}

fn write_items(items: &[Json], indent: usize, style: Style, out: &mut Vec<String>) {
    for item in items {
        // An item's first line stands behind its dash.
        let inside = indent + 2;
        let first = out.len();
        match item {
            Json::Object(members) if !members.is_empty() => {
                write_members(members, inside, style, out);
            }
            Json::Array(items) if !items.is_empty() => write_items(items, inside, style, out),
            _ => out.push(format!("{:inside$}{}", "", Look::PLAIN.value(item))),
        }
        if let Some(line) = out.get_mut(first) {
            *line = format!("{:indent$}- {}", "", &line[inside..]);
        }
    }
}
