//! The policies under `policies/` do what their test pods say.
//!
//! `tests/pass/` holds pods that a policy lets in. `tests/fail/` holds pods that it refuses: the first
//! line names the rules that must be broken, and no other may be.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use podgate::engine::{self, Scope};
use podgate::manifest;
use podgate::policy::{self, Options, PolicySet, Source, load};

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

fn folders() -> Vec<(String, PathBuf)> {
    let mut folders: Vec<_> = fs::read_dir(library())
        .unwrap()
        .map(Result::unwrap)
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .collect();
    folders.sort();
    folders
}

fn options() -> Options {
    let now = "2026-11-24T00:00:00Z".parse().unwrap();
    Options::at(now)
}

fn compile(sources: &[Source]) -> PolicySet {
    match policy::compile(sources, &options()) {
        Ok((set, warnings)) => {
            assert!(warnings.is_empty(), "{warnings:?}");
            set
        }
        Err(problems) => {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            panic!("{}", lines.join("\n"))
        }
    }
}

/// The rules that the pods of a file break; every document must hold a pod.
fn broken(set: &PolicySet, text: &str, file: &Path) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    let documents = manifest::read(text).unwrap();
    assert!(!documents.is_empty(), "{} is empty", file.display());
    for document in &documents {
        let attributes = document.attributes("default");
        let decision = engine::decide(set, &attributes, Scope::All, "test", options().now);
        assert!(decision.not_judged.is_none() && decision.failure.is_none(), "{}", file.display());
        rules.extend(decision.violations.iter().map(|violation| violation.rule.to_string()));
    }
    rules
}

fn cases(folder: &Path, at_least: usize) -> Vec<(PathBuf, String)> {
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= at_least, "{} needs {at_least} cases", folder.display());
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn each_policy_passes_and_fails_the_pods_that_it_says() {
    for (name, folder) in folders() {
        let set = compile(&load::read(&[folder.join("policy.yaml")]).unwrap());
        let names: Vec<_> = set.policies().iter().map(|policy| &*policy.name).collect();
        assert_eq!(names, [name.as_str()], "the policy is named after its folder");
        for (path, text) in cases(&folder.join("tests/pass"), 2) {
            assert_eq!(broken(&set, &text, &path), BTreeSet::new(), "{}", path.display());
        }
        for (path, text) in cases(&folder.join("tests/fail"), 3) {
            let expected = text.lines().next().and_then(|line| line.strip_prefix("# expect: "));
            let expected = expected.unwrap_or_else(|| panic!("{} expects nothing", path.display()));
            let expected = expected.split(", ").map(str::to_owned).collect();
            assert_eq!(broken(&set, &text, &path), expected, "{}", path.display());
        }
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(readme.starts_with(&format!("# {name}\n")), "{name}/README.md");
    }
}

#[test]
fn the_embedded_library_is_the_one_on_disk() {
    let mut files = load::read(&[library()]).unwrap();
    for source in &mut files {
        let folder = Path::new(&source.name).parent().unwrap().file_name().unwrap();
        source.name = format!("(embedded) {}", folder.to_str().unwrap());
    }
    assert_eq!(policy::embedded(), files);
    assert_eq!(compile(&files).policies().len(), folders().len());
}
