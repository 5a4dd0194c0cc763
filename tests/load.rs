//! Policies are found in files, folders and mounted `ConfigMap`s, each once.
//!
//! Here and not beside the code: `policy` itself may use the file system in one file only.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};

use podgate::policy::{Problem, Source, load};

/// A folder of its own for one test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("podgate-load-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn read(&self) -> Result<Vec<Source>, Vec<Problem>> {
        load::read(std::slice::from_ref(&self.0))
    }

    fn names(&self) -> Vec<String> {
        let relative = |source: &Source| {
            Path::new(&source.name).strip_prefix(&self.0).unwrap().display().to_string()
        };
        self.read().unwrap().iter().map(relative).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn folders_are_read_whole_and_in_order() {
    let folder = Folder::new("order");
    folder.write("b.yml", "").write("a/x.yaml", "").write("c.json", "").write("README.md", "");
    folder.write(".hidden.yaml", "").write(".git/x.yaml", "");
    assert_eq!(folder.names(), ["a/x.yaml", "b.yml", "c.json"]);
}

#[test]
fn the_tests_beside_a_policy_are_no_policies() {
    let folder = Folder::new("tests");
    folder.write("lib/policy.yaml", "").write("lib/tests/pass/pod.yaml", "");
    folder.write("tests/other.yaml", "");
    assert_eq!(folder.names(), ["lib/policy.yaml", "tests/other.yaml"]);
}

#[cfg(unix)]
#[test]
fn a_mounted_config_map_is_read_once() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new("mount");
    folder.write("..2026_11_24/policy.yaml", "text");
    symlink("..2026_11_24", folder.0.join("..data")).unwrap();
    symlink("..data/policy.yaml", folder.0.join("policy.yaml")).unwrap();
    symlink("policy.yaml", folder.0.join("same.yaml")).unwrap();
    symlink(".", folder.0.join("loop")).unwrap();
    assert_eq!(folder.names(), ["policy.yaml"]);
    let file = folder.0.join("policy.yaml");
    assert_eq!(load::read(&[file.clone(), folder.0.clone(), file]).unwrap().len(), 1);
}

#[test]
fn what_cannot_be_read_is_said_all_at_once() {
    let folder = Folder::new("bad");
    folder.write("README.md", "");
    let problems = load::read(&[folder.0.clone(), folder.0.join("nothing.yaml")]).unwrap_err();
    assert_eq!(problems.len(), 2);
    assert!(problems[0].to_string().contains("the folder holds no policy"), "{}", problems[0]);
    assert!(problems[1].to_string().contains("cannot be read"), "{}", problems[1]);
    fs::write(folder.0.join("x.yaml"), [0xff, 0xfe]).unwrap();
    assert!(folder.read().unwrap_err()[0].message.contains("UTF-8"));
}
