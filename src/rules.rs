//! The built-in rules: one file each, and the registry that names them all.
//!
//! A rule is one question about a pod. Its file opens with what it reads and what it allows, and holds
//! the check, the text for people, and (for Pod Security's own checks) the words that Pod Security
//! Admission uses. Rules are pure: a [`PodView`](crate::pod::PodView) in, findings out.

mod controls;
mod finding;
mod id;
mod image_reference;
mod rule;
#[cfg(test)]
mod testing;
mod unicode;
mod user;
mod words;

mod allow_privilege_escalation;
mod app_armor_profile;
mod capabilities_baseline;
mod capabilities_restricted;
mod ephemeral_containers;
mod host_namespaces;
mod host_path_volumes;
mod host_paths;
mod host_ports;
mod host_probes_and_host_lifecycle;
mod images;
mod node_placement;
mod privileged;
mod proc_mount;
mod proc_mount_restricted;
mod read_only_root_filesystem;
mod resources;
mod restricted_volumes;
mod run_as_group;
mod run_as_non_root;
mod run_as_user;
mod runtime_class;
mod se_linux_options;
mod seccomp_profile_baseline;
mod seccomp_profile_restricted;
mod service_account_token;
mod share_process_namespace;
mod sysctls;
mod unknown_fields;
mod user_namespace;
mod windows_host_process;

pub use finding::{Applicability, Fill, Finding, Found, Remedy};
pub use id::RuleId;
pub(crate) use images::glob;
pub use rule::{
    Arguments, Check, Control, Framework, Parameter, PodSecurityCheck, PodSecurityLevel, Rule,
    Shape, Value,
};
pub use user_namespace::ID as USER_NAMESPACE;

/// All built-in rules, sorted by id.
pub static ALL: &[&Rule] = &[
    &allow_privilege_escalation::RULE,
    &app_armor_profile::RULE,
    &capabilities_baseline::RULE,
    &capabilities_restricted::RULE,
    &ephemeral_containers::RULE,
    &host_namespaces::RULE,
    &host_path_volumes::RULE,
    &host_paths::RULE,
    &host_ports::RULE,
    &host_probes_and_host_lifecycle::RULE,
    &images::RULE,
    &node_placement::RULE,
    &privileged::RULE,
    &proc_mount::RULE,
    &proc_mount_restricted::RULE,
    &read_only_root_filesystem::RULE,
    &resources::RULE,
    &restricted_volumes::RULE,
    &run_as_group::RULE,
    &run_as_non_root::RULE,
    &run_as_user::RULE,
    &runtime_class::RULE,
    &se_linux_options::RULE,
    &seccomp_profile_baseline::RULE,
    &seccomp_profile_restricted::RULE,
    &service_account_token::RULE,
    &share_process_namespace::RULE,
    &sysctls::RULE,
    &unknown_fields::RULE,
    &user_namespace::RULE,
    &windows_host_process::RULE,
];

/// Prefixes of the annotations that rules read.
pub const ANNOTATIONS: &[&str] = &[
    app_armor_profile::ANNOTATION,
    seccomp_profile_baseline::CONTAINER_ANNOTATION,
    seccomp_profile_baseline::POD_ANNOTATION,
];

/// The rule named `id`.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::{ALL, PodSecurityLevel, find};

    #[test]
    fn rules_are_sorted_by_id_and_found_by_it() {
        assert!(ALL.is_sorted_by(|a, b| a.id < b.id));
        for rule in ALL {
            assert_eq!(find(rule.id).map(|found| found.id), Some(rule.id));
        }
        assert!(find("Privileged").is_none());
    }

    #[test]
    fn every_rule_file_is_registered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let declared = files
            .filter(|file| std::fs::read_to_string(file).unwrap().contains("static RULE: Rule"))
            .count();
        assert_eq!(declared, ALL.len());
    }

    #[test]
    fn every_rule_has_its_texts() {
        for rule in ALL {
            let id = rule.id;
            assert!(!rule.reads.is_empty() && !rule.controls.is_empty(), "{id}");
            for text in [rule.allows, rule.why, rule.fix, rule.fills] {
                assert!(text.ends_with('.') && !text.contains("  "), "{id}: {text}");
            }
            assert!(!rule.title.is_empty() && !rule.title.ends_with('.'), "{id}");
            for parameter in rule.parameters {
                assert!(parameter.doc.contains("Default"), "{id}.{}", parameter.name);
            }
            for (index, control) in rule.controls.iter().enumerate() {
                assert!(!rule.controls[..index].contains(control), "{id} names {control:?} twice");
            }
        }
    }

    #[test]
    fn the_checks_of_pod_security_are_complete() {
        let checks: Vec<_> = ALL.iter().filter_map(|rule| rule.pod_security.as_ref()).collect();
        let of_level = |level| checks.iter().filter(|check| check.level == level).count();
        assert_eq!(checks.len(), 19);
        assert_eq!(of_level(PodSecurityLevel::Baseline), 12);
        assert_eq!(of_level(PodSecurityLevel::Restricted), 7);
        assert_eq!(checks.iter().map(|check| check.revisions.len()).sum::<usize>(), 31);
        for check in checks {
            assert!(check.revisions.is_sorted_by(|a, b| a < b));
            if let Some(replaced) =
                check.replaces.and_then(find).and_then(|rule| rule.pod_security.as_ref())
            {
                assert_eq!(check.level, PodSecurityLevel::Restricted);
                assert_eq!(replaced.level, PodSecurityLevel::Baseline);
            } else {
                assert!(check.replaces.is_none());
            }
        }
    }
}
