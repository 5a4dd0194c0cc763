//! The shape of a policy, read into what it compiles to. An exception's is in `exception`.

use super::arguments;
use super::compile::{Catalogue, Options};
use super::expression::{self, Condition};
use super::matcher::{FIELDS, Matcher};
use super::pod_security::{self, PodSecurity};
use super::problem::Severity;
use super::reader::{Fields, Reporter};
use super::selector::Selector;
use super::set::{CompiledPolicy, CompiledRule, Question};
use super::standard::{ActiveCheck, Level, NEWEST, Version};
use super::watch;
use super::{Enforcement, Fix, FixIn};
use crate::cel::{Program, Root};
use crate::rules::RuleId;
use crate::spelling::suggest;
use crate::yaml::Node;

/// Fields of `spec`.
pub(super) const SPEC: &[&str] =
    &["description", "enforcement", "fix", "fixIn", "match", "variables", "standard", "rules"];
/// Fields of `spec.standard`.
pub(super) const STANDARD: &[&str] =
    &["level", "version", "except", "fromNamespaceLabels", "defaults", "exemptions"];
/// Fields of an entry of `spec.rules` beside the rule itself.
pub(super) const BESIDE_RULE: [&str; 2] = ["enforcement", "fix"];

/// Reads `spec` of a `PodPolicy`.
pub(super) fn policy(
    report: &mut Reporter,
    name: &str,
    spec: &Node,
    options: &Options,
    catalogue: Catalogue,
) -> Option<CompiledPolicy> {
    let fields = Fields::new(report, spec, "spec", SPEC)?;
    let description = fields.text(report, "description").unwrap_or_default().to_owned();
    let enforcement = enforcement(report, &fields).unwrap_or(Enforcement::Deny);
    let fix = fix(report, &fields).unwrap_or_default();
    let fix_in = word(report, &fields, "fixIn", FixIn::ALL.map(|known| (known.as_str(), known)));
    let mut expressions = expression::Reader::new(report, &fields);
    let (matcher, conditions) = fields.get("match").map_or_else(Default::default, |node| {
        policy_match(report, node, &fields.path("match"), options, &mut expressions)
    });
    let standard = fields
        .get("standard")
        .map(|node| standard(report, node, &fields.path("standard"), catalogue));
    let (checks, pod_security) = match standard.unwrap_or_default() {
        Standard::Fixed(checks) => (checks, None),
        Standard::FromLabels(pod_security) => (Vec::new(), Some(pod_security)),
    };
    if pod_security.is_some() && fields.get("rules").is_none() {
        meaningless(report, &fields);
    }
    if let Some(condition) = conditions.first().filter(|_| pod_security.is_some()) {
        let message = format!("condition {:?} would not hold for what labels ask", condition.name);
        let help =
            "match by namespaces, selectors or requesters where the labels of the namespace decide";
        report.error(spec, "spec.match.conditions", message, help);
    }
    let mut rules: Vec<CompiledRule> = checks
        .into_iter()
        .map(|active| CompiledRule {
            id: active.rule.id.into(),
            enforcement,
            fix,
            question: Question::BuiltIn(active.rule, active.check),
        })
        .collect();
    match (fields.get("rules"), fields.get("standard")) {
        (Some(node), _) => {
            let defaults = Defaults { enforcement, fix };
            listed(report, node, defaults, catalogue, &mut expressions, &mut rules);
        }
        (None, None) => {
            report.error(spec, "spec", "asks nothing of a pod", "give `standard` or `rules`");
        }
        _ => {}
    }
    Some(CompiledPolicy {
        name: name.into(),
        description,
        rules: watch::rules(report, name, rules),
        pod_security,
        fix_in: fix_in.unwrap_or_default(),
        source: report.source().to_owned(),
        line: spec.line,
        matcher,
        variables: expressions.variables,
        conditions,
        bound: None,
    })
}

