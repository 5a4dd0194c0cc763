//! Whether a policy or an exception is about a pod.

use super::pattern::{Names, Pattern, any, patterns};
use super::reader::{Fields, Reporter};
use super::selector::Selector;
use crate::admission::Attributes;
use crate::pod::{PodView, Text};
use crate::yaml::Node;

/// What a policy matches against.
#[derive(Debug, Clone, Copy)]
pub struct MatchInput<'v> {
    /// Namespace of the request.
    pub namespace: &'v str,
    /// Labels of the namespace; `None` where they are not known.
    pub namespace_labels: Option<&'v [(String, String)]>,
    /// The pod.
    pub pod: &'v PodView<'v>,
    /// User name of the requester.
    pub username: &'v str,
    /// Groups of the requester.
    pub groups: &'v [Text<'v>],
    /// The whole request, where there is one: policies of Kubernetes go by more of it.
    pub request: Option<&'v Attributes<'v>>,
}

impl<'v> MatchInput<'v> {
    /// What a request is matched by, where it is about `pod`.
    #[must_use]
    pub fn new(attributes: &'v Attributes<'_>, pod: &'v PodView<'v>) -> Self {
        Self {
            namespace: &attributes.namespace,
            namespace_labels: attributes.namespace_labels.as_deref(),
            pod,
            username: &attributes.user.username,
            groups: &attributes.user.groups,
            request: Some(attributes),
        }
    }
}

/// What is taken where the labels of a namespace are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// A policy applies: not knowing must not let a pod out of it.
    Applies,
    /// An exception does not: not knowing must not let a pod through it.
    DoesNotApply,
}

/// A compiled `match`.
#[derive(Debug, Clone, Default)]
pub(super) struct Matcher {
    namespaces: Sides<Vec<Pattern>>,
    namespace_selector: Option<Selector>,
    pub(super) pod_selector: Option<Selector>,
    requesters: Sides<Requesters>,
}

#[derive(Debug, Clone)]
struct Sides<T> {
    include: Option<T>,
    exclude: Option<T>,
}

impl<T> Default for Sides<T> {
    fn default() -> Self {
        Self { include: None, exclude: None }
    }
}

#[derive(Debug, Clone, Default)]
struct Requesters {
    users: Vec<Pattern>,
    groups: Vec<Pattern>,
    service_accounts: Vec<Pattern>,
}

/// Fields of a `match` that [`Matcher::read`] reads.
pub(super) const FIELDS: &[&str] =
    &["namespaces", "namespaceSelector", "podSelector", "requesters"];

impl Matcher {
    /// What holds in these namespaces and nowhere else.
    pub(super) fn in_namespaces(names: &[String]) -> Self {
        let include = Some(names.iter().map(|name| Pattern::new(name)).collect());
        Self { namespaces: Sides { include, exclude: None }, ..Self::default() }
    }

    /// What holds everywhere but in these namespaces.
    pub(super) fn not_in_namespaces(names: &[String]) -> Self {
        let exclude = Some(names.iter().map(|name| Pattern::new(name)).collect());
        Self { namespaces: Sides { include: None, exclude }, ..Self::default() }
    }

    pub(super) fn read(report: &mut Reporter, fields: &Fields<'_>) -> Self {
        let selector = |report: &mut Reporter, name: &str| {
            fields.get(name).map(|node| Selector::read(report, node, &fields.path(name)))
        };
        Self {
            namespaces: sides(report, fields, "namespaces", |report, node, path| {
                let items = super::reader::texts(report, node, path);
                patterns(report, &items, path, Names::Label)
            }),
            namespace_selector: selector(report, "namespaceSelector"),
            pod_selector: selector(report, "podSelector"),
            requesters: sides(report, fields, "requesters", Requesters::read),
        }
    }

    /// Whether it goes by who sends the request.
    pub(super) fn reads_requester(&self) -> bool {
        self.requesters.include.is_some() || self.requesters.exclude.is_some()
    }

