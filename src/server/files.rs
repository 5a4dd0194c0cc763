//! Files that change under a running process, told by their content.
//!
//! Kubernetes replaces the files of a mounted `ConfigMap` or Secret by swapping the symlink `..data` to
//! another directory. A watch on the file itself sees its directory go once and then nothing more, and
//! a modification time may stand still; the bytes cannot lie.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The content of some files at one moment.
pub type Content = BTreeMap<PathBuf, Vec<u8>>;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}: check the path, and that the process may read it", path.display())]
pub struct ReadError {
    path: PathBuf,
    source: io::Error,
}

/// Reads the files at `paths`; of a directory, its `.yaml` and `.yml` files.
pub fn read(paths: &[PathBuf]) -> Result<Content, ReadError> {
    let mut content = Content::new();
    for path in paths {
        read_into(path, &mut content).map_err(|(path, source)| ReadError { path, source })?;
    }
    Ok(content)
}

fn read_into(path: &Path, content: &mut Content) -> Result<(), (PathBuf, io::Error)> {
    let failed = |source| (path.to_owned(), source);
    if !path.is_dir() {
        content.insert(path.to_owned(), std::fs::read(path).map_err(failed)?);
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // `..data` and its target hold the same files a second time.
        if name.starts_with('.') {
            continue;
        }
        // Directories below are not entered: a policy's own `tests/` holds no policies.
        let path = entry.path();
        if (name.ends_with(".yaml") || name.ends_with(".yml")) && path.is_file() {
            let bytes = std::fs::read(&path).map_err(|source| (path.clone(), source))?;
            content.insert(path, bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A volume as the kubelet mounts it: files are links through `..data`.
    pub(crate) struct Volume {
        root: PathBuf,
        swaps: u32,
    }

    impl Volume {
        pub(crate) fn new(files: &[(&str, &[u8])]) -> Self {
            let root = std::env::temp_dir().join(format!("podgate-{}", uuid::Uuid::now_v7()));
            std::fs::create_dir(&root).unwrap();
            let mut volume = Self { root, swaps: 0 };
            volume.swap(files);
            for (name, _) in files {
                symlink(Path::new("..data").join(name), volume.path(name)).unwrap();
            }
            volume
        }

        /// Replaces all files at once, the kubelet's way.
        pub(crate) fn swap(&mut self, files: &[(&str, &[u8])]) {
            let old = format!("..{}", self.swaps);
            self.swaps += 1;
            let new = format!("..{}", self.swaps);
            std::fs::create_dir(self.root.join(&new)).unwrap();
            for (name, bytes) in files {
                std::fs::write(self.root.join(&new).join(name), bytes).unwrap();
            }
            symlink(&new, self.root.join("..data_tmp")).unwrap();
            std::fs::rename(self.root.join("..data_tmp"), self.root.join("..data")).unwrap();
            let _ = std::fs::remove_dir_all(self.root.join(old));
        }

        pub(crate) fn path(&self, name: &str) -> PathBuf {
            self.root.join(name)
        }

        pub(crate) fn root(&self) -> PathBuf {
            self.root.clone()
        }
    }

    impl Drop for Volume {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.root);
        }
    }

    /// Waits until `condition` holds, for at most ten seconds.
    pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
        for _ in 0..1000 {
            if condition() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("did not happen: {what}");
    }

    #[test]
    fn a_directory_is_read_without_the_links_of_the_kubelet() {
        let mut volume = Volume::new(&[("a.yaml", b"1"), ("notes.txt", b"x")]);
        let content = read(&[volume.root()]).unwrap();
        assert_eq!(
            content.into_iter().collect::<Vec<_>>(),
            [(volume.path("a.yaml"), b"1".to_vec())]
        );
        volume.swap(&[("a.yaml", b"2")]);
        volume.swap(&[("a.yaml", b"3")]);
        assert_eq!(read(&[volume.root()]).unwrap()[&volume.path("a.yaml")], b"3");
    }

    #[test]
    fn an_error_names_the_file_and_what_to_check() {
        let error = read(&["nowhere/policy.yaml".into()]).unwrap_err().to_string();
        assert!(error.starts_with("cannot read nowhere/policy.yaml: "), "{error}");
        assert!(error.contains("check the path"), "{error}");
    }
}
