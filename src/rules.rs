//! The built-in rules: one file each, and the registry that names them all.
//!
//! A rule is one question about a pod. Its file opens with what it reads and what it allows, and holds
//! the check, the text for people, and (for Pod Security's own checks) the words that Pod Security
//! Admission uses. Rules are pure: a [`PodView`] in, findings out.

mod finding;
mod rule;

pub use finding::{Finding, Found, Remedy};
pub use rule::{
    Arguments, Check, Control, Framework, Parameter, PodSecurityCheck, PodSecurityLevel, Rule, Shape,
    Value,
};

/// All built-in rules, sorted by id.
pub static ALL: &[&Rule] = &[];

/// The rule named `id`.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}
