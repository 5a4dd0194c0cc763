//! Reading a document field by field, and collecting everything that is wrong on the way.

use super::problem::{Problem, Severity};
use super::watch::Watch;
use crate::spelling::suggest;
use crate::yaml::{Node, Value};

/// Collects the problems of one source.
pub(super) struct Reporter {
    source: String,
    text: String,
    lines: u32,
    pub(super) problems: Vec<Problem>,
    /// What is watched of the policies, where that is asked.
    pub(super) watch: Option<Watch>,
}

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl From<&Node> for Place {
    fn from(node: &Node) -> Self {
        Self { line: node.line, column: node.column }
    }
}

impl Reporter {
    pub(super) fn new(source: &str, text: &str) -> Self {
        let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX).max(1);
        let (source, text) = (source.to_owned(), text.to_owned());
        Self { source, text, lines, problems: Vec::new(), watch: None }
    }

    pub(super) fn error(
        &mut self,
        at: impl Into<Place>,
        path: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Error, at, path, message, help);
    }

    /// Adds a problem. A parser may see the end of the text on the line after the last one; a
    /// reported line always exists.
    pub(super) fn add(
        &mut self,
        severity: Severity,
        at: impl Into<Place>,
        path: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let at = at.into();
        let help = help.into();
        self.problems.push(Problem {
            severity,
            source: self.source.clone(),
            line: at.line.clamp(1, self.lines),
            column: at.column.max(1),
            path: path.to_owned(),
            message: message.into(),
            help: (!help.is_empty()).then_some(help),
        });
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The text that is read.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Says that `node` is not what must stand there.
    pub(super) fn wrong_type(&mut self, node: &Node, path: &str, expected: &str) {
        let is = if node.value == Value::Null { "is empty" } else { "is" };
        let kind = if node.value == Value::Null { "" } else { node.kind() };
        let message = format!("must be {expected}, {is} {kind}");
        self.error(node, path, message.trim_end(), "");
    }
}

/// A mapping whose fields are read one by one.
pub(super) struct Fields<'n> {
    node: &'n Node,
    path: String,
}

impl<'n> Fields<'n> {
    /// Takes `node` as a mapping with no other fields than `known`.
    pub(super) fn new(
        report: &mut Reporter,
        node: &'n Node,
        path: &str,
        known: &[&str],
    ) -> Option<Self> {
        let Some(entries) = node.as_mapping() else {
            report.wrong_type(node, path, "a map");
            return None;
        };
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                let at = Place { line: key.line, column: key.column };
                let message = format!("unknown field {:?}", key.name);
                report.error(at, path, message, suggest(&key.name, known));
            }
        }
        Some(Self { node, path: path.to_owned() })
    }

    pub(super) fn node(&self) -> &'n Node {
        self.node
    }

    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.node.get(name)
    }

    /// Path of the mapping itself.
    pub(super) fn own_path(&self) -> &str {
        &self.path
    }

    /// Path of the field `name`.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The string `name`, where it is there; anything else there is reported.
    pub(super) fn text(&self, report: &mut Reporter, name: &str) -> Option<&'n str> {
        let node = self.get(name)?;
        let text = node.as_str();
        if text.is_none() {
            report.wrong_type(node, &self.path(name), "a string");
        }
        text
    }

    /// The string `name`, which must be there and hold something.
    pub(super) fn required(
        &self,
        report: &mut Reporter,
        name: &str,
        help: &str,
    ) -> Option<&'n str> {
        let Some(node) = self.get(name) else {
            report.error(self.node, &self.path(name), "is missing", help);
            return None;
        };
        let text = self.text(report, name)?;
        if text.trim().is_empty() {
            report.error(node, &self.path(name), "is empty", help);
            return None;
        }
        Some(text)
    }

    /// The list of strings `name` with their nodes, empty where it is absent.
    pub(super) fn texts(&self, report: &mut Reporter, name: &str) -> Vec<(&'n Node, &'n str)> {
        self.get(name).map_or_else(Vec::new, |node| texts(report, node, &self.path(name)))
    }
}

/// The strings of a list; whatever is no string is reported.
pub(super) fn texts<'n>(
    report: &mut Reporter,
    node: &'n Node,
    path: &str,
) -> Vec<(&'n Node, &'n str)> {
    let Some(items) = node.as_sequence() else {
        report.wrong_type(node, path, "a list of strings");
        return Vec::new();
    };
    let mut texts = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match item.as_str() {
            Some(text) => texts.push((item, text)),
            None => report.wrong_type(item, &format!("{path}[{index}]"), "a string (quote it)"),
        }
    }
    texts
}
