//! Files that are made from the code, or from other files, are committed, and must be what they are made from.
//!
//! `make generate` writes them anew.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use podgate::{cli, cluster, report, rules};

#[path = "support/chart_values.rs"]
mod chart_values;
#[path = "support/series.rs"]
mod series;

/// Folders in which nothing else may lie.
const FOLDERS: &[&str] = &["docs/rules", "charts/podgate/files/policies"];

fn generated(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::from([
        (PathBuf::from("docs/cli.md"), cli::reference()),
        (PathBuf::from("docs/cel-functions.md"), report::functions::markdown()),
        (PathBuf::from("docs/metrics.md"), metrics()),
        (PathBuf::from("docs/rules/README.md"), report::rule::index(rules::ALL)),
        (PathBuf::from("charts/podgate/README.md"), chart_readme(&root.join("charts/podgate"))),
    ]);
    for rule in rules::ALL {
        files.insert(format!("docs/rules/{}.md", rule.id).into(), report::rule::markdown(rule));
    }
    for (name, schema) in cli::schemas() {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        files.insert(Path::new("docs/schema").join(name), text);
    }
    for (name, text) in cluster::crd::templates() {
        files.insert(Path::new("charts/podgate/templates/crds").join(name), text);
    }
    // A chart reads no file but its own.
    for entry in fs::read_dir(root.join("policies")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(folder.join("policy.yaml")).unwrap();
        files.insert(format!("charts/podgate/files/policies/{name}.yaml").into(), text);
    }
    files
}

/// A table of every metric, as they announce themselves.
fn metrics() -> String {
    let mut page = "# Metrics

What `/metrics` on the admin port tells, by `make generate`. A client that asks for OpenMetrics gets it, and every other one the text that Prometheus has
always read; counters end in `_total` in both. Labels hold words of podgate's and the names of policies and rules, never a user, a namespace or an object. The
chart has alerts (`monitoring.prometheusRule.enabled`), each with a paragraph in the [runbook](install.md#runbook), and a dashboard
(`monitoring.dashboard.enabled`).

| metric | kind | what it is |
|---|---|---|
"
    .to_owned();
    let text = series::scrape();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|it| it.split_once(' '))
        else {
            continue;
        };
        let kind = lines.next().unwrap().rsplit(' ').next().unwrap();
        let total = if kind == "counter" { "_total" } else { "" };
        writeln!(page, "| `{name}{total}` | {kind} | {help} |").unwrap();
    }
    page
}

/// The chart's README as it is, with the table of its values anew.
fn chart_readme(chart: &Path) -> String {
    const BEGIN: &str = "<!-- From values.yaml, by `make generate`. -->\n";
    let mut table = "| value | default | what it is |\n|---|---|---|\n".to_owned();
    let values = fs::read_to_string(chart.join("values.yaml")).unwrap();
    for value in chart_values::documented(&values) {
        let default = serde_json::to_string(&value.default).unwrap();
        let text = value.text.replace('|', "\\|");
        writeln!(table, "| `{}` | `{default}` | {text} |", value.path).unwrap();
    }
    let page = fs::read_to_string(chart.join("README.md")).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page says where the table begins");
    let after = rest.find("\n\n").map_or("\n", |end| &rest[end + 1..]);
    format!("{before}{BEGIN}{table}{after}")
}

#[test]
fn generated_files_are_what_they_are_made_from() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = generated(root);
    #[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
    let bless = std::env::var_os("PODGATE_BLESS").is_some();
    if bless {
        for (path, text) in &files {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        }
    }
    for (path, text) in &files {
        let written = fs::read_to_string(root.join(path)).unwrap_or_default();
        assert_eq!(&written, text, "{} is out of date: run make generate", path.display());
    }
    for folder in FOLDERS {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = Path::new(folder).join(entry.unwrap().file_name());
            assert!(
                files.contains_key(&path),
                "{} is made from nothing: remove it",
                path.display()
            );
        }
    }
}
