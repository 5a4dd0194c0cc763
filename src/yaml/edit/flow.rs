//! Edits in flow style, which JSON is too.

use serde_json::{Map, Value as Json};

use super::place::{Addition, Kind};
use super::source::{Content, Node, Source};
use super::{Edit, Reason};
use crate::yaml::write;

/// How flow style looks next to a place.
#[derive(Clone)]
pub(super) struct Look {
    /// Strings are written as JSON wants them.
    is_json: bool,
    colon: &'static str,
    comma: &'static str,
    /// For maps with a line for each member.
    lines: Option<Lines>,
}

#[derive(Clone)]
struct Lines {
    line_break: &'static str,
    /// What a closing brace is indented with.
    outside: String,
    /// What a member is indented with, beyond that.
    step: String,
}

impl Look {
    /// On one line, with blanks behind colon and comma.
    pub(super) const PLAIN: Self = Self { is_json: false, colon: ": ", comma: ", ", lines: None };

    /// The look of the nearest map in flow style that has members, from the inside of `trail` to its
    /// outside. The last of `trail` is what is to be written into.
    pub(super) fn of(source: &Source<'_>, trail: &[&Node]) -> Self {
        let Some((node, shows)) = trail
            .last()
            .zip(trail.iter().rev().find(|node| node.is_flow() && !node.entries().is_empty()))
        else {
            let is_json = trail.first().is_some_and(|root| root.is_flow())
                && source.text.trim_start().starts_with('{');
            return Self { is_json, ..Self::PLAIN };
        };
        let text = source.text;
        let entries = shows.entries();
        let Some(last) = entries.last() else { return Self::PLAIN };
        let is_json = entries.iter().all(|entry| text[entry.key_start..].starts_with('"'));
        let is_tight = is_json && last.value.start == last.key_end + 1;
        let comma = match entries.split_last() {
            Some((_, [.., before])) => {
                let comma = source.next_meaning(before.value.end);
                if text[comma..].starts_with(',')
                    && !text[comma + 1..].starts_with([' ', '\t', '\r', '\n'])
                {
                    ","
                } else {
                    ", "
                }
            }
            _ if is_tight => ",",
            _ => ", ",
        };
        let has_lines =
            is_json && source.starts_line(last.key_start) && stands_alone(source, trail);
        let lines = has_lines.then(|| {
            let member = source.indentation(last.key_start);
            let brace = source.indentation(shows.start);
            let step = member.strip_prefix(brace).filter(|step| !step.is_empty()).unwrap_or("  ");
            Lines {
                line_break: source.line_break(source.line_end(shows.start)),
                outside: source.indentation(node.start).to_owned(),
                step: step.to_owned(),
            }
        });
        Self { is_json, colon: if is_tight { ":" } else { ": " }, comma, lines }
    }

    /// A value, on as many lines as the look has for it.
    pub(super) fn value(&self, value: &Json) -> String {
        match value {
            Json::String(text) if !self.is_json => write::scalar(text),
            Json::Object(members) if !members.is_empty() => {
                format!("{{{}}}", self.inside(|look| look.members(members)))
            }
            Json::Array(items) if !items.is_empty() => {
                let items = |look: &Self| items.iter().map(|item| look.value(item)).collect();
                format!("[{}]", self.inside(items))
            }
            other => other.to_string(),
        }
    }

    fn members(&self, members: &Map<String, Json>) -> Vec<String> {
        let member = |(name, value): (&String, &Json)| {
            let name =
                if self.is_json { Json::from(&**name).to_string() } else { write::scalar(name) };
            format!("{name}{}{}", self.colon, self.value(value))
        };
        members.iter().map(member).collect()
    }

    /// What stands between two braces.
    fn inside(&self, parts: impl Fn(&Self) -> Vec<String>) -> String {
        let Some(lines) = &self.lines else { return parts(self).join(self.comma) };
        let Lines { line_break, outside, step } = lines;
        let inner = format!("{outside}{step}");
        let next = Lines { outside: inner.clone(), ..lines.clone() };
        let parts = parts(&Self { lines: Some(next), ..self.clone() });
        let parts = parts.join(&format!(",{line_break}{inner}"));
        format!("{line_break}{inner}{parts}{line_break}{outside}")
    }
}

/// Whether the last of `trail` has its line for itself, with its key where it has one.
fn stands_alone(source: &Source<'_>, trail: &[&Node]) -> bool {
    let [.., parent, node] = trail else { return true };
    let entry = parent.entries().iter().find(|entry| entry.value.start == node.start);
    !parent.is_flow() || source.starts_line(entry.map_or(node.start, |entry| entry.key_start))
}

