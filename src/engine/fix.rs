//! What may be filled in of what is absent, and what that settles.
//!
//! Only what an author left out is filled, where a policy says so: what is written is never overwritten.

mod patch;

use std::sync::Arc;

use jiff::Timestamp;

pub use patch::{Operation, Patch};

use super::decide::{Judge, Scope};
use super::decision::{Decision, Outcome, Settled, Violation};
use super::expressions::{Expressions, Inputs};
use crate::admission::{self, Attributes};
use crate::pod::{Kind, PodView, Spec, Subject};
use crate::policy::{CompiledPolicy, CompiledRule, FixIn, PolicySet};
use crate::rules::{self, Applicability, Fill, Found, RuleId};

/// A field that is filled in, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The policy that asks for it: the first, where several do.
    pub policy: Arc<str>,
    /// Its rule, which holds afterwards.
    pub rule: RuleId,
    /// The field, its value, and how safe that is.
    pub fill: Fill,
}

/// What is filled into an object on its way in, as its policies say: the decision, which names each
/// fill, and the patch that makes them.
///
/// A decision without fixes leaves the object alone. Only the creation of pods is fixed, and that of
/// workloads by policies that say `fixIn: Templates`.
#[must_use]
pub fn fix(
    set: &PolicySet,
    attributes: &Attributes<'_>,
    identity: &str,
    now: Timestamp,
) -> (Decision, Patch) {
    let mut decision = Decision::silent(set, identity);
    let mut patch = Patch::default();
    if let Some(pod) = created(attributes).filter(|_| set.has_fixes()) {
        let inputs = Inputs::new(set, attributes, &pod);
        let expressions = inputs.as_ref().map(Expressions::new);
        let judge = fills_of(set, attributes, now, expressions.as_ref());
        let reaches =
            |policy: &CompiledPolicy| pod.kind() == Kind::Pod || policy.fix_in == FixIn::Templates;
        let plan = Plan::new(&judge, &pod, |policy, rule, fill| {
            reaches(policy) && rule.fix.permits(fill.applicability)
        });
        for fix in plan.fixes {
            if patch.add(&pod, &fix.fill) {
                decision.fixes.push(fix);
            }
        }
    }
    if !decision.fixes.is_empty() {
        decision.outcome = Outcome::Fixed;
    }
    (decision, patch)
}

/// What could be filled into an object, whatever its policies say of fixing: all that is no riskier
/// than `up_to`. Fields that other rules look at come first, the rest in the order of policies, rules and
/// fields.
#[must_use]
pub fn fixes(
    set: &PolicySet,
    attributes: &Attributes<'_>,
    up_to: Applicability,
    now: Timestamp,
) -> Vec<Fix> {
    let Some(pod) = created(attributes) else { return Vec::new() };
    let inputs = Inputs::new(set, attributes, &pod);
    let expressions = inputs.as_ref().map(Expressions::new);
    let judge = fills_of(set, attributes, now, expressions.as_ref());
    Plan::new(&judge, &pod, |_, _, fill| fill.applicability <= up_to).fixes
}

/// Who is asked for fills: rules of policies' own have none.
fn fills_of<'j, 'a>(
    set: &'j PolicySet,
    attributes: &'j Attributes<'a>,
    now: Timestamp,
    expressions: Option<&'j Expressions<'j>>,
) -> Judge<'j, 'a> {
    Judge { set, attributes, scope: Scope::All, now, expressions, asks_own: false }
}

/// The pod that is created, by itself or in a workload.
fn created<'v>(attributes: &'v Attributes<'_>) -> Option<PodView<'v>> {
    if attributes.operation != admission::Operation::Create
        || !attributes.subresource.is_empty()
        || attributes.unreadable.is_some()
    {
        return None;
    }
    let object = attributes.object.as_ref().filter(|object| !object.is_being_deleted())?;
    let pod = object.pod(attributes.pod_kind()?)?;
    // The API server takes no pod without containers, nor a container without a name. In such an object
    // `spec` or a container may be `null`, which a patch cannot reach into.
    let has_containers = pod.spec().containers.as_deref().is_some_and(|list| !list.is_empty());
    let are_named = pod.containers().all(|container| !container.name().is_empty());
    (has_containers && are_named).then_some(pod)
}

