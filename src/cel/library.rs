//! The functions that expressions may call: Kubernetes' library for admission as of 1.37, but for `authorizer`.
//!
//! Each family has a file of its own, with a table of its declarations.

mod arithmetic;
mod format_text;
mod formats;
mod ip;
mod lists;
mod optionals;
mod patterns;
mod pod;
mod quantity;
mod semver;
mod sets;
mod standard;
mod strings;
mod times;
mod url;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(super) use format_text::check as check_format;
pub(super) use formats::Format;
pub(super) use ip::Cidr;
pub(super) use lists::sort;
pub(super) use patterns::{Pattern, Patterns};
pub(super) use quantity::Quantity;
pub(super) use semver::Semver;
pub(super) use url::Url;

use super::environment::POD;
use super::evaluate::Frame;
use super::program::Fault;
use super::types::Type;
use super::value::Value;

/// What a function gives.
type Evaluated<'a> = Result<Value<'a>, Fault>;
/// A function. It is only called with values of the types that it declares.
type Function = for<'s, 'a> fn(&mut Frame<'s, 'a>, &[Value<'a>]) -> Evaluated<'a>;

/// One declaration of a function.
#[derive(Debug)]
pub(super) struct Overload {
    pub(super) name: &'static str,
    /// As people write it: `string.charAt(int) -> string`.
    pub(super) signature: &'static str,
    pub(super) params: Vec<Type>,
    pub(super) result: Type,
    pub(super) call: Function,
}

/// A row of a table: whether it is called on a value, its declaration, and what it does.
type Row = (bool, &'static str, Function);

/// A function that stands by itself.
const fn global(signature: &'static str, call: Function) -> Row {
    (false, signature, call)
}

/// A function that is called on a value.
const fn member(signature: &'static str, call: Function) -> Row {
    (true, signature, call)
}

/// The families, in the order in which they are shown.
const FAMILIES: &[(&str, &[Row])] = &[
    ("Types and conversions", standard::ROWS),
    ("Numbers", arithmetic::ROWS),
    ("Strings", strings::ROWS),
    ("Patterns", patterns::ROWS),
    ("Lists", lists::ROWS),
    ("Sets", sets::ROWS),
    ("Optionals", optionals::ROWS),
    ("Times", times::ROWS),
    ("Quantities", quantity::ROWS),
    ("Addresses", ip::ROWS),
    ("URLs", url::ROWS),
    ("Versions", semver::ROWS),
    ("Named formats", formats::ROWS),
    ("Pods", pod::ROWS),
];

type Table = BTreeMap<(&'static str, bool), Vec<Overload>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    for (is_member, signature, call) in FAMILIES.iter().flat_map(|(_, rows)| *rows) {
        let overload = declare(*is_member, signature, *call);
        table.entry((overload.name, *is_member)).or_default().push(overload);
    }
    table
});

fn declare(is_member: bool, signature: &'static str, call: Function) -> Overload {
    let (head, result) = signature.split_once(" -> ").unwrap_or((signature, "dyn"));
    let (path, args) = head.split_once('(').unwrap_or((head, ")"));
    let (receiver, name) = match path.rsplit_once('.').filter(|_| is_member) {
        Some((receiver, name)) => (Some(receiver), name),
        None => (None, path),
    };
    let read = |notation: &str| {
        if notation == "pod" { Type::Struct(&POD) } else { Type::read(notation, &[]) }
    };
    let args = split(args.strip_suffix(')').unwrap_or(args));
    let params = receiver.into_iter().chain(args).map(read).collect();
    Overload { name, signature, params, result: read(result), call }
}

/// Parts between commas that stand outside of `<…>`.
fn split(text: &'static str) -> Vec<&'static str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// The declarations of `name`, called on a value or not; none where there is no such function.
pub(super) fn find(name: &str, is_member: bool) -> &'static [Overload] {
    // The key's life is the table's, so it is looked for by value.
    let found = TABLE.iter().find(|((known, member), _)| *known == name && *member == is_member);
    found.map_or(&[], |(_, overloads)| overloads)
}

/// Names of all functions of a kind, but for operators.
pub(super) fn names(is_member: bool) -> Vec<&'static str> {
    TABLE
        .keys()
        .filter(|(name, member)| *member == is_member && !name.contains('_'))
        .map(|(name, _)| *name)
        .collect()
}

/// Whether functions have names that start with `prefix` and a point.
pub(super) fn is_prefix(prefix: &str) -> bool {
    names(false)
        .iter()
        .any(|name| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')))
}

/// The declarations of all functions by family, as people write them.
pub fn functions() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    families(|declared| !declared.name.contains('_'))
}

/// Names of all functions and methods.
#[must_use]
pub fn function_names() -> Vec<&'static str> {
    [names(false), names(true)].concat()
}

/// The declarations of the functions and methods that are called `name`, by family. What stands before the last
/// point of a name may be left out.
#[must_use]
pub fn functions_named(name: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let is_it = |declared: &Overload| {
        declared.name == name
            || declared.name.strip_suffix(name).is_some_and(|before| before.ends_with('.'))
    };
    families(is_it).collect()
}

/// The families that hold a declaration which `is_it`, each with those.
fn families(
    is_it: impl Fn(&Overload) -> bool,
) -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let signatures = move |rows: &[Row]| -> Vec<&'static str> {
        let declared =
            rows.iter().map(|(is_member, signature, call)| declare(*is_member, signature, *call));
        declared.filter(&is_it).map(|overload| overload.signature).collect()
    };
    FAMILIES
        .iter()
        .map(move |(family, rows)| (*family, signatures(rows)))
        .filter(|(_, signatures)| !signatures.is_empty())
}

fn error<T>(message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Error(message.into()))
}

/// The argument at `index`, where it is a string.
fn text<'a>(args: &[Value<'a>], index: usize) -> &'a str {
    match args.get(index) {
        Some(Value::String(text)) => text,
        _ => "",
    }
}

/// The argument at `index`, where it is a list.
fn items<'a>(args: &[Value<'a>], index: usize) -> &'a [Value<'a>] {
    match args.get(index) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The argument at `index`, where it is an int.
fn int(args: &[Value<'_>], index: usize) -> i64 {
    match args.get(index) {
        Some(Value::Int(value)) => *value,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_is_read_as_it_is_written() {
        for ((name, is_member), overloads) in &*TABLE {
            for overload in overloads {
                let listed: Vec<String> = overload.params.iter().map(ToString::to_string).collect();
                assert!(!name.is_empty() && listed.len() <= super::super::evaluate::ARGUMENTS);
                assert!(!is_member || !listed.is_empty(), "{}", overload.signature);
            }
        }
        let replace = &find("replace", true)[0];
        assert_eq!(replace.params, [Type::String, Type::String, Type::String]);
        let query = &find("getQuery", true)[0];
        assert_eq!(query.result, Type::map(Type::String, Type::list(Type::String)));
    }
}
