//! Documentation that names a file which is not there describes yesterday.
//!
//! Looked at, in every Markdown file: the targets of links, what stands in backquotes and looks like a path of this repository, and such
//! words in `sh` blocks.

use std::path::Path;

#[path = "support/markdown.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod markdown;

/// Folders that are made, not kept.
const NOT_OURS: &[&str] = &["target", "dist", ".git", "node_modules"];
/// A name with one of these endings and no folder is looked for beside the page and at the root.
const FILES: &[&str] = &[".md", ".rs", ".sh", ".toml"];

#[test]
fn every_path_in_markdown_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for page in markdown::files(root) {
        let text = std::fs::read_to_string(&page).unwrap();
        let folder = page.parent().unwrap();
        for (line, path) in paths(&text, &|first| root.join(first).is_dir()) {
            if !folder.join(&path).exists() && !root.join(&path).exists() {
                missing
                    .push(format!("{}:{line}: {path}", page.strip_prefix(root).unwrap().display()));
            }
        }
    }
    assert!(missing.is_empty(), "not there:\n  {}", missing.join("\n  "));
}

#[test]
fn finds_paths_and_leaves_the_rest() {
    let text = "See [the map](docs/map.md#top), [out](https://example.com/a.md) and [here](#here).\n\
        `src/lib.rs`, `src/rules/`, `deny.toml`, `podgate.dev/v1`, `spec.hostPID`, `src/<name>.rs`, `tests/*.rs`, `/livez`.\n\
        ```sh\npodgate check --policies src/policies deploy/\n```\n\
        ```text\nsrc/not/looked/at\n```\n";
    let found = paths(text, &|first| matches!(first, "src" | "tests" | ""));
    let expected = [
        (1, "docs/map.md"),
        (2, "src/lib.rs"),
        (2, "src/rules/"),
        (2, "deny.toml"),
        (4, "src/policies"),
    ];
    assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
}

/// A version that two files must write is changed in both or in neither.
#[test]
fn versions_written_twice_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let between = |text: &str, before: &str, after: char| {
        let (_, rest) = text.split_once(before).expect("the version stands where it always did");
        rest.split(after).next().unwrap_or(rest).to_owned()
    };
    let rust = between(&read("rust-toolchain.toml"), "channel = \"", '"');
    let (setup, makefile, dockerfile) =
        (read("e2e/setup.sh"), read("Makefile"), read("Dockerfile"));
    let deny = between(&setup, "deny_version=", '\n');
    let go = between(&setup, "PODGATE_GO_VERSION:-", '}');
    for (text, wanted) in [
        (&dockerfile, format!("library/rust:{rust}-")),
        (&dockerfile, format!("RUSTUP_TOOLCHAIN={rust}\n")),
        (&makefile, format!("/cargo-deny-{deny}/")),
        (&makefile, format!("/go-{go}/")),
    ] {
        assert!(text.contains(&wanted), "not found: {wanted}");
    }
}

/// The paths that `text` names, with their lines. `is_folder` tells whether a name is a folder at the root.
fn paths(text: &str, is_folder: &dyn Fn(&str) -> bool) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // The language of the block that is open.
    let mut block: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = if block.is_some() { None } else { Some(language.trim().to_owned()) };
        } else if block.is_none() {
            found.extend(links(line).into_iter().map(|path| (number, path)));
            let spans = line.split('`').skip(1).step_by(2);
            found.extend(
                spans
                    .filter(|span| looks_like_a_path(span, is_folder))
                    .map(|span| (number, span.to_owned())),
            );
        } else if block.as_deref() == Some("sh") {
            let words = line
                .split_whitespace()
                .filter(|word| word.contains('/') && looks_like_a_path(word, is_folder));
            found.extend(words.map(|word| (number, word.to_owned())));
        }
    }
    found
}

/// The targets of `[text](target)` that are files.
fn links(line: &str) -> Vec<String> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty())
        .map(str::to_owned)
        .collect()
}

fn looks_like_a_path(text: &str, is_folder: &dyn Fn(&str) -> bool) -> bool {
    let plain =
        text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_'));
    plain
        && match text.split_once('/') {
            Some((first, _)) => !first.is_empty() && !NOT_OURS.contains(&first) && is_folder(first),
            None => FILES.iter().any(|ending| text.ends_with(ending) && text.len() > ending.len()),
        }
}
