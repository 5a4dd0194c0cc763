//! `matchConstraints` and `matchResources`: which requests a policy is about.

use crate::admission::Attributes;
use crate::pod::{Kind, Object, resource};
use crate::policy::problem::Severity;
use crate::policy::reader::{Fields, Reporter, texts};
use crate::policy::selector::Selector;
use crate::yaml::Node;

const FIELDS: &[&str] = &[
    "namespaceSelector",
    "objectSelector",
    "resourceRules",
    "excludeResourceRules",
    "matchPolicy",
];
const RULE: &[&str] =
    &["apiGroups", "apiVersions", "operations", "resources", "resourceNames", "scope"];

/// Which requests are meant.
#[derive(Debug, Clone, Default)]
pub(in crate::policy) struct Constraints {
    namespaces: Option<Selector>,
    objects: Option<Selector>,
    /// None mean any.
    rules: Vec<ResourceRule>,
    excluded: Vec<ResourceRule>,
}

#[derive(Debug, Clone, Default)]
struct ResourceRule {
    groups: Vec<String>,
    versions: Vec<String>,
    operations: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
    scope: String,
}

impl Constraints {
    pub(super) fn read(report: &mut Reporter, node: &Node, path: &str) -> Self {
        let Some(fields) = Fields::new(report, node, path, FIELDS) else { return Self::default() };
        let selector = |report: &mut Reporter, name: &str| {
            fields.get(name).map(|node| Selector::read(report, node, &fields.path(name)))
        };
        Self {
            namespaces: selector(report, "namespaceSelector"),
            objects: selector(report, "objectSelector"),
            rules: rules(report, &fields, "resourceRules"),
            excluded: rules(report, &fields, "excludeResourceRules"),
        }
    }

    pub(super) fn names_resources(&self) -> bool {
        !self.rules.is_empty()
    }

    /// The kinds of all objects that it may mean; `None` where some of them are not known here.
    pub(super) fn kinds(&self) -> Option<Vec<&'static str>> {
        let mut kinds = Vec::new();
        // Other groups have resources of these names, too, such as the pods of metrics.k8s.io.
        let is_known = |group: &String| Kind::ALL.iter().any(|kind| kind.group() == group);
        for rule in &self.rules {
            if !rule.groups.iter().all(is_known) {
                return None;
            }
            for wanted in &rule.resources {
                let is_it = |kind: &Kind| {
                    resource(kind.name()) == *wanted
                        && rule.groups.iter().any(|g| g == kind.group())
                };
                kinds.push(Kind::ALL.into_iter().find(is_it)?.name());
            }
        }
        Some(kinds)
    }

    /// Says which of its resources nothing here looks at: silence would read as a pass.
    pub(super) fn warn_of_other_resources(&self, report: &mut Reporter, node: &Node, path: &str) {
        let is_judged = |wanted: &str| {
            Kind::ALL.iter().any(|kind| matches_resource(wanted, &resource(kind.name()), ""))
                || matches_resource(wanted, "pods", "ephemeralcontainers")
                || matches_resource(wanted, "pods", "resize")
        };
        let wanted = self.rules.iter().flat_map(|rule| &rule.resources);
        let mut others: Vec<&str> =
            wanted.map(String::as_str).filter(|wanted| !is_judged(wanted)).collect();
        others.sort_unstable();
        others.dedup();
        if !others.is_empty() {
            let message = format!("is about {}, too", others.join(", "));
            let help = "they carry no pod: Podgate does not judge them, the API server does";
            report.add(Severity::Warning, node, &format!("{path}.resourceRules"), message, help);
        }
    }

    /// Whether a request is meant. In a namespace whose labels are not known, it is.
    pub(in crate::policy) fn matches(&self, request: &Attributes<'_>) -> bool {
        (self.rules.is_empty() || self.rules.iter().any(|rule| rule.matches(request)))
            && !self.excluded.iter().any(|rule| rule.matches(request))
            && self.matches_namespace(request)
            && self.matches_object(request)
    }

    fn matches_namespace(&self, request: &Attributes<'_>) -> bool {
        let Some(selector) = &self.namespaces else { return true };
        if request.namespace.is_empty() {
            // A selector of namespaces leaves no object out that is in none.
            return true;
        }
        selector
            .matches_namespace(&request.namespace, request.namespace_labels.as_deref())
            .unwrap_or(true)
    }

    /// The object, or what it was before: either may be meant.
    fn matches_object(&self, request: &Attributes<'_>) -> bool {
        let Some(selector) = &self.objects else { return true };
        let is_meant = |object: &Object<'_>| {
            let view = object.metadata_view();
            selector.matches(|key| view.label(key))
        };
        request.object.iter().chain(&request.old_object).any(is_meant)
    }
}

impl ResourceRule {
    fn matches(&self, request: &Attributes<'_>) -> bool {
        let one_of = |list: &[String], word: &str| list.iter().any(|x| x == "*" || x == word);
        let scope = match self.scope.as_str() {
            "Cluster" => request.namespace.is_empty(),
            "Namespaced" => !request.namespace.is_empty(),
            _ => true,
        };
        scope
            && one_of(&self.groups, &request.group)
            && one_of(&self.versions, &request.version)
            && one_of(&self.operations, request.operation.as_str())
            && (self.names.is_empty() || self.names.iter().any(|name| **name == *request.name))
            && self
                .resources
                .iter()
                .any(|wanted| matches_resource(wanted, &request.resource, &request.subresource))
    }
}

/// Whether `pods`, `pods/*`, `*/scale` or the like means a resource and its subresource.
fn matches_resource(wanted: &str, resource: &str, subresource: &str) -> bool {
    let (wanted, wanted_sub) = wanted.split_once('/').unwrap_or((wanted, ""));
    (wanted == "*" || wanted == resource) && (wanted_sub == "*" || wanted_sub == subresource)
}

fn rules(report: &mut Reporter, fields: &Fields<'_>, name: &str) -> Vec<ResourceRule> {
    let Some(node) = fields.get(name) else { return Vec::new() };
    let path = fields.path(name);
    let Some(items) = node.as_sequence() else {
        report.wrong_type(node, &path, "a list of maps");
        return Vec::new();
    };
    let items = items.iter().enumerate();
    items.filter_map(|(index, item)| rule(report, item, &format!("{path}[{index}]"))).collect()
}

fn rule(report: &mut Reporter, node: &Node, path: &str) -> Option<ResourceRule> {
    let fields = Fields::new(report, node, path, RULE)?;
    let mut list = |name: &str, must: bool| {
        let found = fields.get(name).map(|node| texts(report, node, &fields.path(name)));
        let found = found.unwrap_or_default();
        if must && found.is_empty() {
            report.error(node, &fields.path(name), "says nothing", "list words, or \"*\" for all");
        }
        found.into_iter().map(|(_, text)| text.to_owned()).collect::<Vec<_>>()
    };
    Some(ResourceRule {
        groups: list("apiGroups", true),
        versions: list("apiVersions", true),
        operations: list("operations", true),
        resources: list("resources", true),
        names: list("resourceNames", false),
        scope: fields.text(report, "scope").unwrap_or("*").to_owned(),
    })
}