/// Refuses what would say something of rules, where only labels say which there are.
fn meaningless(report: &mut Reporter, fields: &Fields<'_>) {
    for (name, message) in [
        ("enforcement", "has no meaning here: the labels of the namespace say what is enforced"),
        ("fix", "has no meaning here: nothing is filled in for the labels of a namespace"),
        ("fixIn", "has no meaning here: nothing is filled in for the labels of a namespace"),
    ] {
        if let Some(node) = fields.get(name) {
            report.error(node, &fields.path(name), message, "remove the field");
        }
    }
}

fn enforcement(report: &mut Reporter, fields: &Fields<'_>) -> Option<Enforcement> {
    word(report, fields, "enforcement", Enforcement::ALL.map(|known| (known.as_str(), known)))
}

fn fix(report: &mut Reporter, fields: &Fields<'_>) -> Option<Fix> {
    word(report, fields, "fix", Fix::ALL.map(|known| (known.as_str(), known)))
}

/// What the word at `name` stands for, where it is there and is one of `known`.
fn word<T, const N: usize>(
    report: &mut Reporter,
    fields: &Fields<'_>,
    name: &str,
    known: [(&'static str, T); N],
) -> Option<T> {
    let text = fields.text(report, name)?;
    let words = known.each_ref().map(|(word, _)| *word);
    let found = known.into_iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let node = fields.get(name).unwrap_or(fields.node());
        let message = format!("unknown {name} {text:?}");
        report.error(node, &fields.path(name), message, suggest(text, &words));
    }
    found.map(|(_, meaning)| meaning)
}

/// Beside the fields that exceptions have, too.
pub(super) const CONDITIONS: &str = "conditions";

fn policy_match(
    report: &mut Reporter,
    node: &Node,
    path: &str,
    options: &Options,
    expressions: &mut expression::Reader,
) -> (Matcher, Vec<Condition>) {
    let known: Vec<&str> = FIELDS.iter().copied().chain([CONDITIONS]).collect();
    let Some(fields) = Fields::new(report, node, path, &known) else {
        return Default::default();
    };
    let conditions = expressions.conditions(report, &fields, CONDITIONS);
    if let Some(node) = fields.get(CONDITIONS)
        && conditions.iter().any(|condition| reads_object(&condition.program))
    {
        let help = "match by namespaces or requesters, or be sure that whoever writes the pod cannot choose it";
        let message = "read the object, so that whoever writes the pod may be able to leave it out";
        report.add(Severity::Warning, node, &fields.path(CONDITIONS), message, help);
    }
    let matcher = Matcher::read(report, &fields);
    if let Some(label) = untrusted(matcher.pod_selector.as_ref(), options) {
        let message =
            format!("leaves pods out by label {label:?}, which whoever writes the pod chooses");
        let help = "match by namespaces, or declare the label with --trusted-label";
        let node = fields.get("podSelector").unwrap_or(node);
        report.add(Severity::Warning, node, &fields.path("podSelector"), message, help);
    }
    (matcher, conditions)
}

/// Whether it reads what the author of a pod writes.
fn reads_object(program: &Program) -> bool {
    program.roots().iter().any(|root| matches!(root, Root::Object | Root::Pod))
}

/// A label that the selector asks for and that nobody vouched for.
pub(super) fn untrusted(selector: Option<&Selector>, options: &Options) -> Option<String> {
    let trusted = |key: &str| options.terms.trusted_labels.iter().any(|label| label == key);
    selector?.keys().find(|key| !trusted(key)).map(str::to_owned)
}

/// What `standard` holds pods to.
enum Standard {
    /// These checks.
    Fixed(Vec<ActiveCheck>),
    /// What the labels of the namespace ask for.
    FromLabels(PodSecurity),
}

impl Default for Standard {
    fn default() -> Self {
        Self::Fixed(Vec::new())
    }
}

fn standard(report: &mut Reporter, node: &Node, path: &str, catalogue: Catalogue) -> Standard {
    let Some(fields) = Fields::new(report, node, path, STANDARD) else {
        return Standard::default();
    };
    if fields.get(pod_security::FIELDS[0]).is_some() {
        return Standard::FromLabels(PodSecurity::read(report, &fields));
    }
    for name in &pod_security::FIELDS[1..] {
        if let Some(node) = fields.get(name) {
            let help = "write `fromNamespaceLabels: true` beside it, or remove it";
            report.error(
                node,
                &fields.path(name),
                "only stands beside `fromNamespaceLabels`",
                help,
            );
        }
    }
    Standard::Fixed(fixed(report, node, &fields, catalogue))
}

fn fixed(
    report: &mut Reporter,
    node: &Node,
    fields: &Fields<'_>,
    catalogue: Catalogue,
) -> Vec<ActiveCheck> {
    let path = fields.own_path();
    let level = fields
        .required(report, "level", "write Baseline or Restricted")
        .and_then(|_| level(report, fields, "level", &["Baseline", "Restricted"]));
    let version = match fields.get("version") {
        Some(_) => version(report, fields, "version"),
        None => Some(Version::Latest),
    };
    let excepts = fields.texts(report, "except");
    let (Some(level), Some(version)) = (level, version) else {
        return Vec::new();
    };
    let checks = (catalogue.standard)(level, version);
    let baseline = (catalogue.standard)(Level::Baseline, version);
    let mut ids: Vec<&str> = checks.iter().chain(&baseline).map(|active| active.rule.id).collect();
    ids.sort_unstable();
    ids.dedup();
    for (index, (node, text)) in excepts.iter().enumerate() {
        if !ids.contains(text) {
            let message = format!("{level} {version} has no check {text:?}");
            report.error(*node, &format!("{path}.except[{index}]"), message, suggest(text, &ids));
        }
    }
    let excepted = |id: &str| excepts.iter().any(|(_, text)| *text == id);
    // A Restricted check stands in for the Baseline check of the same fields. Where it is excepted,
    // what it replaced holds again: leaving out the stricter half must not leave out the milder one.
    let restored: Vec<&str> = checks
        .iter()
        .filter(|active| excepted(active.rule.id))
        .filter_map(|active| active.rule.pod_security.as_ref()?.replaces)
        .collect();
    let restored = baseline.into_iter().filter(|active| {
        restored.contains(&active.rule.id) && checks.iter().all(|c| c.rule.id != active.rule.id)
    });
    let restored: Vec<ActiveCheck> = restored.collect();
    let left: Vec<ActiveCheck> =
        checks.into_iter().chain(restored).filter(|active| !excepted(active.rule.id)).collect();
    if left.is_empty() && !report.has_errors() {
        let help = "name a level that has checks, and except fewer of them; or remove `standard`";
        report.error(node, path, "asks nothing of a pod", help);
    }
    left
}

/// The level `name`, where it is there and is one. `words` are the ones to write.
pub(super) fn level(
    report: &mut Reporter,
    fields: &Fields<'_>,
    name: &str,
    words: &[&str],
) -> Option<Level> {
    let text = fields.text(report, name)?;
    if let Ok(level) = text.parse() {
        return Some(level);
    }
    let node = fields.get(name)?;
    report.error(node, &fields.path(name), format!("unknown level {text:?}"), suggest(text, words));
    None
}

/// The version `name`, where it is there and is one.
pub(super) fn version(report: &mut Reporter, fields: &Fields<'_>, name: &str) -> Option<Version> {
    let text = fields.text(report, name)?;
    let node = fields.get(name)?;
    let path = fields.path(name);
    let Ok(version) = text.parse() else {
        let help = format!("write latest, or v1.0 to v1.{NEWEST}");
        report.error(node, &path, format!("unknown version {text:?}"), help);
        return None;
    };
    if matches!(version, Version::Minor(minor) if minor > u64::from(NEWEST)) {
        let message = format!("{text} is newer than v1.{NEWEST}, the newest that is known here");
        let help = format!("pods are judged by v1.{NEWEST}; update podgate");
        report.add(Severity::Warning, node, &path, message, help);
    }
    Some(version)
}

/// What holds for rules that say nothing else.
#[derive(Clone, Copy)]
struct Defaults {
    enforcement: Enforcement,
    fix: Fix,
}

/// The field of a rule of the policy's own.
pub(super) const CEL: &str = "cel";

/// Reads `rules`. A rule that the standard brought is replaced in its place.
fn listed(
    report: &mut Reporter,
    node: &Node,
    defaults: Defaults,
    catalogue: Catalogue,
    expressions: &mut expression::Reader,
    rules: &mut Vec<CompiledRule>,
) {
    let Some(items) = node.as_sequence() else {
        report.wrong_type(node, "spec.rules", "a list of rules");
        return;
    };
    if items.is_empty() {
        report.error(node, "spec.rules", "is empty", "list a rule, or remove the field");
    }
    let mut seen: Vec<(RuleId, u32)> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("spec.rules[{index}]");
        let Some(rule) = rule(report, item, &path, defaults, catalogue, expressions) else {
            continue;
        };
        if let Some((id, line)) = seen.iter().find(|(id, _)| *id == rule.id) {
            let message = format!("rule {id} is listed twice, first on line {line}");
            report.error(item, &path, message, "remove one of them");
            continue;
        }
        seen.push((rule.id.clone(), item.line));
        match rules.iter_mut().find(|standard| standard.id == rule.id) {
            Some(standard) => *standard = rule,
            None => rules.push(rule),
        }
    }
}

