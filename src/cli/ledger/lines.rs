//! Lines of records from files, folders and standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::ledger::spool;
use crate::ledger::verify::Place;

/// The longest line that is read, in bytes: longer than any record of a review of 8 MiB.
const LINE_LIMIT: u64 = 64 << 20;

/// The files, a folder's segments in the order in which they were written.
pub(super) fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let segments = spool::segments(path)?;
            if segments.is_empty() {
                bail!("{} holds no segment of a spool", path.display());
            }
            files.extend(segments.into_iter().map(|segment| segment.path));
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Hands each line of a file to `each`, with its newline if it has one.
pub(super) fn read(path: &Path, mut each: impl FnMut(&str, &Place)) -> anyhow::Result<()> {
    let context = || format!("cannot read {}", path.display());
    let is_input = path.as_os_str() == "-";
    let mut lines: Box<dyn BufRead> = if is_input {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).with_context(context)?))
    };
    let name = if is_input { "standard input".to_owned() } else { path.display().to_string() };
    let mut place = Place { source: Arc::from(name.as_str()), line: 0 };
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut lines, LINE_LIMIT).read_until(b'\n', &mut line);
        if read.with_context(context)? == 0 {
            return Ok(());
        }
        place.line += 1;
        each(&String::from_utf8_lossy(&line), &place);
    }
}
