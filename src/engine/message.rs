//! A decision in words: what the sender of the request reads.

use std::fmt::{self, Write};

use super::decision::{Decision, Violation};
use super::ending::Ending;
use super::fix::Fix;
use crate::policy::Enforcement;
use crate::rules::{self, Finding, Found};

/// How many fields a denial names; a hostile pod could name thousands.
const SHOWN: usize = 32;

impl Decision {
    /// The text of a denial.
    ///
    /// ```text
    /// 1 violation of policy shared-kernel (decision 7f3k-92)
    ///   privileged: containers[app].securityContext.privileged is true, must be absent or false
    ///     fix: remove spec.containers[0].securityContext.privileged
    ///   more: podgate explain privileged | podgate explain 7f3k-92
    /// ```
    #[must_use]
    pub fn message(&self) -> String {
        if let Some(failure) = &self.failure {
            return format!(
                "the pod cannot be read, so it cannot be judged: {} (decision {})",
                Printable(failure),
                self.id
            );
        }
        let standing = self.standing(Enforcement::Deny);
        let mut policies: Vec<&str> = Vec::new();
        let mut distinct: Vec<&Violation> = Vec::new();
        for violation in standing {
            if !policies.contains(&&*violation.policy) {
                policies.push(&violation.policy);
            }
            // Two policies may ask the same rule: the field is named once. One policy asks a rule once.
            if policies.len() == 1 || !distinct.iter().any(|v| v.repeats(violation)) {
                distinct.push(violation);
            }
        }
        if distinct.is_empty() {
            return String::new();
        }
        let shown = &distinct[..distinct.len().min(SHOWN)];
        let mut text = String::with_capacity(192 * (shown.len() + 1));
        let _ = write!(
            text,
            "{} {} of {} {} (decision {})",
            distinct.len(),
            if distinct.len() == 1 { "violation" } else { "violations" },
            if policies.len() == 1 { "policy" } else { "policies" },
            policies.join(", "),
            self.id
        );
        for (index, violation) in shown.iter().enumerate() {
            let _ = write!(text, "\n  {}", violation.sentence());
            // One change may serve several fields: it is written under the last of them.
            let next = shown.get(index + 1).map(|next| &next.finding.remedy);
            if next != Some(&violation.finding.remedy) {
                let _ = write!(text, "\n    fix: {}", violation.remedy());
            }
        }
        if distinct.len() > SHOWN {
            let _ = write!(text, "\n  and {} more", distinct.len() - SHOWN);
        }
        let remedies = shown.iter().map(|violation| &violation.finding.remedy);
        if let Some(command) = self.owner.as_ref().and_then(|owner| owner.command(remedies)) {
            let _ = write!(text, "\n  owner: {command}");
        }
        for told in self.pod_security.iter().filter(|told| told.refusal.is_some()) {
            let error = told.annotations.iter().find(|(key, _)| *key == "error");
            for line in told.refusal.iter().chain(error.map(|(_, error)| error)) {
                let _ = write!(text, "\n  {}", Printable(line));
            }
        }
        if let Some(note) = self.note {
            let _ = write!(text, "\n  note: {note}");
        }
        text.push_str("\n  more: ");
        // A policy's own rule says itself what it is about.
        if let Some(built_in) = distinct.iter().find(|v| rules::find(&v.rule).is_some()) {
            let _ = write!(text, "podgate explain {} | ", built_in.rule);
        }
        let _ = write!(text, "podgate explain {}", self.id);
        text
    }