pub(super) fn edits(
    source: &Source<'_>,
    addition: &Addition<'_>,
) -> Result<Vec<Edit>, (usize, Reason)> {
    let map = addition.map();
    let depth = addition.trail.len();
    let look = Look::of(source, &addition.trail);
    match (addition.kind, &addition.value) {
        (Kind::Fill(entry), value) => {
            let node = &entry.value;
            let edit = |range, text| Ok(vec![Edit { range, text, depth: depth + 1 }]);
            // Inside, a line for each member is indented from where the value stands.
            match node.content {
                Content::Nothing | Content::Null if node.is_tagged => {
                    Err((node.start, Reason::Tagged))
                }
                Content::NoColon => {
                    edit(entry.key_end..entry.key_end, format!(": {}", look.value(value)))
                }
                Content::Nothing => {
                    let (at, gap) = behind(source, node);
                    edit(at..at, format!("{gap}{}", look.value(value)))
                }
                Content::Null => {
                    let trail = [&addition.trail[..], &[node]].concat();
                    edit(node.start..node.end, Look::of(source, &trail).value(value))
                }
                _ => Ok(fill_empty(source, &addition.trail, node, value)),
            }
        }
        (Kind::Members, value) if map.entries().is_empty() => {
            let holders = &addition.trail[..addition.trail.len() - 1];
            Ok(fill_empty(source, holders, map, value))
        }
        (Kind::Members, Json::Object(members)) => add(source, map, &look, members, depth),
        (Kind::Members, _) => Err((map.start, Reason::NoPlace)),
    }
}

/// Fills `{}` or `[]`, which `holders` hold.
pub(super) fn fill_empty(
    source: &Source<'_>,
    holders: &[&Node],
    node: &Node,
    value: &Json,
) -> Vec<Edit> {
    let trail = [holders, &[node]].concat();
    let look = Look::of(source, &trail);
    let text = look.value(value);
    let (inner, inside) = (&text[1..text.len() - 1], node.start + 1..node.end - 1);
    let written = source.text[inside.clone()].trim_matches([' ', '\t']);
    let is_blank = written.is_empty() || (look.lines.is_some() && written.trim().is_empty());
    // A comment between the braces stays.
    let range = if is_blank { inside } else { inside.end..inside.end };
    vec![Edit { range, text: inner.to_owned(), depth: trail.len() }]
}

/// Where something may be written behind a value, and the blank that must come before it: behind a colon
/// alone, `{a:,}` would read as a key that ends in a colon.
fn behind(source: &Source<'_>, value: &Node) -> (usize, &'static str) {
    match value.content {
        Content::Nothing if source.text[value.end..].starts_with(' ') => (value.end + 1, ""),
        Content::Nothing => (value.end, " "),
        _ => (value.end, ""),
    }
}

/// Adds members behind the last one of a map.
fn add(
    source: &Source<'_>,
    map: &Node,
    look: &Look,
    members: &Map<String, Json>,
    depth: usize,
) -> Result<Vec<Edit>, (usize, Reason)> {
    let last = map.entries().last().filter(|_| source.text[map.start..].starts_with('{'));
    let Some(last) = last else { return Err((map.start, Reason::Unknown)) };
    let (end, gap) = behind(source, &last.value);
    let edit = |at: usize, text: String| Edit { range: at..at, text, depth };
    if !source.starts_line(last.key_start) {
        let members = look.members(members).join(look.comma);
        return Ok(vec![edit(end, format!("{gap}{}{members}", look.comma))]);
    }
    let line_end = source.line_end(end);
    let line_break = source.line_break(line_end);
    let indentation = source.indentation(last.key_start);
    let mut inner = look.clone();
    if let Some(lines) = &mut inner.lines {
        indentation.clone_into(&mut lines.outside);
    }
    let lines: Vec<String> = inner
        .members(members)
        .iter()
        .map(|member| format!("{line_break}{indentation}{member}"))
        .collect();
    let lines = lines.join(",");
    let next = source.next_meaning(end);
    if source.text[next..].starts_with(',') && next < line_end && source.ends_line(next + 1) {
        // The last member has a comma behind it, so the new last one has too.
        return Ok(vec![edit(line_end, format!("{lines},"))]);
    }
    if source.ends_line(end) {
        return Ok(vec![edit(end, format!("{gap},")), edit(line_end, lines)]);
    }
    Ok(vec![edit(end, format!("{gap},{lines}"))])
}
