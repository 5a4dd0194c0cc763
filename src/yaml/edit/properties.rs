//! Random documents in random styles, with random insertions.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Map, Value as Json};

use super::{Insertion, Reason, Segment, insert};
use crate::yaml::{Limits, read, write};

/// Numbers from a seed, so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % end as u64).unwrap()
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const NAMES: [&str; 12] =
    ["a", "spec", "name", "yes", "0x1", "image", "a b", "x.y/z", "securityContext", "ü", "-", "#"];
const TEXTS: [&str; 9] =
    ["nginx:1.2", "", "no", "a # b", "x: y", "é", "'", "two\nlines", "tail\n\n"];

fn scalar(dice: &mut Dice) -> Json {
    match dice.below(6) {
        0 => Json::Null,
        1 => Json::Bool(dice.one_in(2)),
        2 => Json::from(dice.below(10_000)),
        _ => Json::from(dice.pick(&TEXTS)),
    }
}

fn value(dice: &mut Dice, depth: usize) -> Json {
    match dice.below(if depth == 0 { 2 } else { 6 }) {
        2 | 3 => Json::Object(map(dice, depth - 1)),
        4 => (0..dice.below(4)).map(|_| value(dice, depth - 1)).collect(),
        5 => (0..dice.below(3)).map(|_| Json::Object(map(dice, depth - 1))).collect(),
        _ => scalar(dice),
    }
}

fn map(dice: &mut Dice, depth: usize) -> Map<String, Json> {
    (0..dice.below(5)).map(|_| (dice.pick(&NAMES).to_owned(), value(dice, depth))).collect()
}

/// Writes documents as people do: no two in the same style.
struct Writer<'d> {
    dice: &'d mut Dice,
    out: String,
    step: usize,
    list: usize,
    line_break: &'static str,
    comments: bool,
    /// A deeper comment would be a line of the block scalar before it.
    is_behind_block: bool,
}

