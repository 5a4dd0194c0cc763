//! A file replaced as a whole: whoever looks sees the old text or the new one, and never half of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Writes `after` into the file at `path`, which holds `before`. A link is followed; permissions stay.
///
/// # Errors
/// Where it cannot be written, or holds something else by now; it is then as it was.
pub(super) fn replace(path: &Path, before: &str, after: &str) -> anyhow::Result<()> {
    let path = fs::canonicalize(path).context("cannot be found any more")?;
    let metadata = fs::metadata(&path).context("cannot be looked at")?;
    if !metadata.is_file() {
        bail!("is no file that can be replaced; use - for standard input, or --diff");
    }
    // A rename asks the folder only, and the file was made read-only for a reason.
    if metadata.permissions().readonly() {
        bail!("is read-only; make it writable, or use --diff");
    }
    OpenOptions::new().write(true).open(&path).context("cannot be written")?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let (temporary, mut file) = Temporary::new(folder)
        .with_context(|| format!("cannot write a file beside it, in {}", folder.display()))?;
    let written = file.write_all(after.as_bytes()).and_then(|()| {
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
            // Only root may give a file away. Whoever may write it has it then.
            let _ = std::os::unix::fs::chown(
                &temporary.path,
                Some(metadata.uid()),
                Some(metadata.gid()),
            );
        }
        file.set_permissions(metadata.permissions())?;
        file.sync_all()
    });
    written.context("cannot be written; it is as it was")?;
    if fs::read(&path).context("cannot be read any more")? != before.as_bytes() {
        bail!("was changed by somebody else in the meantime and is left alone; run it again");
    }
    temporary.rename(&path).context("cannot be replaced; it is as it was")
}

/// A file that is gone when it is not wanted after all.
struct Temporary {
    path: PathBuf,
    is_renamed: bool,
}

impl Temporary {
    fn new(folder: &Path) -> io::Result<(Self, File)> {
        let mut number = 0;
        loop {
            let path = folder.join(format!(".podgate-fix-{}-{number}", std::process::id()));
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            match file {
                Ok(file) => return Ok((Self { path, is_renamed: false }, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 100 => {
                    number += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn rename(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_renamed {
            // Nothing can be done about it, and its name says whose it is.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_left_alone() {
        let folder = std::env::temp_dir().join(format!("podgate-replace-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.yaml");
        fs::write(&path, "theirs").unwrap();
        let error = replace(&path, "before", "after").unwrap_err();
        assert!(format!("{error:#}").contains("changed by somebody else"), "{error:#}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        replace(&path, "theirs", "ours").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "ours");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left behind");
        assert!(replace(&folder, "", "x").is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
