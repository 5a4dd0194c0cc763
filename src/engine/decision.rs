//! The one outcome of one review.

use std::fmt;
use std::sync::Arc;

use super::ending::Ending;
use super::fix::Fix;
use super::owner::Owner;
use crate::policy::standard::LevelVersion;
use crate::policy::{Enforcement, PolicySet};
use crate::rules::{Finding, RuleId};

/// What was decided, and why.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Names the decision in the answer, in the API server's audit log and in the record.
    pub id: DecisionId,
    /// What was decided.
    pub outcome: Outcome,
    /// Every rule broken, in the order of policies, rules and fields; settled ones among them.
    pub violations: Vec<Violation>,
    /// What was filled in, where this decision is about that.
    pub fixes: Vec<Fix>,
    /// What the refused pod was made from.
    pub owner: Option<Owner>,
    /// Exceptions that it leans on and that end soon.
    pub ending: Vec<Ending>,
    /// What Pod Security Admission says, for each policy that reads the labels of namespaces.
    pub pod_security: Vec<PodSecurity>,
    /// What the sender should know beside, as a sentence without a full stop.
    pub note: Option<&'static str>,
    /// Why nothing was judged, where nothing was.
    pub not_judged: Option<NotJudged>,
    /// Why the object could not be read, for [`Outcome::Failed`] and unreadable pods.
    pub failure: Option<String>,
    /// What policies ask in CEL and could not be answered.
    pub faults: Vec<RuleFault>,
    /// Digest of the policy set that decided.
    pub policy_set: String,
}

/// What a policy asks in CEL and could not be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// The policy.
    pub policy: Arc<str>,
    /// Its rule; `conditions/NAME` for one of its conditions, which then counts as holding.
    pub rule: RuleId,
    /// Why there is no answer.
    pub error: String,
    /// Whether the rule counts as holding (`onError: Ignore`).
    pub ignored: bool,
}

/// What Pod Security Admission would say of the request, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSecurity {
    /// The policy that reads the labels.
    pub policy: Arc<str>,
    /// Whether the labels of the namespace were known, where they were asked for.
    pub labels_known: bool,
    /// Why the pod is refused: `violates PodSecurity "baseline:latest": …`.
    pub refusal: Option<String>,
    /// What the sender is warned of.
    pub warning: Option<String>,
    /// What is noted in the API server's audit log.
    pub annotations: Vec<(&'static str, String)>,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nothing stands against it. Rules that only audit may have been broken.
    Allowed,
    /// Let in with warnings.
    Warned,
    /// Let in after a repair.
    Fixed,
    /// Let in by an exception.
    Excepted,
    /// Refused.
    Denied,
    /// Podgate itself failed.
    Failed,
}

impl PodSecurity {
    /// What `policy` says before anything was found.
    pub(super) fn silent(policy: &Arc<str>) -> Self {
        Self {
            policy: Arc::clone(policy),
            labels_known: true,
            refusal: None,
            warning: None,
            annotations: Vec::new(),
        }
    }
}

impl Decision {
    /// A decision before anything was found.
    pub(super) fn silent(set: &PolicySet, identity: &str) -> Self {
        Self {
            id: DecisionId::new(identity),
            outcome: Outcome::Allowed,
            violations: Vec::new(),
            fixes: Vec::new(),
            owner: None,
            note: None,
            ending: Vec::new(),
            pod_security: Vec::new(),
            not_judged: None,
            failure: None,
            faults: Vec::new(),
            policy_set: set.digest().to_owned(),
        }
    }

    /// The decision where judging failed by podgate's own fault.
    #[must_use]
    pub fn fault(set: &PolicySet, identity: &str) -> Self {
        let failure = Some("podgate failed while judging, and has logged where".to_owned());
        Self { outcome: Outcome::Failed, failure, ..Self::silent(set, identity) }
    }

    /// Whether the object is refused for being wrong in itself, not for what a pod would do.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        self.violations.iter().any(|violation| violation.rule == super::namespace::RULE)
    }

    /// Takes back what was judged for want of the labels of a namespace, and names the policies that
    /// would have read them. Where there is no cluster to ask, not knowing is no reason to refuse.
    pub fn forget_unknown_labels(&mut self) -> Vec<Arc<str>> {
        let unknown: Vec<Arc<str>> =
            self.pod_security.extract_if(.., |told| !told.labels_known).map(|t| t.policy).collect();
        self.violations.retain(|v| v.standard.is_none() || !unknown.contains(&v.policy));
        self.outcome = Outcome::of(&self.violations);
        unknown
    }
}

