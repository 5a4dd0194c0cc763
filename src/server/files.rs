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
#[error("cannot read {}: {cause}: check the path, and that the process may read it", path.display())]
pub struct ReadError {
    path: PathBuf,
    /// Not `source`: the message has it already, and would be followed by it again.
    cause: io::Error,
}

/// Reads the files at `paths`.
pub fn read(paths: &[&Path]) -> Result<Content, ReadError> {
    let read = |path: &&Path| match std::fs::read(path) {
        Ok(bytes) => Ok((path.to_path_buf(), bytes)),
        Err(cause) => Err(ReadError { path: path.to_path_buf(), cause }),
    };
    paths.iter().map(read).collect()
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
    fn an_error_names_the_file_and_what_to_check() {
        let error = read(&[Path::new("nowhere/tls.crt")]).unwrap_err().to_string();
        assert!(error.starts_with("cannot read nowhere/tls.crt: "), "{error}");
        assert!(error.contains("check the path"), "{error}");
    }
}
