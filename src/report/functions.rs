//! The functions that expressions in CEL may call, for people.

use std::fmt::Write as _;

use crate::cel;

/// All declarations, a line each, under the name of their family.
#[must_use]
pub fn text() -> String {
    let mut text = String::from(
        "Functions and methods of CEL in policies, as Kubernetes 1.37 has them, and those of the pod.\n",
    );
    for (family, signatures) in cel::functions() {
        let _ = write!(text, "\n{family}\n");
        for signature in signatures {
            let _ = writeln!(text, "  {signature}");
        }
    }
    let _ = writeln!(text, "\nMacros\n  {}", MACROS.join("\n  "));
    text
}

/// The same as a page.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "# Functions of CEL\n\nWhat an expression in a policy may call, by `make generate`; `podgate explain cel` prints it. How to write\nrules in CEL is in [cel.md](cel.md).\n",
    );
    for (family, signatures) in cel::functions() {
        let _ = write!(text, "\n## {family}\n\n```text\n{}\n```\n", signatures.join("\n"));
    }
    let _ = write!(text, "\n## Macros\n\n```text\n{}\n```\n", MACROS.join("\n"));
    text
}

/// What is called `name`: functions, methods and macros, and what is called on a type or stands under a prefix of that
/// name. `None` where nothing is.
#[must_use]
pub fn one(name: &str) -> Option<String> {
    let mut found = cel::functions_named(name);
    let prefix = |signature: &&str| {
        let before = signature.strip_prefix(name).unwrap_or_default();
        before.starts_with('.') || before.starts_with('<') && before.contains(">.")
    };
    let under: Vec<&str> = cel::functions().flat_map(|(_, all)| all).filter(prefix).collect();
    let macros: Vec<&str> = MACROS
        .iter()
        .copied()
        .filter(|line| macro_names(line).any(|known| known == name))
        .collect();
    found.extend([("Macros", macros), ("What begins with it", under)]);
    found.retain(|(_, signatures)| !signatures.is_empty());
    let sections =
        found.iter().map(|(family, all)| format!("\n{family}\n  {}\n", all.join("\n  ")));
    (!found.is_empty()).then(|| format!("{name} in CEL\n{}", sections.collect::<String>()))
}

/// What [`one`] knows: names of functions, methods and macros.
#[must_use]
pub fn names() -> Vec<&'static str> {
    cel::function_names()
        .into_iter()
        .chain(MACROS.iter().flat_map(|line| macro_names(line)))
        .collect()
}

/// The names that stand before a bracket.
fn macro_names(line: &'static str) -> impl Iterator<Item = &'static str> {
    let calls = line.split_inclusive('(').filter_map(|part| part.strip_suffix('('));
    calls.map(|call| call.rsplit(['.', ' ']).next().unwrap_or(call))
}

/// What is no function, since it evaluates its argument once for each item.
const MACROS: &[&str] = &[
    "has(OBJECT.FIELD)",
    "RANGE.all(x, PREDICATE), RANGE.all(i, x, PREDICATE)",
    "RANGE.exists(x, PREDICATE), RANGE.exists(i, x, PREDICATE)",
    "RANGE.exists_one(x, PREDICATE), RANGE.existsOne(i, x, PREDICATE)",
    "RANGE.filter(x, PREDICATE)",
    "RANGE.map(x, VALUE), RANGE.map(x, PREDICATE, VALUE)",
    "RANGE.sortBy(x, KEY)",
    "RANGE.transformList(i, x, VALUE), RANGE.transformList(i, x, PREDICATE, VALUE)",
    "RANGE.transformMap(i, x, VALUE), RANGE.transformMap(i, x, PREDICATE, VALUE)",
    "RANGE.transformMapEntry(i, x, MAP), RANGE.transformMapEntry(i, x, PREDICATE, MAP)",
    "OPTIONAL.optMap(x, VALUE), OPTIONAL.optFlatMap(x, OPTIONAL)",
];
