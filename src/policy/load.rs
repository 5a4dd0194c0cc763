//! The text of files and folders. Nothing else in `policy` touches the file system.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::compile::Source;
use super::problem::{Problem, Severity};

/// Folders inside each other. A mount has two; more than this is a loop or a mistake.
const MAX_DEPTH: usize = 32;

/// Files larger than the reader takes are not read into memory to be refused there.
const MAX_BYTES: u64 = 16 << 20;

/// Reads files, and the `*.yaml`, `*.yml` and `*.json` files of folders and the folders in them.
///
/// Names that start with a dot are skipped, so that of a mounted `ConfigMap` only the links are read
/// and not what they lead to once more; a file that two paths lead to is read once. The `tests`
/// folder beside a `policy.yaml` holds pods, not policies, and is skipped.
///
/// # Errors
/// Every path that could not be read, and every folder that holds no such file.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Vec<Problem>> {
    let mut loader = Loader::default();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let found = loader.found;
                let failed = loader.problems.len();
                loader.folder(path, 0);
                if loader.found == found && loader.problems.len() == failed {
                    let help = "put *.yaml, *.yml or *.json files there, or name another folder";
                    loader.fail(path, "the folder holds no policy", help);
                }
            }
            Ok(_) => loader.file(path),
            Err(error) => loader.fail(path, &reason(&error), "check the path"),
        }
    }
    if loader.problems.is_empty() { Ok(loader.sources) } else { Err(loader.problems) }
}

#[derive(Default)]
struct Loader {
    sources: Vec<Source>,
    problems: Vec<Problem>,
    /// Files found, those read before among them.
    found: usize,
    seen: HashSet<PathBuf>,
}

impl Loader {
    fn folder(&mut self, folder: &Path, depth: usize) {
        if depth > MAX_DEPTH {
            self.fail(folder, "folders are nested too deep", "name the folder that holds policies");
            return;
        }
        // A link may lead back to a folder above.
        if !self.is_new(folder) {
            return;
        }
        let entries = fs::read_dir(folder).and_then(|entries| {
            entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>()
        });
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.fail(folder, &reason(&error), ""),
        };
        entries.sort();
        let is_library = folder.join("policy.yaml").exists();
        for path in entries {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            if name.starts_with('.') || (is_library && name == "tests") {
                continue;
            }
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.folder(&path, depth + 1),
                Ok(metadata) if metadata.is_file() && is_document(&path) => self.file(&path),
                Ok(_) => {}
                Err(error) => {
                    if is_document(&path) {
                        self.fail(&path, &reason(&error), "a link may lead nowhere");
                    }
                }
            }
        }
    }

    fn file(&mut self, path: &Path) {
        self.found += 1;
        if !self.is_new(path) {
            return;
        }
        if fs::metadata(path).is_ok_and(|metadata| metadata.len() > MAX_BYTES) {
            self.fail(path, "the file is larger than 16 MiB", "split it");
            return;
        }
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.fail(path, &reason(&error), ""),
        };
        match String::from_utf8(bytes) {
            Ok(text) => self.sources.push(Source { name: path.display().to_string(), text }),
            Err(_) => self.fail(path, "the file is not UTF-8", "save it as UTF-8"),
        }
    }

    fn is_new(&mut self, path: &Path) -> bool {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.seen.insert(real)
    }

    fn fail(&mut self, path: &Path, message: &str, help: &str) {
        self.problems.push(Problem {
            severity: Severity::Error,
            source: path.display().to_string(),
            line: 1,
            column: 1,
            path: String::new(),
            message: message.to_owned(),
            help: (!help.is_empty()).then(|| help.to_owned()),
        });
    }
}

fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

fn reason(error: &std::io::Error) -> String {
    format!("cannot be read: {error}")
}
