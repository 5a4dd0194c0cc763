//! What changes, as `git apply` and `patch -p1` read it.

use std::path::Path;
use std::time::Duration;

use similar::TextDiff;

/// After how long a diff need not be the smallest any more: that takes the square of what changes, and
/// thousands of pods may stand in one file.
const PATIENCE: Duration = Duration::from_secs(5);

/// A unified diff; empty where nothing changes.
pub(super) fn unified(path: &Path, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let name = path.display().to_string();
    let name = name.trim_start_matches("./").trim_start_matches('/');
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(before, after);
    diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_names_the_file_and_a_missing_last_line_break() {
        assert_eq!(
            unified(Path::new("./x/y.yaml"), "a: 1", "a: 1\nb: 2"),
            "--- a/x/y.yaml\n+++ b/x/y.yaml\n@@ -1 +1,2 @@\n-a: 1\n\\ No newline at end of file\n+a: 1\n+b: 2\n\\ No newline at end of file\n"
        );
        assert_eq!(unified(Path::new("y.yaml"), "a", "a"), "");
    }
}
