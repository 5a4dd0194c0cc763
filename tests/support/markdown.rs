//! Blocks of code in Markdown.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are made, not kept.
const NOT_OURS: &[&str] = &["target", "dist", ".git", "node_modules"];

/// A block between fences.
pub(crate) struct Block {
    /// What stands behind the fence.
    pub(crate) language: String,
    /// The line of its first line.
    pub(crate) line: usize,
    /// Its text, without the indentation of its fence.
    pub(crate) text: String,
    /// The file that the line before it names, as in "write `a.yaml`:".
    pub(crate) file: Option<String>,
}

/// The blocks of a page, in order.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    let mut file = None;
    for (number, line) in page.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, &mut open) {
            (Some(language), None) => {
                let language = language.trim().to_owned();
                let (text, file) = (String::new(), file.take());
                let block = Block { language, line: number + 2, text, file };
                open = Some((line.len() - line.trim_start().len(), block));
            }
            (Some(_), Some(_)) => blocks.extend(open.take().map(|(_, block)| block)),
            (None, Some((indent, block))) => {
                block.text.push_str(line.get(*indent..).unwrap_or_default());
                block.text.push('\n');
            }
            (None, None) if line.is_empty() => {}
            (None, None) => {
                let named = line.strip_suffix("`:").and_then(|line| line.rsplit('`').next());
                file = named.map(str::to_owned);
            }
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// Every page under `folder`, by name.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    files_of(folder, "md")
}

/// Every file under `folder` with this ending, by name.
pub(crate) fn files_of(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of ours is readable") {
        let path = entry.expect("its entries are readable").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !NOT_OURS.contains(&name) {
            files.append(&mut files_of(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}
