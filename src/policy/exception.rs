//! Exceptions: named rules that named workloads may break, for a reason, by an owner, until a day.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::compile::Options;
use super::document::untrusted;
use super::matcher::{FIELDS, MatchInput, Matcher, Unknown};
use super::pattern::{Names, Pattern, any, patterns};
use super::reader::{Fields, Reporter};
use crate::yaml::Node;

/// Fields of `spec`.
pub(super) const SPEC: &[&str] = &["policy", "rules", "match", "reason", "owner", "expires"];

/// How long before its end an exception is told of: time enough to renew what it is for.
pub const NOTICE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How near its end an exception is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// In force, and will be for longer than [`NOTICE`].
    Active,
    /// In force, and ends within [`NOTICE`].
    Expiring,
    /// It covers nothing.
    Expired,
}

impl Life {
    /// All of them, from the beginning to the end.
    pub const ALL: [Self; 3] = [Self::Active, Self::Expiring, Self::Expired];

    /// The word in metrics and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
        }
    }
}

/// What the admin asks of exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Pod labels that the admin vouches for: something keeps pod authors from choosing them freely.
    pub trusted_labels: Vec<String>,
    /// How far ahead an exception may end; `None` sets no limit. It is counted from when documents are
    /// read, since a file does not say when it was written: what loads today loads tomorrow.
    pub longest_life: Option<Duration>,
}

impl Terms {
    /// The last moment that an exception may end at, in whole seconds.
    fn last_end(&self, now: Timestamp) -> Option<Timestamp> {
        let life = SignedDuration::try_from(self.longest_life?).ok()?;
        let last = now.checked_add(life).ok()?;
        Timestamp::from_second(last.as_second()).ok()
    }
}

/// An exception, ready to be asked.
#[derive(Debug)]
pub struct CompiledException {
    /// Name of the document.
    pub name: String,
    /// The policy whose rules may be broken.
    pub policy: String,
    /// Those rules.
    pub rules: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// From when on it covers nothing.
    pub expires: Timestamp,
    /// The file it stands in.
    pub source: String,
    /// Its line there.
    pub line: u32,
    pub(super) matcher: Matcher,
    pub(super) containers: Option<Vec<Pattern>>,
}

impl CompiledException {
    /// Whether `rule` of `policy` may be broken by this pod at `now`.
    ///
    /// `container` is the container whose field breaks the rule, `None` where the field is the pod's
    /// own. An exception for certain containers covers no field of the pod's own, unless it says
    /// `containers: ["*"]`.
    #[must_use]
    pub fn covers(
        &self,
        policy: &str,
        rule: &str,
        input: &MatchInput<'_>,
        container: Option<&str>,
        now: Timestamp,
    ) -> bool {
        now < self.expires
            && self.policy == policy
            && self.rules.iter().any(|name| name == rule)
            && self.covers_container(container)
            && self.matcher.matches(input, Unknown::DoesNotApply)
    }

    /// How near its end it is at `now`.
    #[must_use]
    pub fn life(&self, now: Timestamp) -> Life {
        if self.expires <= now {
            Life::Expired
        } else if now.checked_add(NOTICE).is_ok_and(|soon| soon < self.expires) {
            Life::Active
        } else {
            Life::Expiring
        }
    }

    /// Whether it says of no namespace that it does not hold there.
    #[must_use]
    pub fn holds_in_every_namespace(&self) -> bool {
        self.matcher.holds_in_every_namespace()
    }

    /// The namespaces that it names in full.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.matcher.namespaces()
    }

    pub(super) fn reads_namespace_labels(&self) -> bool {
        self.matcher.reads_namespace_labels()
    }

    fn covers_container(&self, container: Option<&str>) -> bool {
        self.containers.as_ref().is_none_or(|patterns| match container {
            Some(name) => any(patterns, name),
            None => patterns.iter().any(|pattern| pattern.as_str() == "*"),
        })
    }
}

/// Reads `spec` of a `PodPolicyException`.
pub(super) fn read(
    report: &mut Reporter,
    name: &str,
    spec: &Node,
    options: &Options,
) -> Option<CompiledException> {
    let fields = Fields::new(report, spec, "spec", SPEC)?;
    let policy = fields.required(report, "policy", "name the policy that may be broken");
    let rules = fields.texts(report, "rules");
    if rules.is_empty() {
        let node = fields.get("rules").unwrap_or(spec);
        report.error(node, "spec.rules", "names no rule", "list the rules that may be broken");
    }
    let reason = fields.required(report, "reason", "say why the rules may be broken");
    let owner =
        fields.required(report, "owner", "say who answers for it, such as team@example.com");
    let expires = expires(report, &fields, options);
    let Some(node) = fields.get("match") else {
        let help = "say which workloads; to drop a rule for all, change the policy";
        report.error(spec, "spec.match", "is missing", help);
        return None;
    };
    let (matcher, containers) = scope(report, node, options)?;
    Some(CompiledException {
        name: name.to_owned(),
        policy: policy?.to_owned(),
        rules: rules.into_iter().map(|(_, rule)| rule.to_owned()).collect(),
        reason: reason?.to_owned(),
        owner: owner?.to_owned(),
        expires: expires?,
        source: report.source().to_owned(),
        line: spec.line,
        matcher,
        containers,
    })
}

type Scope = (Matcher, Option<Vec<Pattern>>);

fn scope(report: &mut Reporter, node: &Node, options: &Options) -> Option<Scope> {
    let known: Vec<&str> = FIELDS.iter().copied().chain(["containers"]).collect();
    let fields = Fields::new(report, node, "spec.match", &known)?;
    if FIELDS.iter().all(|name| fields.get(name).is_none()) {
        let help = "say which workloads; to drop a rule for all, change the policy";
        report.error(node, "spec.match", "leaves no workload out", help);
    }
    let matcher = Matcher::read(report, &fields);
    if let Some(label) = untrusted(matcher.pod_selector.as_ref(), options) {
        let message = format!("selects by label {label:?}, which whoever writes the pod chooses");
        let help = format!("match by namespaces, or vouch for it with --trusted-label {label}");
        let node = fields.get("podSelector").unwrap_or(node);
        report.error(node, "spec.match.podSelector", message, help);
    }
    let containers = fields.get("containers").map(|_| {
        let items = fields.texts(report, "containers");
        if items.is_empty() {
            let help = "list container names, or remove the field";
            report.error(node, "spec.match.containers", "names no container", help);
        }
        patterns(report, &items, "spec.match.containers", Names::Label)
    });
    Some((matcher, containers))
}

fn expires(report: &mut Reporter, fields: &Fields<'_>, options: &Options) -> Option<Timestamp> {
    let help = "write a day in UTC, such as 2027-06-30T00:00:00Z";
    let text = fields.required(report, "expires", help)?;
    let node = fields.get("expires")?;
    let Ok(expires) = text.parse::<Timestamp>() else {
        report.error(node, "spec.expires", format!("{text:?} is no time"), help);
        return None;
    };
    if expires <= options.now {
        let help = "give it a later day, or remove the exception: it covers nothing now";
        report.add(options.expired, node, "spec.expires", format!("{text} is past"), help);
    }
    if let Some(last) = options.terms.last_end(options.now).filter(|last| expires > *last) {
        let message = format!("{text} is too far ahead");
        let help = format!("--max-exception-life lets an exception end by {last}; renew it then");
        report.error(node, "spec.expires", message, help);
    }
    Some(expires)
}