impl Writer<'_> {
    fn line(&mut self, text: &str) {
        self.is_behind_block = false;
        self.out.push_str(text);
        if self.comments && self.dice.one_in(5) {
            self.out.push_str(" # told: {a: ~}");
        }
        self.out.push_str(self.line_break);
    }

    fn between(&mut self, indent: usize) {
        if self.comments && self.dice.one_in(6) {
            let indent = indent + if self.is_behind_block { 0 } else { self.dice.below(3) };
            let line_break = self.line_break;
            write!(self.out, "{:indent$}# said: [x]{line_break}", "").unwrap();
        }
        // Behind a scalar that keeps its blank lines one more would be part of it.
        if self.dice.one_in(9) && !self.out.ends_with(&self.line_break.repeat(2)) {
            self.out.push_str(self.line_break);
        }
    }

    /// A map that is not empty. Its first key stands where the text has come to.
    fn members(&mut self, members: &Map<String, Json>, indent: usize) {
        for (number, (name, value)) in members.iter().enumerate() {
            if number > 0 {
                self.between(indent);
                write!(self.out, "{:indent$}", "").unwrap();
            }
            let key = self.quoted(name);
            self.out.push_str(&key);
            self.out.push(':');
            self.child(value, indent, indent + self.step, indent + self.list);
        }
    }

    fn items(&mut self, items: &[Json], indent: usize) {
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                self.between(indent);
                write!(self.out, "{:indent$}", "").unwrap();
            }
            let gap = if self.dice.one_in(6) { 3 } else { 1 };
            self.out.push('-');
            match item {
                Json::Object(members) if !members.is_empty() && self.dice.one_in(2) => {
                    write!(self.out, "{:gap$}", "").unwrap();
                    self.members(members, indent + 1 + gap);
                }
                _ => self.child(item, indent, indent + 2, indent + 2),
            }
        }
    }

    /// What stands behind a colon or a dash.
    fn child(&mut self, value: &Json, parent: usize, map: usize, list: usize) {
        let in_flow = self.dice.one_in(5);
        match value {
            Json::Object(members) if !members.is_empty() && !in_flow => {
                self.line("");
                self.between(map);
                write!(self.out, "{:map$}", "").unwrap();
                self.members(members, map);
            }
            Json::Array(items) if !items.is_empty() && !in_flow => {
                self.line("");
                write!(self.out, "{:list$}", "").unwrap();
                self.items(items, list);
            }
            Json::String(text) if text.contains('\n') && self.dice.one_in(2) => {
                let body = text.trim_end_matches('\n');
                let mark = if text.ends_with("\n\n") { "|+" } else { "|-" };
                self.out.push(' ');
                self.line(mark);
                let indent = parent + self.step;
                for line in body.split('\n').chain((text != body).then_some("")) {
                    let indent = if line.is_empty() { 0 } else { indent };
                    let line_break = self.line_break;
                    write!(self.out, "{:indent$}{line}{line_break}", "").unwrap();
                }
                self.is_behind_block = true;
                self.is_behind_block = true;
            }
            Json::Null if self.dice.one_in(2) => self.line(""),
            _ => {
                let spread = self.dice.one_in(3).then_some(parent + self.step);
                let text = self.flow(value, spread);
                self.out.push(' ');
                self.line(&text);
            }
        }
    }

    fn flow(&mut self, value: &Json, spread: Option<usize>) -> String {
        let parts: Vec<String> = match value {
            Json::Object(members) => members
                .iter()
                .map(|(name, value)| format!("{}: {}", self.quoted(name), self.flow(value, None)))
                .collect(),
            Json::Array(items) => items.iter().map(|item| self.flow(item, None)).collect(),
            Json::Null => return self.dice.pick(&["~", "null", "Null"]).to_owned(),
            Json::String(text) => return self.quoted(text),
            other => return other.to_string(),
        };
        let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
        if let (Some(indent), false) = (spread, parts.is_empty()) {
            let mut text = String::from(open);
            for (number, part) in parts.iter().enumerate() {
                let is_last = number + 1 == parts.len();
                let comma = if is_last && !self.dice.one_in(3) { "" } else { "," };
                let note = if self.comments && self.dice.one_in(4) { " # }, x" } else { "" };
                write!(text, "{}{:indent$}{part}{comma}{note}", self.line_break, "").unwrap();
            }
            write!(text, "{}{:indent$}{close}", self.line_break, "").unwrap();
            return text;
        }
        let (gap, comma) = (self.dice.pick(&["", " "]), self.dice.pick(&[", ", ",  "]));
        if parts.is_empty() {
            return format!("{open}{gap}{close}");
        }
        format!("{open}{gap}{}{gap}{close}", parts.join(comma))
    }

    fn quoted(&mut self, text: &str) -> String {
        match self.dice.below(3) {
            0 if !text.contains('\n') => format!("'{}'", text.replace('\'', "''")),
            1 => Json::from(text).to_string(),
            _ => write::scalar(text),
        }
    }
}

fn yaml(dice: &mut Dice, documents: &[Map<String, Json>]) -> String {
    let step = dice.pick(&[2, 2, 4, 3]);
    let list = dice.pick(&[0, step]);
    let line_break = dice.pick(&["\n", "\n", "\n", "\r\n"]);
    let comments = dice.one_in(2);
    let mut out = if dice.one_in(8) { "\u{feff}".to_owned() } else { String::new() };
    for document in documents {
        if documents.len() > 1 || dice.one_in(2) {
            out.push_str(dice.pick(&["---", "--- # Source: x"]));
            out.push_str(line_break);
        }
        let mut writer = Writer {
            dice: &mut *dice,
            out,
            step,
            list,
            line_break,
            comments,
            is_behind_block: false,
        };
        writer.between(0);
        if document.is_empty() {
            writer.line("{}");
        } else {
            writer.members(document, 0);
        }
        out = writer.out;
    }
    if dice.one_in(4) && !out.ends_with("\n\n") && !out.ends_with("\n\r\n") {
        out.truncate(out.trim_end().len());
    }
    out
}