    /// Whether it holds wherever a pod is, but for namespaces that it leaves out by name.
    pub(super) fn holds_in_every_namespace(&self) -> bool {
        let every = |patterns: &Vec<Pattern>| patterns.iter().any(|p| p.as_str() == "*");
        self.namespaces.include.as_ref().is_none_or(every) && self.namespace_selector.is_none()
    }

    /// The namespaces that it names in full.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &str> {
        let patterns = self.namespaces.include.iter().flatten();
        patterns.filter(|pattern| pattern.is_exact()).map(Pattern::as_str)
    }

    pub(super) fn matches(&self, input: &MatchInput<'_>, unknown: Unknown) -> bool {
        let Sides { include, exclude } = &self.namespaces;
        if include.as_ref().is_some_and(|patterns| !any(patterns, input.namespace))
            || exclude.as_ref().is_some_and(|patterns| any(patterns, input.namespace))
        {
            return false;
        }
        let namespace = self.namespace_selector.as_ref().is_none_or(|selector| {
            let known = selector.matches_namespace(input.namespace, input.namespace_labels);
            known.unwrap_or(unknown == Unknown::Applies)
        });
        namespace
            && self.pod_selector.as_ref().is_none_or(|s| s.matches(|key| input.pod.label(key)))
            && self.requesters.include.as_ref().is_none_or(|include| include.match_any(input))
            && self.requesters.exclude.as_ref().is_none_or(|exclude| !exclude.match_any(input))
    }

    pub(super) fn reads_namespace_labels(&self) -> bool {
        self.namespace_selector.is_some()
    }

    /// The namespaces without which it cannot match, where it names some.
    pub(super) fn included_namespaces(&self) -> Option<&[Pattern]> {
        self.namespaces.include.as_deref()
    }

    /// A pod label without which it cannot match, where there is one.
    pub(super) fn required_label(&self) -> Option<(&str, &str)> {
        self.pod_selector.as_ref().and_then(Selector::required_label)
    }
}

impl Requesters {
    fn read(report: &mut Reporter, node: &Node, path: &str) -> Self {
        let known = ["users", "groups", "serviceAccounts"];
        let Some(fields) = Fields::new(report, node, path, &known) else {
            return Self::default();
        };
        if known.iter().all(|name| fields.get(name).is_none()) {
            report.error(node, path, "names nobody", "give users, groups or serviceAccounts");
        }
        let mut list = |name: &str, names: Names| {
            let items = fields.texts(report, name);
            patterns(report, &items, &fields.path(name), names)
        };
        Self {
            users: list("users", Names::Free),
            groups: list("groups", Names::Free),
            service_accounts: list("serviceAccounts", Names::ServiceAccount),
        }
    }

    fn match_any(&self, input: &MatchInput<'_>) -> bool {
        any(&self.users, input.username)
            || input.groups.iter().any(|group| any(&self.groups, group))
            || service_account(input.username)
                .is_some_and(|name| any(&self.service_accounts, &name))
    }
}

/// `namespace/name` of the service account behind a user name, where there is one.
fn service_account(username: &str) -> Option<String> {
    let (namespace, name) = username.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    // Neither part can hold these; a user name that does was not made by the API server.
    if namespace.is_empty() || name.is_empty() || username.contains('/') || name.contains(':') {
        return None;
    }
    Some(format!("{namespace}/{name}"))
}

fn sides<T>(
    report: &mut Reporter,
    fields: &Fields<'_>,
    name: &str,
    mut read: impl FnMut(&mut Reporter, &Node, &str) -> T,
) -> Sides<T> {
    let Some(node) = fields.get(name) else {
        return Sides::default();
    };
    let Some(inner) = Fields::new(report, node, &fields.path(name), &["include", "exclude"]) else {
        return Sides::default();
    };
    let mut side = |name: &str| {
        let node = inner.get(name)?;
        if node.as_sequence().is_some_and(<[Node]>::is_empty) {
            let help = "list at least one name, or remove the field";
            report.error(node, &inner.path(name), "is empty", help);
        }
        Some(read(report, node, &inner.path(name)))
    };
    Sides { include: side("include"), exclude: side("exclude") }
}
