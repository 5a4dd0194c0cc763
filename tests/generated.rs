//! Files that are made from the code are committed, and must be what the code makes.
//!
//! `make generate` writes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use podgate::{cli, cluster, report, rules};

fn generated() -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::from([
        (PathBuf::from("docs/cli.md"), cli::reference()),
        (PathBuf::from("docs/rules/README.md"), report::rule::index(rules::ALL)),
    ]);
    for rule in rules::ALL {
        files.insert(format!("docs/rules/{}.md", rule.id).into(), report::rule::markdown(rule));
    }
    for (name, text) in cluster::crd::templates() {
        files.insert(Path::new("charts/podgate/templates/crds").join(name), text);
    }
    files
}

#[test]
fn generated_files_are_what_the_code_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = generated();
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
    for entry in fs::read_dir(root.join("docs/rules")).unwrap() {
        let path = Path::new("docs/rules").join(entry.unwrap().file_name());
        assert!(files.contains_key(&path), "{} belongs to no rule: remove it", path.display());
    }
}