/// Marks violations that stand in nobody's way, since the fields are filled in before it matters.
///
/// A workload is not refused for what its pods will not have. A pod at the webhook is judged as it is:
/// what could be filled in was, before it came here.
pub(super) fn settle(judge: &Judge<'_, '_>, pod: &PodView<'_>, violations: &mut [Violation]) {
    let settled = match pod.kind() {
        Kind::Pod if judge.scope == Scope::All && created(judge.attributes).is_some() => {
            Settled::Fix
        }
        Kind::Pod => return,
        _ => Settled::FixInPods,
    };
    if !judge.set.has_fixes() || violations.iter().all(|violation| violation.settled.is_some()) {
        return;
    }
    let judge = Judge { asks_own: false, ..*judge };
    let everything = Judge { scope: Scope::All, ..judge };
    let plan = Plan::new(&everything, pod, |policy, rule, fill| {
        // The pods of a workload are no pods of a policy that goes by who sent the workload.
        let follows = pod.kind() == Kind::Pod || policy.follows_pods();
        follows && fill.reaches_pods && rule.fix.permits(fill.applicability)
    });
    let after = plan.spec.as_ref().map(|spec| judge.violations(&pod.with_spec(spec), |_, _| true));
    // What a rule in CEL says of the object, no fill changes.
    let may_be_settled = |violation: &&mut Violation| {
        violation.settled.is_none() && !matches!(violation.finding.found, Found::Told(_))
    };
    for violation in violations.iter_mut().filter(may_be_settled) {
        let fill = violation.finding.remedy.fill();
        let is_filled = fill.is_some_and(|fill| plan.fixes.iter().any(|f| f.fill.repeats(fill)));
        let is_relaxed =
            after.as_ref().is_some_and(|after| !after.iter().any(|v| v.is_at(violation)));
        if is_filled || is_relaxed {
            violation.settled = Some(settled.clone());
        }
    }
}

/// Fills a field of a pod.
type FillIn = fn(&mut Spec<'_>);

/// Fields of the pod that other rules look at, in the order in which they do, and what filling them
/// makes of the pod.
const LOOKED_AT: [(&str, FillIn); 2] = [
    ("hostUsers", |spec| spec.host_users = Some(false)),
    ("securityContext.runAsNonRoot", |spec| {
        spec.security_context.get_or_insert_default().run_as_non_root = Some(true);
    }),
];

/// The fills of one pod.
#[derive(Debug, Default)]
struct Plan<'v> {
    fixes: Vec<Fix>,
    /// The pod with the fills that other rules look at, where there are any.
    spec: Option<Spec<'v>>,
}

impl<'v> Plan<'v> {
    /// All fills that `allows` lets through. What one of them makes needless is not filled, and what one
    /// of them makes safe is safe, so that fixing twice is fixing once.
    fn new(
        judge: &Judge<'_, '_>,
        pod: &PodView<'v>,
        allows: impl Fn(&CompiledPolicy, &CompiledRule, &Fill) -> bool,
    ) -> Self {
        let mut plan = Self::default();
        let mut found = found(judge, pod, &allows);
        for (field, fill_in) in LOOKED_AT {
            let is_this = |fix: &Fix| {
                *fix.fill.path.subject() == Subject::Pod && fix.fill.path.field() == field
            };
            if found.iter().any(is_this) {
                plan.take(found.into_iter().filter(is_this));
                let spec = plan.spec.get_or_insert_with(|| pod.spec().clone());
                fill_in(spec);
                found = self::found(judge, &pod.with_spec(spec), &allows);
            }
        }
        plan.take(found);
        plan
    }

    /// Takes each fill for which there is still room: one field is filled once.
    fn take(&mut self, found: impl IntoIterator<Item = Fix>) {
        for fix in found {
            if !self.fixes.iter().any(|taken| overlap(&taken.fill, &fix.fill)) {
                self.fixes.push(fix);
            }
        }
    }
}

/// The fills of all findings, where no exception lets them pass.
fn found(
    judge: &Judge<'_, '_>,
    pod: &PodView<'_>,
    allows: impl Fn(&CompiledPolicy, &CompiledRule, &Fill) -> bool,
) -> Vec<Fix> {
    let mut fixes = Vec::new();
    judge.findings(pod, |policy, rule, finding, exception| {
        if exception.is_none()
            && let Some(fill) = finding.remedy.fill()
            && allows(policy, rule, fill)
            && !(no_user_namespaces(judge.attributes) && is_user_namespace(&rule.id))
        {
            let policy = Arc::clone(&policy.name);
            fixes.push(Fix { policy, rule: rule.id.clone(), fill: fill.clone() });
        }
    });
    fixes
}

/// Whether no node can give a pod a user namespace: a pod that asks for one would then never run.
pub(super) fn no_user_namespaces(attributes: &Attributes<'_>) -> bool {
    attributes.user_namespaces == Some(false)
}

/// Whether `rule` is the one that asks for it.
pub(super) fn is_user_namespace(rule: &str) -> bool {
    rule == rules::USER_NAMESPACE
}

/// Whether one fills what the other does, or part of it.
fn overlap(a: &Fill, b: &Fill) -> bool {
    let (a, b) = (&a.path, &b.path);
    a.subject() == b.subject() && {
        let (a, b) = (a.field_segments(), b.field_segments());
        a.starts_with(&b) || b.starts_with(&a)
    }
}
