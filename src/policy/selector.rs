//! Label selectors, as Kubernetes writes them.

use super::reader::{Fields, Reporter, texts};
use crate::admission::NAME_LABEL;
use crate::yaml::Node;

/// `matchLabels` and `matchExpressions`; all of them must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

impl Selector {
    pub(super) fn read(report: &mut Reporter, node: &Node, path: &str) -> Self {
        let mut requirements = Vec::new();
        let Some(fields) = Fields::new(report, node, path, &["matchLabels", "matchExpressions"])
        else {
            return Self::default();
        };
        if let Some(labels) = fields.get("matchLabels") {
            requirements = equalities(report, labels, &fields.path("matchLabels"));
        }
        if let Some(list) = fields.get("matchExpressions") {
            let path = fields.path("matchExpressions");
            match list.as_sequence() {
                None => report.wrong_type(list, &path, "a list"),
                Some(items) => requirements.extend(
                    items
                        .iter()
                        .enumerate()
                        .filter_map(|(i, item)| expression(report, item, &format!("{path}[{i}]"))),
                ),
            }
        }
        Self { requirements }
    }

    /// Whether the labels that `get` gives satisfy it.
    pub(super) fn matches<'l>(&self, get: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.holds(get(&requirement.key)))
    }

    /// Whether a namespace satisfies it; `None` where that depends on labels that are not known. One label always is:
    /// the API server gives each namespace its name.
    pub(super) fn matches_namespace(
        &self,
        name: &str,
        labels: Option<&[(String, String)]>,
    ) -> Option<bool> {
        let label = |key: &str| {
            let mut known = labels.unwrap_or_default().iter();
            let found = known.find(|(known, _)| known == key).map(|(_, value)| value.as_str());
            found.or((key == NAME_LABEL && !name.is_empty()).then_some(name))
        };
        let is_known = |one: &&Requirement| labels.is_some() || one.key == NAME_LABEL;
        let holds = self.requirements.iter().filter(is_known).all(|one| one.holds(label(&one.key)));
        let depends = self.requirements.iter().any(|one| !is_known(&one));
        (!holds || !depends).then_some(holds)
    }

    /// The keys it asks for.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.requirements.iter().map(|requirement| requirement.key.as_str())
    }

    /// A label without which it cannot match, where there is one.
    pub(super) fn required_label(&self) -> Option<(&str, &str)> {
        self.requirements.iter().find_map(|requirement| match &requirement.operator {
            Operator::In(values) => match values.as_slice() {
                [value] => Some((requirement.key.as_str(), value.as_str())),
                _ => None,
            },
            _ => None,
        })
    }
}

impl Requirement {
    fn holds(&self, value: Option<&str>) -> bool {
        let listed = |values: &[String]| value.is_some_and(|v| values.iter().any(|x| x == v));
        match &self.operator {
            Operator::In(values) => listed(values),
            // As in Kubernetes, an absent label is in no list.
            Operator::NotIn(values) => !listed(values),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

/// `matchLabels`: each label is compared with one value.
fn equalities(report: &mut Reporter, node: &Node, path: &str) -> Vec<Requirement> {
    let Some(entries) = node.as_mapping() else {
        report.wrong_type(node, path, "a map of labels");
        return Vec::new();
    };
    let mut requirements = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let Some(text) = value.as_str() else {
            report.wrong_type(value, &format!("{path}[{}]", key.name), "a string (quote it)");
            continue;
        };
        let operator = Operator::In(vec![text.to_owned()]);
        requirements.push(Requirement { key: key.name.clone(), operator });
    }
    requirements
}

fn expression(report: &mut Reporter, node: &Node, path: &str) -> Option<Requirement> {
    let fields = Fields::new(report, node, path, &["key", "operator", "values"])?;
    let key = fields.required(report, "key", "name the label")?;
    let operators = "one of In, NotIn, Exists, DoesNotExist";
    let operator = fields.required(report, "operator", operators)?;
    let values: Option<Vec<String>> = fields.get("values").map(|node| {
        let path = fields.path("values");
        texts(report, node, &path).into_iter().map(|(_, text)| text.to_owned()).collect()
    });
    let operator = match (operator, values) {
        ("In" | "NotIn", None) => {
            report.error(
                node,
                path,
                "values are missing",
                format!("{operator} compares with a list"),
            );
            return None;
        }
        ("In" | "NotIn", Some(values)) if values.is_empty() => {
            report.error(
                node,
                path,
                "values are empty",
                format!("{operator} compares with a list"),
            );
            return None;
        }
        ("In", Some(values)) => Operator::In(values),
        ("NotIn", Some(values)) => Operator::NotIn(values),
        ("Exists" | "DoesNotExist", Some(values)) if !values.is_empty() => {
            report.error(node, path, format!("{operator} takes no values"), "remove values");
            return None;
        }
        ("Exists", _) => Operator::Exists,
        ("DoesNotExist", _) => Operator::DoesNotExist,
        _ => {
            let message = format!("unknown operator {operator:?}");
            report.error(node, &fields.path("operator"), message, format!("write {operators}"));
            return None;
        }
    };
    Some(Requirement { key: key.to_owned(), operator })
}
