//! A file that no module declares is not compiled, and a test that is skipped without a reason is not missed: both are faults here.

use std::path::{Path, PathBuf};

#[path = "support/rust_files.rs"]
mod rust_files;

use rust_files::rust_files;

#[test]
fn every_source_file_is_declared_by_a_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for sources in ["src", "e2e/src"] {
        let sources = root.join(sources);
        let orphans = orphans(&sources);
        assert!(orphans.is_empty(), "declared by no `mod`: {orphans:?}");
    }
}

#[test]
fn every_ignored_test_says_why() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bare = format!("#[{}]", "ignore");
    for folder in ["src", "tests", "benches", "e2e"] {
        for file in rust_files(&root.join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            let line = text.lines().position(|line| line.trim() == bare);
            assert_eq!(line, None, "{}: write #[ignore = \"why\"]", file.display());
        }
    }
}

#[test]
fn an_orphan_is_found() {
    let folder = tempdir("orphans");
    std::fs::create_dir_all(folder.join("known")).unwrap();
    std::fs::write(folder.join("lib.rs"), "pub mod known;\n// mod commented;\nmod inline {}\n")
        .unwrap();
    std::fs::write(folder.join("known.rs"), "#[cfg(test)]\nmod tests;\npub(crate) mod two;\n")
        .unwrap();
    for name in ["known/tests.rs", "known/two.rs", "known/lost.rs", "commented.rs", "inline.rs"] {
        std::fs::write(folder.join(name), "").unwrap();
    }
    let found: Vec<_> = orphans(&folder)
        .iter()
        .map(|path| path.strip_prefix(&folder).unwrap().to_owned())
        .collect();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(found, ["commented.rs", "inline.rs", "known/lost.rs"].map(PathBuf::from));
}

/// The files under `sources` that the file of the module above them does not declare.
fn orphans(sources: &Path) -> Vec<PathBuf> {
    let is_root = |file: &Path| {
        let parent = file.parent().expect("a file has a folder");
        (parent == sources && (file.ends_with("lib.rs") || file.ends_with("main.rs")))
            || parent == sources.join("bin")
    };
    let declared = |file: &Path| {
        let name = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a file of ours has a plain name");
        let folder = file.parent().expect("a file has a folder");
        let above = if folder == sources {
            vec![sources.join("lib.rs"), sources.join("main.rs")]
        } else {
            vec![folder.with_extension("rs")]
        };
        above
            .iter()
            .any(|file| std::fs::read_to_string(file).is_ok_and(|text| declares(&text, name)))
    };
    rust_files(sources).into_iter().filter(|file| !is_root(file) && !declared(file)).collect()
}

fn declares(text: &str, name: &str) -> bool {
    let declaration = format!("mod {name};");
    text.lines().map(str::trim).any(|line| {
        line.strip_suffix(&declaration).is_some_and(|before| {
            before.is_empty() || before.starts_with("pub") || before.starts_with("#[")
        })
    })
}

fn tempdir(name: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the target folder is writable");
    folder
}