impl Outcome {
    /// What violations lead to.
    pub(super) fn of(violations: &[Violation]) -> Self {
        let stands = |enforcement| {
            violations.iter().any(|v| v.settled.is_none() && v.enforcement == enforcement)
        };
        let is_fixed = |v: &Violation| matches!(v.settled, Some(Settled::Fix | Settled::FixInPods));
        if stands(Enforcement::Deny) {
            Self::Denied
        } else if violations.iter().any(is_fixed) {
            Self::Fixed
        } else if stands(Enforcement::Warn) {
            Self::Warned
        } else if violations.iter().any(|violation| violation.exception().is_some()) {
            Self::Excepted
        } else {
            Self::Allowed
        }
    }

    /// All outcomes.
    pub const ALL: [Self; 6] =
        [Self::Allowed, Self::Warned, Self::Fixed, Self::Excepted, Self::Denied, Self::Failed];

    /// The word in records, metrics and annotations.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Warned => "warned",
            Self::Fixed => "fixed",
            Self::Excepted => "excepted",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }

    /// Whether the request passes.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        !matches!(self, Self::Denied | Self::Failed)
    }
}

/// One rule of one policy broken at one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// Name of the policy.
    pub policy: Arc<str>,
    /// Id of the rule.
    pub rule: RuleId,
    /// What the violation leads to.
    pub enforcement: Enforcement,
    /// The standard that a label of the namespace asks for, where it is why the rule was asked.
    pub standard: Option<LevelVersion>,
    /// The field, what was found there, and what would be right.
    pub finding: Finding,
    /// Why it stands in nobody's way, where it does not.
    pub settled: Option<Settled>,
}

/// Why a violation stands in nobody's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// An exception of this name lets it pass.
    Exception(String),
    /// The field is filled in on the way in.
    Fix,
    /// The field is filled in on the way in of the pods that the workload makes.
    FixInPods,
}

impl Settled {
    /// The word in records and reports.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Exception(_) => "exception",
            Self::Fix => "fix",
            Self::FixInPods => "fixInPods",
        }
    }
}

impl Violation {
    /// Name of the exception that lets it pass.
    #[must_use]
    pub fn exception(&self) -> Option<&str> {
        match &self.settled {
            Some(Settled::Exception(name)) => Some(name),
            _ => None,
        }
    }

    /// Whether `other` is the same clause of the same rule of the same policy broken at the same field.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        self.policy == other.policy
            && self.rule == other.rule
            && self.finding.path == other.finding.path
            && self.finding.clause == other.finding.clause
    }

    /// Whether `other` is the same rule broken at the same field, be it for another policy.
    #[must_use]
    pub fn repeats(&self, other: &Self) -> bool {
        self.rule == other.rule && self.finding == other.finding
    }
}

/// Why a request was not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotJudged {
    /// Neither a pod nor a kind or subresource that carries one.
    NoPod,
    /// The object only waits for its finalizers.
    BeingDeleted,
    /// DELETE and CONNECT create nothing.
    Operation,
    /// The update changes nothing that rules read.
    NothingChanged,
}

impl NotJudged {
    /// The reason, as a sentence's end.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoPod => "carries no pod",
            Self::BeingDeleted => "the object is being deleted",
            Self::Operation => "the operation creates nothing",
            Self::NothingChanged => "the update changes nothing that rules read",
        }
    }
}

/// A short name for a decision, such as `7f3k-92`, made from what identifies the request.
///
/// 30 bits: enough to name one among the recent ones; the record's `requestUid` is the exact key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId([u8; 6]);

impl DecisionId {
    /// The id of the decision over the request or document that `identity` identifies.
    #[must_use]
    pub fn new(identity: &str) -> Self {
        // Crockford's base 32: no letter that reads as a digit.
        const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        // FNV-1a: stable across releases, which std's hasher does not promise.
        let mut hash = identity.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        hash ^= hash >> 32;
        let digit = |place: usize| {
            ALPHABET[usize::try_from((hash >> (place * 5)) & 31).unwrap_or_default()]
        };
        Self(std::array::from_fn(digit))
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            if place == 4 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*byte))?;
        }
        Ok(())
    }
}
