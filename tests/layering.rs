//! Who may know whom, read from the source: every `crate::`, `super::` and `use` path under `src/`.
//!
//! The table below is the one in `docs/architecture.md`. A module that is not in it fails until it has a row.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

#[path = "support/rust_files.rs"]
mod rust_files;

use rust_files::rust_files;

/// One module of the crate's root and what it may name.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
    /// A pure layer reads no file, clock or environment, and neither logs nor waits.
    pure: bool,
}

const LAYERS: &[Layer] = &[
    layer("yaml", &[], true),
    layer("admission", &["pod"], true),
    layer("pod", &["admission"], true),
    layer("rules", &["pod"], true),
    layer("spelling", &[], true),
    layer("cel", &["spelling"], true),
    layer("policy", &["admission", "cel", "pod", "rules", "spelling", "yaml"], true),
    layer("manifest", &["admission", "pod", "yaml"], false),
    layer("engine", &["admission", "cel", "pod", "policy", "rules"], true),
    layer("ledger", &["admission", "engine", "pod", "policy", "rules"], false),
    layer(
        "report",
        &["admission", "cel", "cluster", "engine", "ledger", "manifest", "pod", "policy", "rules"],
        false,
    ),
    layer("server", &["admission", "engine", "ledger", "pod", "policy"], false),
    layer(
        "cluster",
        &["admission", "engine", "ledger", "manifest", "pod", "policy", "rules", "yaml"],
        false,
    ),
    layer("console", &["admission", "engine", "ledger", "pod", "policy", "rules"], false),
    layer("otlp", &["ledger"], false),
    layer("cli", ANYTHING, false),
];

const ANYTHING: &[&str] = &["*"];

/// What a pure layer must not name.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io::stdin",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "tokio",
    "tracing",
];

/// The one file of a pure layer that may read files: it reads the policies' text, and decides nothing.
const MAY_READ_FILES: &[(&str, &str)] = &[("src/policy/load.rs", "std::fs")];

const fn layer(name: &'static str, may_use: &'static [&'static str], pure: bool) -> Layer {
    Layer { name, may_use, pure }
}

#[test]
fn every_module_knows_only_what_its_layer_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = String::new();
    for file in rust_files(&root.join("src")) {
        let name = file.strip_prefix(root).expect("the file is under the root");
        let name = name.to_str().expect("a file of ours has a plain name");
        let source = std::fs::read_to_string(&file).expect("a source file is readable");
        for fault in faults(name, &source) {
            writeln!(found, "  {fault}").expect("a string takes any text");
        }
    }
    assert!(found.is_empty(), "docs/architecture.md, \"Who may use whom\", forbids:\n{found}");
}

#[test]
fn the_table_names_only_rows_of_its_own() {
    for layer in LAYERS {
        for used in layer.may_use {
            assert!(
                *used == "*" || row(used).is_some(),
                "{} may use {used}, which has no row",
                layer.name
            );
            let pure = *used != "*" && row(used).is_some_and(|other| other.pure);
            assert!(!layer.pure || pure, "{} is pure and may use {used}, which is not", layer.name);
        }
    }
}

#[test]
fn the_architecture_page_has_the_same_table() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md"))
            .unwrap();
    for layer in LAYERS {
        let may_use = match layer.may_use {
            [] => "nothing of ours".to_owned(),
            ["*"] => "everything".to_owned(),
            names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        let row =
            format!("| `{}` | {may_use} | {} |", layer.name, if layer.pure { "yes" } else { "no" });
        assert!(page.contains(&row), "docs/architecture.md lacks the row\n{row}");
    }
}

#[test]
fn finds_a_forbidden_module_however_it_is_named() {
    for source in [
        "use crate::server;",
        "use crate::server::Router;",
        "use crate::{pod::PodView, server::{self, Router}};",
        "use crate::{\n    pod,\n    server as s,\n};",
        "pub(crate) use crate::server::*;",
        "fn f() -> crate::server::Router { todo() }",
        "fn f() { let x = <crate::server::Router as Default>::default(); }",
        "use super::super::server::Router;",
        "mod inner { use super::super::super::server::Router; }",
    ] {
        let faults = faults("src/engine/decide.rs", source);
        assert_eq!(faults.len(), 1, "{source}: {faults:?}");
        assert!(faults[0].contains("`engine` may not use `server`"), "{faults:?}");
    }
}

#[test]
fn finds_what_a_pure_layer_may_not_name() {
    for (source, named) in [
        ("use std::fs;", "std::fs"),
        ("use std::fs;\n#[cfg(test)]\nmod tests {}", "std::fs"),
        ("use std::{collections::BTreeMap, env};", "std::env"),
        ("use std::time::{Duration, Instant};", "std::time::Instant"),
        ("use std::time::*;", "std::time::Instant"),
        ("use std::time;\nfn f() { time::SystemTime::now(); }", "std::time::SystemTime"),
        ("use std::time as t;\nfn f() { t::SystemTime::now(); }", "std::time::SystemTime"),
        ("use jiff::Timestamp;\nfn f() { Timestamp::now(); }", "jiff::Timestamp::now"),
        ("fn f() { ::std::fs::read(\"x\"); }", "std::fs"),
        ("async fn f() { tokio::task::yield_now().await }", "tokio"),
        ("fn f() { tracing::info!(\"x\"); }", "tracing"),
    ] {
        let faults = faults("src/engine.rs", source);
        assert!(!faults.is_empty(), "{source}");
        assert!(faults.iter().all(|fault| fault.contains(named)), "{source}: {faults:?}");
    }
}

