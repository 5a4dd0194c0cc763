//! A rule's arguments, against the parameters that it declares.

use super::reader::{Fields, Reporter, texts};
use crate::rules::{Arguments, Parameter, Rule, Shape, Value};
use crate::spelling::suggest;
use crate::yaml::{self, Node};

/// Reads what stands under a rule's name. Nothing there is the same as `{}`.
pub(super) fn read(report: &mut Reporter, node: &Node, path: &str, rule: &Rule) -> Arguments {
    let mut arguments = Arguments::default();
    if node.value == yaml::Value::Null {
        return arguments;
    }
    let names: Vec<&str> = rule.parameters.iter().map(|parameter| parameter.name).collect();
    if names.is_empty() && node.as_mapping().is_some_and(|entries| !entries.is_empty()) {
        let message = format!("rule {} takes no parameters", rule.id);
        report.error(node, path, message, format!("write `{}: {{}}`", rule.id));
        return arguments;
    }
    let Some(fields) = Fields::new(report, node, path, &names) else {
        return arguments;
    };
    for parameter in rule.parameters {
        if let Some(node) = fields.get(parameter.name)
            && let Some(value) = value(report, node, &fields.path(parameter.name), parameter)
        {
            arguments.0.insert(parameter.name.to_owned(), value);
        }
    }
    arguments
}

fn value(report: &mut Reporter, node: &Node, path: &str, parameter: &Parameter) -> Option<Value> {
    match parameter.shape {
        Shape::Bool => {
            if let yaml::Value::Bool(value) = node.value {
                return Some(Value::Bool(value));
            }
            report.wrong_type(node, path, "true or false");
            None
        }
        Shape::OneOf(words) => {
            if let Some(text) = node.as_str() {
                let known = is_known(report, node, path, text, words);
                return known.then(|| Value::Text(text.to_owned()));
            }
            report.wrong_type(node, path, &format!("one of {}", words.join(", ")));
            None
        }
        Shape::Texts => list(report, node, path, None),
        Shape::Globs => {
            let value = list(report, node, path, None)?;
            let items = texts(&mut Reporter::new("", ""), node, path);
            if items.is_empty() {
                report.error(node, path, "is empty", "list at least one, or remove the field");
            }
            for (index, (item, pattern)) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                if pattern.is_empty() {
                    report.error(*item, &path, "is empty", "write a pattern");
                } else if let Err(error) = crate::rules::glob(pattern) {
                    let message = format!("is no pattern: {}", error.kind());
                    report.error(*item, &path, message, "`*` stands for any run of characters");
                }
            }
            Some(value)
        }
        Shape::SomeOf(words) => list(report, node, path, Some(words)),
    }
}

fn list(report: &mut Reporter, node: &Node, path: &str, words: Option<&[&str]>) -> Option<Value> {
    node.as_sequence().is_some().then_some(()).or_else(|| {
        report.wrong_type(node, path, "a list of strings");
        None
    })?;
    let items = texts(report, node, path);
    for (index, (item, text)) in items.iter().enumerate() {
        if let Some(words) = words {
            is_known(report, item, &format!("{path}[{index}]"), text, words);
        }
    }
    Some(Value::Texts(items.into_iter().map(|(_, text)| text.to_owned()).collect()))
}

fn is_known(report: &mut Reporter, node: &Node, path: &str, text: &str, words: &[&str]) -> bool {
    let known = words.contains(&text);
    if !known {
        report.error(node, path, format!("unknown word {text:?}"), suggest(text, words));
    }
    known
}