    /// One warning for every field that breaks a rule that warns, and Pod Security Admission's own for
    /// what labels ask for.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let labelled = self.pod_security.iter().filter_map(|told| told.warning.clone());
        let ours = self
            .standing(Enforcement::Warn)
            .filter(|violation| violation.standard.is_none())
            .map(|violation| {
                let fix = violation.remedy();
                format!(
                    "podgate: policy {}: {}; fix: {fix}",
                    violation.policy,
                    violation.sentence()
                )
            });
        labelled.chain(ours).collect()
    }

    /// One warning for every exception that the request leans on and that ends soon.
    #[must_use]
    pub fn ending_warnings(&self) -> Vec<String> {
        let warning = |ending: &Ending| {
            let Ending { exception, owner, expires, rules } = ending;
            let names: Vec<&str> = rules.iter().map(|rule| &**rule).collect();
            format!(
                "podgate: exception {exception} ends on {expires}, then {} is refused; to renew it ask {}",
                names.join(", "),
                Printable(owner)
            )
        };
        self.ending.iter().map(warning).collect()
    }

    /// One warning for every field that was filled in.
    #[must_use]
    pub fn fix_warnings(&self) -> Vec<String> {
        let warning = |fix: &Fix| {
            let Fix { policy, rule, fill } = fix;
            format!(
                "podgate: policy {policy}: {} (rule {rule}, {})",
                Printable(fill),
                fill.applicability
            )
        };
        self.fixes.iter().map(warning).collect()
    }

    /// What the API server writes into its audit log beside the request.
    #[must_use]
    pub fn audit_annotations(&self) -> Vec<(&'static str, String)> {
        let mut rules: Vec<&str> = Vec::new();
        let fixed = self.fixes.iter().map(|fix| &fix.rule);
        for rule in self.violations.iter().map(|violation| &violation.rule).chain(fixed) {
            if !rules.contains(&&**rule) {
                rules.push(rule);
            }
        }
        let mut annotations = vec![
            ("decision", format!("{} {}", self.outcome.as_str(), self.id)),
            ("rules", rules.join(",")),
            ("policy-set", self.policy_set.clone()),
        ];
        if !self.fixes.is_empty() {
            let fills: Vec<String> =
                self.fixes.iter().map(|fix| Printable(&fix.fill).to_string()).collect();
            annotations.push(("fixes", fills.join("; ")));
        }
        for (key, value) in self.pod_security.iter().flat_map(|told| &told.annotations) {
            // A key stands once, so what several policies say is put together.
            match annotations.iter_mut().find(|(known, _)| known == key) {
                Some((_, values)) if values == value => {}
                Some((_, values)) => {
                    values.push_str("; ");
                    values.push_str(value);
                }
                None => annotations.push((key, value.clone())),
            }
        }
        annotations
    }

    /// Violations that are not settled.
    fn standing(&self, enforcement: Enforcement) -> impl Iterator<Item = &Violation> {
        self.violations.iter().filter(move |v| v.settled.is_none() && v.enforcement == enforcement)
    }
}

impl Violation {
    /// The violation in one line: `rule: path is found, must be allowed`.
    #[must_use]
    pub fn sentence(&self) -> impl fmt::Display {
        Printable(Sentence(self))
    }

    /// What to change, in words.
    #[must_use]
    pub fn remedy(&self) -> impl fmt::Display {
        Printable(&self.finding.remedy)
    }
}

struct Sentence<'v>(&'v Violation);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { path, found, allowed, .. } = &self.0.finding;
        if let Found::Told(message) = found {
            return write!(f, "{}: {message}", self.0.rule);
        }
        write!(f, "{}: {} is {found}, must be {allowed}", self.0.rule, path.short())
    }
}

/// A text whose control characters are escaped: names come from manifests and end on terminals and in logs.
struct Printable<T>(T);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// Escapes on the way, so that a text is written once.
struct Escaping<'f, 'b>(&'f mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Nearly every piece is plain, and telling so by bytes is quick.
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return self.0.write_str(text);
        }
        let mut rest = text;
        while let Some(at) = rest.find(char::is_control) {
            let (before, from) = rest.split_at(at);
            let mut chars = from.chars();
            let mut control = chars.next().into_iter().flat_map(char::escape_default);
            self.0.write_str(before)?;
            control.try_for_each(|c| self.0.write_char(c))?;
            rest = chars.as_str();
        }
        self.0.write_str(rest)
    }
}