#[test]
fn lets_pass_what_is_allowed() {
    for (file, source) in [
        (
            "src/engine.rs",
            "use crate::{admission::Attributes, pod::PodView};\nuse crate::engine::decision;",
        ),
        (
            "src/engine/decide.rs",
            "use super::decision::Decision;\nmod tests { use super::super::decision::Decision; }",
        ),
        (
            "src/engine.rs",
            "use std::time::Duration;\nuse jiff::Timestamp;\nfn f(now: Timestamp) {}",
        ),
        (
            "src/engine.rs",
            "// use crate::server;\n/* use std::fs; /* nested */ */\n/// [`crate::server`]\nfn f() {}",
        ),
        (
            "src/engine.rs",
            "const A: &str = \"use crate::server;\"; const B: &str = r#\"std::fs \"quoted\"\"#;",
        ),
        ("src/engine.rs", "fn f<'a>(x: &'a str) -> char { '\"' }"),
        ("src/engine.rs", "const V: &str = env!(\"CARGO_PKG_VERSION\");"),
        ("src/policy/load.rs", "use std::fs;"),
        ("src/policy/tests/load.rs", "use std::fs;"),
        ("src/rules.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}"),
        ("src/cli/serve.rs", "use crate::{cluster, server};"),
        ("src/main.rs", "use podgate::cli;"),
    ] {
        assert_eq!(faults(file, source), Vec::<String>::new(), "{file}: {source}");
    }
    assert_eq!(faults("src/policy/load.rs", "use std::env;").len(), 1);
    assert_eq!(faults("src/policy/set.rs", "use std::fs;").len(), 1);
}

#[test]
fn a_module_without_a_row_is_a_fault() {
    assert_eq!(faults("src/helpers.rs", "").len(), 1);
    assert_eq!(faults("src/engine.rs", "use crate::helpers::help;").len(), 1);
}

fn row(name: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.name == name)
}

/// What `source`, the text of `file` (a path from the root, with slashes), names and may not.
fn faults(file: &str, source: &str) -> Vec<String> {
    let modules: Vec<&str> =
        file.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
    if matches!(modules[..], ["lib" | "main"]) {
        return Vec::new();
    }
    let Some(layer) = row(modules[0]) else {
        return vec![format!("{file}: module `{}` has no row in tests/layering.rs", modules[0])];
    };
    // Tests may read files and clocks: what they check is not part of the product.
    let is_test_file = modules[1..].iter().any(|module| *module == "tests" || *module == "testing");
    let product_lines = source
        .find("#[cfg(test)]\nmod tests {")
        .map_or(usize::MAX, |start| source[..start].lines().count());
    let mut faults = Vec::new();
    for found in paths(source, modules.len()) {
        let at = format!("{file}:{}", found.line);
        if let Some(used) = found.top_module() {
            if row(used).is_none() {
                faults.push(format!("{at}: `{used}` has no row in tests/layering.rs"));
            } else if used != layer.name
                && layer.may_use != ANYTHING
                && !layer.may_use.contains(&used)
            {
                faults.push(format!("{at}: `{}` may not use `{used}`", layer.name));
            }
        } else if layer.pure
            && !is_test_file
            && found.line <= product_lines
            && let Some(named) = IMPURE.iter().find(|impure| found.reaches(impure))
            && !MAY_READ_FILES.contains(&(file, named))
        {
            faults.push(format!("{at}: `{}` is pure and may not use `{named}`", layer.name));
        }
    }
    faults.dedup();
    faults
}

/// One path as the source writes it, with the names that `use` brought in written out.
#[derive(Debug, Clone)]
struct Found {
    line: usize,
    /// The first is `crate` for whatever is ours.
    segments: Vec<String>,
}

impl Found {
    fn top_module(&self) -> Option<&str> {
        match &self.segments[..] {
            [first, second, ..] if first == "crate" => Some(second),
            _ => None,
        }
    }

    /// Whether the path is `name`, lies under it, or takes it in with a `*`.
    fn reaches(&self, name: &str) -> bool {
        let wanted: Vec<&str> = name.split("::").collect();
        let glob = self.segments.last().is_some_and(|last| last == "*");
        let written = &self.segments[..self.segments.len() - usize::from(glob)];
        let common = written.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
        common == wanted.len() || (glob && common == written.len() && common > 0)
    }
}