/// Every map of a value, by its path.
fn maps(value: &Json, path: &mut Vec<Segment>, found: &mut Vec<Vec<Segment>>) {
    match value {
        Json::Object(members) => {
            found.push(path.clone());
            for (name, value) in members {
                path.push(Segment::Key(name.clone()));
                maps(value, path, found);
                path.pop();
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Segment::Index(index));
                maps(item, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

fn insertions(dice: &mut Dice, documents: &[Json]) -> Vec<Insertion> {
    let mut all = Vec::new();
    for _ in 0..=dice.below(4) {
        let document = dice.below(documents.len());
        let mut found = Vec::new();
        maps(&documents[document], &mut Vec::new(), &mut found);
        let mut path = found[dice.below(found.len())].clone();
        for _ in 0..=dice.below(3) {
            let name =
                if dice.one_in(2) { dice.pick(&NAMES) } else { dice.pick(&["new", "other"]) };
            path.push(Segment::Key(name.to_owned()));
        }
        all.push(Insertion { document, path, value: value(dice, 2) });
    }
    all
}

/// Whether something is in the way of `new` at `path`.
fn has_room(value: &Json, path: &[Segment], new: &Json) -> bool {
    match (path, value) {
        (_, Json::Null) => true,
        ([], Json::Object(members)) => members.is_empty() && new.is_object(),
        ([], Json::Array(items)) => items.is_empty() && new.is_array(),
        ([Segment::Index(index), rest @ ..], Json::Array(items)) => {
            has_room(&items[*index], rest, new)
        }
        ([Segment::Key(name), rest @ ..], Json::Object(members)) => {
            members.get(name).is_none_or(|member| has_room(member, rest, new))
        }
        _ => false,
    }
}

/// Puts `new` at `path`, beside what other insertions have put there.
fn put(value: &mut Json, path: &[Segment], new: &Json) {
    match path {
        [] => match (&mut *value, new) {
            (Json::Object(known), Json::Object(new)) => {
                for (name, new) in new {
                    put(known.entry(name).or_insert(Json::Null), &[], new);
                }
            }
            _ => *value = new.clone(),
        },
        [Segment::Index(index), rest @ ..] => put(&mut value[*index], rest, new),
        [Segment::Key(name), rest @ ..] => {
            if value.is_null() {
                *value = Json::Object(Map::new());
            }
            let members = value.as_object_mut().unwrap();
            put(members.entry(name).or_insert(Json::Null), rest, new);
        }
    }
}

fn json_of(text: &str) -> Vec<Json> {
    let documents = read(text, Limits::default()).unwrap_or_else(|e| panic!("{e}\n{text}"));
    documents.iter().map(|node| serde_json::from_str(&node.to_json()).unwrap()).collect()
}

/// Whether each line of `before` stands in `after`, in order; of lines that hold something in flow
/// style or null, or that a comma or a value was put behind, only the characters need stand there.
fn keeps_lines(before: &str, after: &str) -> Result<(), String> {
    let mut rest = after.split('\n');
    for line in before.split('\n') {
        let line = line.trim_end_matches('\r');
        let changeable =
            line.contains(['{', '[', '}', ']', '~']) || line.to_lowercase().contains("null");
        let kept = |new: &str| {
            let new = new.trim_end_matches('\r');
            let ends =
                |end: &str| line.split(" #").next().is_some_and(|l| l.trim_end().ends_with(end));
            // Between braces on lines of their own a comma comes behind the last member, and behind a
            // key that nothing followed a value.
            new == line
                || (changeable && is_in_order(line, new))
                || new.replacen(", #", " #", 1) == line
                || new == format!("{line},")
                || (ends(":") && is_in_order(line, new))
        };
        if !rest.any(kept) {
            return Err(format!("{line:?} is not kept"));
        }
    }
    Ok(())
}

fn is_in_order(line: &str, new: &str) -> bool {
    let line = line.split(" # ").next().unwrap();
    let bare = line
        .replace(['{', '}', '[', ']', '~', ' ', ','], "")
        .replace("null", "")
        .replace("Null", "");
    let mut rest = new.chars();
    bare.chars().all(|c| rest.any(|other| other == c))
}

fn check(seed: u64) {
    let dice = &mut Dice(seed);
    let mut documents: Vec<_> = (0..=dice.below(2)).map(|_| map(dice, 4)).collect();
    let text = match dice.below(6) {
        0 => serde_json::to_string(&documents[0]).unwrap(),
        1 => serde_json::to_string_pretty(&documents[0]).unwrap(),
        _ => yaml(dice, &documents),
    };
    if text.starts_with('{') {
        documents.truncate(1);
    }
    let mut wanted: Vec<Json> = documents.into_iter().map(Json::Object).collect();
    assert_eq!(json_of(&text), wanted, "the writer of this test is wrong\n{text}");
    let insertions = insertions(dice, &wanted);
    let edited = insert(&text, &insertions, Limits::default()).unwrap();
    let case = || format!("seed {seed}\n{text}\n{insertions:#?}\n{edited:#?}\n{}", edited.text);
    let before = wanted.clone();
    for (number, insertion) in insertions.iter().enumerate() {
        let Insertion { document, path, value } = insertion;
        let refused = edited.refused.iter().find(|refused| refused.insertion == number);
        let has_room = has_room(&before[*document], path, value);
        match refused.map(|refused| &refused.reason) {
            None => {
                assert!(has_room, "{}", case());
                put(&mut wanted[*document], path, value);
            }
            Some(Reason::Written | Reason::NoPlace) => assert!(!has_room, "{}", case()),
            Some(Reason::Contradiction | Reason::CutOff) => {}
            Some(other) => panic!("{other}: {}", case()),
        }
    }
    assert_eq!(json_of(&edited.text), wanted, "{}", case());
    if let Err(error) = keeps_lines(&text, &edited.text) {
        panic!("{error} {}", case());
    }
    let is_made = |number: &usize| edited.refused.iter().all(|r| r.insertion != *number);
    let made: Vec<_> =
        insertions.iter().enumerate().filter(|(number, _)| is_made(number)).collect();
    let made: Vec<_> = made.into_iter().map(|(_, insertion)| insertion.clone()).collect();
    let again = insert(&edited.text, &made, Limits::default()).unwrap();
    // A null that was inserted is empty still, and is filled with null again.
    assert_eq!(json_of(&again.text), wanted, "{}", case());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn only_what_is_inserted_changes(seed in any::<u64>()) {
        check(seed);
    }

    #[test]
    fn text_of_yamls_own_characters_is_never_spoilt(
        text in "([-:,?\\[\\]{}#&*!|>'\"%@ \n<]|a|b|a: |<<|yes|0|\\t|---\n|\\.\\.\\.\n|&a |\\*a |~|\r\n|- |  ){0,40}",
    ) {
        let insertion = |path: &[Segment]| Insertion { document: 0, path: path.to_vec(), value: Json::from("new") };
        let key = |name: &str| Segment::Key(name.to_owned());
        let insertions = [
            insertion(&[key("a")]),
            insertion(&[key("b"), key("c")]),
            insertion(&[Segment::Index(0), key("a")]),
            insertion(&[key("a"), Segment::Index(0), key("b")]),
        ];
        if let Ok(edited) = insert(&text, &insertions, Limits::default()) {
            let made = insertions.len() - edited.refused.len();
            prop_assert_eq!(edited.text == text, made == 0);
            prop_assert!(edited.text.matches("new").count() == made);
        }
    }
}
