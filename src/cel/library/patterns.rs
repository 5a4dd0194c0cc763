//! Regular expressions, in the syntax of RE2. They take time in proportion to the text, whatever they are.

use regex::{Regex, RegexBuilder};

use super::{Evaluated, Row, global, int, member, text};
use crate::cel::evaluate::Frame;
use crate::cel::program::Fault;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    global("matches(string, string) -> bool", matches),
    member("string.matches(string) -> bool", matches),
    member("string.find(string) -> string", find),
    member("string.findAll(string) -> list<string>", find_all),
    member("string.findAll(string, int) -> list<string>", find_all),
];

/// How large a compiled pattern may be, in bytes.
const SIZE: usize = 1 << 20;
/// How many patterns that objects bring are kept for one judgement.
const KEPT: usize = 64;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(in super::super) struct Pattern {
    source: Box<str>,
    regex: Regex,
}

impl Pattern {
    /// Compiles `source`; else says what is wrong with it, in one line.
    pub(in super::super) fn compile(source: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(source).size_limit(SIZE).dfa_size_limit(SIZE).build();
        let regex = regex.map_err(|error| {
            let text = error.to_string();
            text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        })?;
        Ok(Self { source: source.into(), regex })
    }
}

/// Patterns that came with an object.
#[derive(Debug, Default)]
pub(in super::super) struct Patterns<'a>(Vec<(&'a str, Result<Regex, String>)>);

/// The pattern, compiled at load where the expression holds it. Steps are paid for the text and the pattern.
fn pattern<'a>(frame: &mut Frame<'_, 'a>, text: &str, source: &'a str) -> Result<Regex, Fault> {
    let lengths = (text.len() as u64).saturating_mul(1 + source.len() as u64 / 4);
    frame.charge(1 + lengths / 16)?;
    if let Some(pattern) = frame.patterns.iter().find(|pattern| *pattern.source == *source) {
        return Ok(pattern.regex.clone());
    }
    let known =
        frame.session.patterns.borrow().0.iter().find(|(known, _)| *known == source).cloned();
    if let Some((_, regex)) = known {
        return regex.map_err(Fault::Error);
    }
    // To compile one costs far more than to use it.
    frame.charge(1_000 + 50 * source.len() as u64)?;
    let compiled = Pattern::compile(source).map(|pattern| pattern.regex);
    let mut patterns = frame.session.patterns.borrow_mut();
    if patterns.0.len() < KEPT {
        patterns.0.push((source, compiled.clone()));
    }
    compiled.map_err(|error| Fault::Error(format!("the pattern does not compile: {error}")))
}

fn matches<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let regex = pattern(frame, text(args, 0), text(args, 1))?;
    Ok(Value::Bool(regex.is_match(text(args, 0))))
}

/// The first match, or the empty string.
fn find<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let regex = pattern(frame, text(args, 0), text(args, 1))?;
    Ok(Value::String(regex.find(text(args, 0)).map_or("", |found| found.as_str())))
}

/// All matches that do not overlap, or the first so many.
fn find_all<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let regex = pattern(frame, text(args, 0), text(args, 1))?;
    let limit = args.get(2).and_then(|_| usize::try_from(int(args, 2)).ok()).unwrap_or(usize::MAX);
    let found: Vec<Value<'a>> = regex
        .find_iter(text(args, 0))
        .take(limit)
        .map(|found| Value::String(found.as_str()))
        .collect();
    frame.charge(found.len() as u64)?;
    frame.arena().list(&found)
}