/// All paths in `source`, whose file is `depth` modules below the root.
fn paths(source: &str, depth: usize) -> Vec<Found> {
    let tokens = tokens(source);
    let mut written = Vec::new();
    let mut imported: HashMap<String, Vec<String>> = HashMap::new();
    // One entry for each open brace: whether a module's.
    let mut braces: Vec<bool> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let inner = braces.iter().filter(|module| **module).count();
        match tokens[at].text.as_str() {
            "{" => {
                let module = at >= 2 && tokens[at - 2].text == "mod";
                braces.push(module);
            }
            "}" => {
                braces.pop();
            }
            word if is_word(word) => {
                let mut tree = Vec::new();
                let is_use = at > 0
                    && tokens[..at]
                        .iter()
                        .rev()
                        .find(|token| token.text != ":")
                        .is_some_and(|t| t.text == "use");
                let end = read_tree(&tokens, at, &[], &mut tree);
                for (mut path, alias, line) in tree {
                    let supers = path.iter().take_while(|segment| *segment == "super").count();
                    if supers > 0 && supers >= depth + inner {
                        path.splice(..supers, ["crate".to_owned()]);
                    }
                    if is_use {
                        imported.insert(alias, path.clone());
                    }
                    written.push(Found { line, segments: path });
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    for found in &mut written {
        if let Some(path) = imported.get(&found.segments[0])
            && found.segments.len() > 1
            && path[0] != found.segments[0]
        {
            // What was brought in from ours is judged where it is brought in.
            if path[0] != "crate" {
                found.segments.splice(..1, path.iter().cloned());
            }
        }
    }
    written
}

/// Reads the path or `use` tree at `at` into `(path, name it is known by, line)`, and tells where it ends.
fn read_tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    found: &mut Vec<(Vec<String>, String, usize)>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut path = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    loop {
        if text(at) == "{" {
            at += 1;
            while at < tokens.len() && text(at) != "}" {
                if text(at) == "," {
                    at += 1;
                } else {
                    let end = read_tree(tokens, at, &path, found);
                    at = end.max(at + 1);
                }
            }
            return at + 1;
        }
        if text(at) != "self" || path.is_empty() {
            path.push(text(at).to_owned());
        }
        at += 1;
        let goes_on = text(at) == ":"
            && text(at + 1) == ":"
            && (is_word(text(at + 2)) || matches!(text(at + 2), "{" | "*"));
        if !goes_on {
            break;
        }
        at += 2;
    }
    let mut alias = path.last().cloned().unwrap_or_default();
    if text(at) == "as" && is_word(text(at + 1)) && (!prefix.is_empty() || text(at + 2) == ";") {
        text(at + 1).clone_into(&mut alias);
        at += 2;
    }
    found.push((path, alias, line));
    at
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

/// Words and single punctuation marks; comments, strings, characters and lifetimes left out.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => end_of_line(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => end_of_comment(&chars, at),
            '"' => end_of_string(&chars, at),
            'r' | 'b' | 'c' if string_follows(&chars, at) => end_of_prefixed_string(&chars, at),
            '\'' => end_of_quote(&chars, at),
            c if c.is_alphanumeric() || c == '_' => {
                let end = chars[at..]
                    .iter()
                    .position(|c| !(c.is_alphanumeric() || *c == '_'))
                    .map_or(chars.len(), |n| at + n);
                tokens.push(Token { text: chars[at..end].iter().collect(), line });
                end
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token { text: c.to_string(), line });
                }
                at + 1
            }
        };
        line += chars[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    tokens
}

fn end_of_line(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n)
}

fn end_of_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(chars.len())
}

fn end_of_string(chars: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The prefix (`r`, `b`, `br`, `cr`, …) and hashes of a string that starts at `at`, if one does.
fn string_prefix(chars: &[char], at: usize) -> Option<(usize, usize, bool)> {
    let letters = chars[at..].iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    let hashes = chars[at + letters..].iter().take_while(|c| **c == '#').count();
    let raw = chars[at..at + letters].contains(&'r');
    let quote = chars.get(at + letters + hashes) == Some(&'"');
    (letters <= 2 && quote && (raw || hashes == 0)).then_some((letters, hashes, raw))
}

fn string_follows(chars: &[char], at: usize) -> bool {
    string_prefix(chars, at).is_some()
}

fn end_of_prefixed_string(chars: &[char], at: usize) -> usize {
    let Some((letters, hashes, raw)) = string_prefix(chars, at) else {
        return at + 1;
    };
    let quote = at + letters + hashes;
    if !raw {
        return end_of_string(chars, quote);
    }
    let closes = |at: usize| {
        chars[at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    (quote + 1..chars.len()).find(|at| closes(*at)).map_or(chars.len(), |end| end + 1 + hashes)
}

/// A character, or the `'` and name of a lifetime.
fn end_of_quote(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            chars[at + 3..].iter().position(|c| *c == '\'').map_or(chars.len(), |n| at + 3 + n + 1)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => {
            let name =
                chars[at + 1..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
            at + 1 + name
        }
    }
}
