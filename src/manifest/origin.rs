//! What an object was rendered from, where the renderer says so: Helm in a comment above each document, kustomize in an
//! annotation.
//!
//! Both are what the text says of itself. They are shown, and nothing is judged or opened by them.

use std::path::{Component, Path, PathBuf};

use crate::yaml::{self, Comment, Limits, Node};

/// Behind the `#` of Helm's comment.
const HELM: &str = "Source: ";
/// The annotation of kustomize (`buildMetadata: [originAnnotations]`): a YAML text.
const KUSTOMIZE: &str = "config.kubernetes.io/origin";
/// No path is longer on Linux.
const LONGEST: usize = 4096;

/// The file that an object was rendered from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// As the renderer names it; no control character is in it.
    pub name: String,
    /// Whether the name is a path, and not a place in another repository.
    is_path: bool,
}

impl Origin {
    /// `None` where the name could be nobody's: it is empty, too long, or would move a terminal's cursor.
    fn new(name: &str, is_path: bool) -> Option<Self> {
        let is_name = !name.is_empty() && name.len() <= LONGEST && !name.contains(char::is_control);
        is_name.then(|| Self { name: name.to_owned(), is_path })
    }

    /// The file, where the renderer's paths begin in the folder `root`; `None` where it is none below the working
    /// directory, or below the folder that `root` itself leads to.
    #[must_use]
    pub fn file(&self, root: &Path) -> Option<String> {
        if !self.is_path {
            return None;
        }
        let mut file: PathBuf =
            root.components().filter(|part| *part != Component::CurDir).collect();
        for part in Path::new(&self.name).components() {
            match part {
                Component::Normal(part) => file.push(part),
                Component::CurDir => {}
                Component::ParentDir => {
                    let is_folder =
                        matches!(file.components().next_back(), Some(Component::Normal(_)));
                    if !is_folder || !file.pop() {
                        return None;
                    }
                }
                Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        file.to_str().filter(|file| !file.is_empty()).map(str::to_owned)
    }
}

/// Helm's comments, by the line from which on each holds: up to the next, since one may stand above several documents
/// (those of a file in `crds/`).
pub(super) struct HelmComments(Vec<(u32, Option<Origin>)>);

impl HelmComments {
    pub(super) fn of(text: &str) -> Self {
        // Most texts have none, and need not be read for them.
        let comments =
            if text.contains(HELM) { yaml::comments_above_documents(text) } else { Vec::new() };
        let origin = |Comment { line, text }: Comment| {
            let name = text.strip_prefix(HELM)?;
            Some((line, Origin::new(name.trim(), true)))
        };
        Self(comments.into_iter().filter_map(origin).collect())
    }

    /// What a document that begins on `line` was rendered from.
    pub(super) fn above(&self, line: u32) -> Option<&Origin> {
        let after = self.0.partition_point(|(comment, _)| *comment < line);
        self.0[..after].last().and_then(|(_, origin)| origin.as_ref())
    }
}

/// What kustomize says of an object with this `metadata`.
pub(super) fn of_kustomize(metadata: &Node) -> Option<Origin> {
    let text = metadata.get("annotations")?.get(KUSTOMIZE)?.as_str()?;
    let limits = Limits { bytes: 2 * LONGEST, nodes: 100, ..Limits::default() };
    let documents = yaml::read(text, limits).ok()?;
    let field = |name| documents.first()?.get(name)?.as_str();
    // What a generator made comes from the file that configures it.
    let path = field("path").or_else(|| field("configuredIn"))?;
    match (field("repo"), field("ref")) {
        (None, _) => Origin::new(path, true),
        (Some(repo), None) => Origin::new(&format!("{repo}//{path}"), false),
        (Some(repo), Some(version)) => Origin::new(&format!("{repo}//{path}?ref={version}"), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    /// The names of the origins of a text's objects.
    fn origins(text: &str) -> Vec<Option<String>> {
        let documents = manifest::read(text).unwrap();
        documents.into_iter().map(|document| document.origin.map(|origin| origin.name)).collect()
    }

    fn some(names: &[&str]) -> Vec<Option<String>> {
        names.iter().map(|name| (!name.is_empty()).then(|| (*name).to_owned())).collect()
    }

    #[test]
    fn a_comment_of_helm_holds_up_to_the_next() {
        let text = "---\n# Source: c/crds/a.yaml\nkind: A\n---\nkind: B\n---\n# Source: c/templates/b c.yaml\n# more\n\
                    kind: C\n";
        let expected = some(&["c/crds/a.yaml", "c/crds/a.yaml", "c/templates/b c.yaml"]);
        assert_eq!(origins(text), expected);
        assert_eq!(origins(&text.replace('\n', "\r\n")), expected);
        assert_eq!(
            origins("kind: A\n---\n# Source: b\n---\n# Source: c\nkind: C\n"),
            some(&["", "c"])
        );
        assert_eq!(
            origins("# Source: a\nkind: List\nitems: [{kind: A}, {kind: B}]\n"),
            some(&["a", "a"])
        );
    }

    #[test]
    fn what_only_looks_like_a_comment_of_helm_is_none() {
        for text in [
            "kind: A\nx: |\n  # Source: a\n---\nkind: B\n",
            "kind: A\n# Source: a\nx: 1\n---\nkind: B\n",
            "kind: A\n# Source: a\n---\nkind: B\n",
            "# source: a\nkind: A\n---\n# Source:\nkind: B\n",
            "# Source: a\u{85}b\nkind: A\n---\n# Source: \nkind: B\n",
        ] {
            assert_eq!(origins(text), [None, None], "{text}");
        }
        // Not the one before either, since it speaks of another document.
        let text = format!("# Source: a\nkind: A\n---\n# Source: {}\nkind: B\n", "x".repeat(5000));
        assert_eq!(origins(&text), some(&["a", ""]));
    }

    #[test]
    fn an_annotation_of_kustomize_is_read_and_goes_before_a_comment() {
        let of = |origin: &str| {
            let origin = serde_json::to_string(origin).unwrap();
            let text = format!(
                "# Source: chart/a.yaml\nkind: A\nmetadata: {{annotations: {{{KUSTOMIZE}: {origin}}}}}\n"
            );
            origins(&text).remove(0).unwrap()
        };
        assert_eq!(of("path: ../base/web.yaml\n"), "../base/web.yaml");
        assert_eq!(
            of("configuredIn: kustomization.yaml\nconfiguredBy: {kind: X}\n"),
            "kustomization.yaml"
        );
        assert_eq!(
            of("path: a.yaml\nrepo: https://example.com/r\nref: v1\n"),
            "https://example.com/r//a.yaml?ref=v1"
        );
        for none in ["", "path: [", "path: {}", "path: \"a\\e[2J\"", "- path"] {
            assert_eq!(of(none), "chart/a.yaml", "{none}");
        }
    }

    #[test]
    fn a_file_is_below_the_root_or_none() {
        let file = |root: &str, name: &str| Origin::new(name, true)?.file(Path::new(root));
        for (root, name, expected) in [
            (".", "c/templates/a.yaml", Some("c/templates/a.yaml")),
            ("charts", "c/templates/a.yaml", Some("charts/c/templates/a.yaml")),
            ("overlays/prod", "../../base/./a b.yaml", Some("base/a b.yaml")),
            ("../charts/", "c/a.yaml", Some("../charts/c/a.yaml")),
            ("/srv", "a.yaml", Some("/srv/a.yaml")),
            (".", "../a.yaml", None),
            ("overlays", "../../etc/passwd", None),
            ("..", "../a.yaml", None),
            ("/", "../a.yaml", None),
            (".", "/etc/passwd", None),
            ("charts", "/etc/passwd", None),
            (".", "a/..", None),
        ] {
            assert_eq!(file(root, name).as_deref(), expected, "{root} {name}");
        }
        let remote = Origin::new("https://example.com/r//a.yaml", false).unwrap();
        assert_eq!(remote.file(Path::new(".")), None);
    }
}
