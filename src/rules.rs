//! The built-in rules: one file each, and the registry that names them all.
//!
//! A rule is one question about a pod. Its file opens with what it reads and what it allows, and holds
//! the check, the text for people, and (for Pod Security's own checks) the words that Pod Security
//! Admission uses. Rules are pure: a [`PodView`](crate::pod::PodView) in, findings out.

mod controls;
mod finding;
mod rule;
#[cfg(test)]
mod testing;
mod words;

mod allow_privilege_escalation;
mod app_armor_profile;
mod capabilities_baseline;
mod capabilities_restricted;
mod host_namespaces;
mod host_path_volumes;
mod host_ports;
mod host_probes_and_host_lifecycle;
mod privileged;
mod proc_mount;
mod proc_mount_restricted;
mod restricted_volumes;
mod run_as_non_root;
mod run_as_user;
mod se_linux_options;
mod seccomp_profile_baseline;
mod seccomp_profile_restricted;
mod sysctls;
mod windows_host_process;

pub use finding::{Finding, Found, Remedy};
pub use rule::{
    Arguments, Check, Control, Framework, Parameter, PodSecurityCheck, PodSecurityLevel, Rule,
    Shape, Value,
};

/// All built-in rules, sorted by id.
pub static ALL: &[&Rule] = &[
    &allow_privilege_escalation::RULE,
    &app_armor_profile::RULE,
    &capabilities_baseline::RULE,
    &capabilities_restricted::RULE,
    &host_namespaces::RULE,
    &host_path_volumes::RULE,
    &host_ports::RULE,
    &host_probes_and_host_lifecycle::RULE,
    &privileged::RULE,
    &proc_mount::RULE,
    &proc_mount_restricted::RULE,
    &restricted_volumes::RULE,
    &run_as_non_root::RULE,
    &run_as_user::RULE,
    &se_linux_options::RULE,
    &seccomp_profile_baseline::RULE,
    &seccomp_profile_restricted::RULE,
    &sysctls::RULE,
    &windows_host_process::RULE,
];

/// The rule named `id`.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}
