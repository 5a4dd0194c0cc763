//! `paramKind` and `paramRef`: the objects that a policy takes its parameters from.

use std::sync::Arc;

use super::Document;
use super::binding::Binding;
use crate::policy::matcher::Matcher;
use crate::policy::problem::Severity;
use crate::policy::reader::{Fields, Reporter};
use crate::policy::selector::Selector;
use crate::yaml::Node;

/// What a request is told whose parameters must be there and are not.
pub(super) const MISSING: &str =
    "there are no parameters for it, and the binding says `parameterNotFoundAction: Deny`";

/// `spec.paramKind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    api_version: String,
    kind: String,
}

impl Kind {
    pub(super) fn read(report: &mut Reporter, node: &Node) -> Option<Self> {
        let fields = Fields::new(report, node, "spec.paramKind", &["apiVersion", "kind"])?;
        let api_version = fields.required(report, "apiVersion", "such as v1")?.to_owned();
        let kind = fields.required(report, "kind", "such as ConfigMap")?.to_owned();
        Some(Self { api_version, kind })
    }

    /// Whether an object is of this kind.
    pub(super) fn is_of(&self, node: &Node) -> bool {
        let text = |name| node.get(name).and_then(Node::as_str).unwrap_or_default();
        text("apiVersion") == self.api_version && text("kind") == self.kind
    }
}

/// `spec.paramRef`.
#[derive(Debug)]
pub(super) struct Reference {
    name: Option<String>,
    namespace: Option<String>,
    selector: Option<Selector>,
    denies_without: bool,
}

impl Reference {
    pub(super) fn read(report: &mut Reporter, node: &Node, path: &str) -> Option<Self> {
        let known = ["name", "namespace", "selector", "parameterNotFoundAction"];
        let fields = Fields::new(report, node, path, &known)?;
        let name = fields.text(report, "name").map(str::to_owned);
        let selector = fields
            .get("selector")
            .map(|node| Selector::read(report, node, &fields.path("selector")));
        if name.is_some() == selector.is_some() {
            let message = "must have one of `name` and `selector`";
            report.error(node, path, message, "say which objects hold the parameters");
        }
        let action = fields.required(report, "parameterNotFoundAction", "write Allow or Deny")?;
        if !["Allow", "Deny"].contains(&action) {
            let at = fields.get("parameterNotFoundAction").unwrap_or(node);
            let path = fields.path("parameterNotFoundAction");
            report.error(at, &path, format!("unknown word {action:?}"), "write Allow or Deny");
        }
        let namespace = fields.text(report, "namespace").map(str::to_owned);
        Some(Self { name, namespace, selector, denies_without: action == "Deny" })
    }

    fn means(&self, object: &Object<'_>) -> bool {
        let namespace = self.namespace.as_deref();
        namespace.is_none_or(|namespace| object.namespace == Some(namespace))
            && self.name.as_deref().is_none_or(|name| object.name == name)
            && self
                .selector
                .as_ref()
                .is_none_or(|selector| selector.matches(|key| object.label(key)))
    }
}

/// An object that may hold parameters.
pub(super) struct Object<'d> {
    name: &'d str,
    namespace: Option<&'d str>,
    node: &'d Node,
}

impl<'d> Object<'d> {
    pub(super) fn of(document: &'d Document, kind: &Kind) -> Option<Self> {
        let metadata = document.node.get("metadata")?;
        let namespace = metadata.get("namespace").and_then(Node::as_str);
        let is_it = kind.is_of(&document.node);
        is_it.then_some(Self { name: &document.name, namespace, node: &document.node })
    }

    fn label(&self, key: &str) -> Option<&'d str> {
        self.node.get("metadata")?.get("labels")?.get(key)?.as_str()
    }
}

/// What a policy is evaluated with, and where.
#[derive(Debug)]
pub(super) enum Choice {
    /// There are no parameters: `params` is `null`.
    None,
    /// An object, in each namespace, or in its own.
    Object { json: Arc<str>, only_in: Option<String> },
    /// Where there should be some and are not: everywhere but in these namespaces.
    Missing { but_in: Vec<String> },
}

impl Choice {
    /// The parameters as JSON.
    pub(super) fn json(&self) -> Option<Arc<str>> {
        match self {
            Self::Object { json, .. } => Some(Arc::clone(json)),
            Self::None | Self::Missing { .. } => None,
        }
    }

    /// The namespaces that it holds in.
    pub(super) fn matcher(&self) -> Matcher {
        match self {
            Self::Object { only_in: Some(namespace), .. } => {
                Matcher::in_namespaces(std::slice::from_ref(namespace))
            }
            Self::Missing { but_in } => Matcher::not_in_namespaces(but_in),
            Self::None | Self::Object { only_in: None, .. } => Matcher::default(),
        }
    }
}

/// All that a binding makes of `objects`, those of the policy's `kind`.
pub(super) fn choices(
    report: &mut Reporter,
    kind: Option<&Kind>,
    binding: &Binding,
    objects: Vec<Object<'_>>,
    policy: &Node,
) -> Vec<Choice> {
    let (Some(kind), Some(reference)) = (kind, &binding.reference) else {
        return vec![Choice::None];
    };
    let meant: Vec<Object<'_>> =
        objects.into_iter().filter(|object| reference.means(object)).collect();
    if meant.is_empty() {
        let what = reference.name.as_deref().unwrap_or("that the selector means");
        let then = if reference.denies_without { "refused" } else { "let pass" };
        let message = format!("there is no {} {what} here", kind.kind);
        let help = format!("everything is {then}, as the binding {} says", binding.name);
        report.add(Severity::Warning, policy, "", message, help);
    }
    // Without a namespace in the reference, each request takes what is in its own.
    let follows = reference.namespace.is_none();
    let is_everywhere = meant.iter().any(|object| !follows || object.namespace.is_none());
    let own: Vec<String> =
        meant.iter().filter_map(|object| object.namespace).map(str::to_owned).collect();
    let mut choices: Vec<Choice> = meant
        .iter()
        .map(|object| Choice::Object {
            json: object.node.to_json().into(),
            only_in: object.namespace.filter(|_| follows).map(str::to_owned),
        })
        .collect();
    if reference.denies_without && !is_everywhere {
        choices.push(Choice::Missing { but_in: if follows { own } else { Vec::new() } });
    }
    choices
}