fn rule(
    report: &mut Reporter,
    node: &Node,
    path: &str,
    defaults: Defaults,
    catalogue: Catalogue,
    expressions: &mut expression::Reader,
) -> Option<CompiledRule> {
    let Some(entries) = node.as_mapping() else {
        let example = node.as_str().unwrap_or("privileged");
        let help = format!("write `- {example}: {{}}`");
        report.error(node, path, "must be a map with the rule's name", help);
        return None;
    };
    let own = BESIDE_RULE;
    let names: Vec<_> =
        entries.iter().filter(|(key, _)| !own.contains(&key.name.as_str())).collect();
    let [(key, arguments)] = names.as_slice() else {
        let (message, help) = if names.is_empty() {
            ("names no rule", "write `- privileged: {}`")
        } else {
            ("names several rules", "give each rule an entry of its own, with a `-`")
        };
        report.error(node, path, message, help);
        return None;
    };
    // The name was just found to be the only field besides these two.
    let fields = Fields::new(report, node, path, &[own[0], own[1], &key.name])?;
    let enforcement = enforcement(report, &fields).unwrap_or(defaults.enforcement);
    let path = fields.path(&key.name);
    if key.name == CEL {
        if let Some(node) = fields.get("fix") {
            let help = "remove it; `remedy` tells people what to change";
            report.error(node, &fields.path("fix"), "has no meaning for a rule in CEL", help);
        }
        let (name, own) = expressions.rule(report, arguments, &path)?;
        let (id, question) = (name.into(), Question::Own(Box::new(own)));
        return Some(CompiledRule { id, enforcement, fix: Fix::Never, question });
    }
    let fix = fix(report, &fields).unwrap_or(defaults.fix);
    let Some(rule) = catalogue.rules.iter().copied().find(|rule| rule.id == key.name) else {
        unknown_rule(report, (key.line, key.column), &path, &key.name, catalogue);
        return None;
    };
    let arguments = arguments::read(report, arguments, &path, rule);
    let question = Question::BuiltIn(rule, (rule.build)(&arguments));
    Some(CompiledRule { id: rule.id.into(), enforcement, fix, question })
}

fn unknown_rule(
    report: &mut Reporter,
    (line, column): (u32, u32),
    path: &str,
    name: &str,
    catalogue: Catalogue,
) {
    let at = super::reader::Place { line, column };
    if name == "imageUser" {
        let help = "remove it; runAsNonRoot asks for a user that is not root";
        report.error(at, path, "rule imageUser is not in this version", help);
        return;
    }
    let ids: Vec<&str> = catalogue.rules.iter().map(|rule| rule.id).chain([CEL]).collect();
    report.error(at, path, format!("unknown rule {name:?}"), suggest(name, &ids));
}
