//! `capabilities_baseline`: no capability is added beyond a runtime's usual set.
//!
//! | Field | Allowed |
//! |---|---|
//! | `{c}.securityContext.capabilities.add[*]` | the 13 names in [`ALLOWED`] |
//!
//! `{c}` is every init, main and ephemeral container. One revision: v1.0. `capabilities_restricted`
//! replaces it at the restricted level from v1.22.

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words::{self, quoted};
use super::{Finding, Found, Remedy};
use crate::pod::PodView;

pub(super) static RULE: Rule = Rule {
    id: "capabilities_baseline",
    title: "Containers must not add capabilities beyond the usual set",
    reads: &[
        "spec.initContainers[*].securityContext.capabilities.add",
        "spec.containers[*].securityContext.capabilities.add",
        "spec.ephemeralContainers[*].securityContext.capabilities.add",
    ],
    allows: "`add` may name AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, \
             SETFCAP, SETGID, SETPCAP, SETUID and SYS_CHROOT, spelled exactly so.",
    why: "Capabilities are root's powers one by one, and several are as good as all. SYS_ADMIN mounts file \
          systems and SYS_MODULE loads code into the kernel; SYS_PTRACE, DAC_READ_SEARCH, BPF and NET_ADMIN \
          each reach past the container in other ways, and NET_RAW forges packets on the pod network.",
    fix: "Remove the capability. Look for what the program wanted of it: most of SYS_ADMIN's and NET_ADMIN's \
          uses have a sysctl, a device plugin or a CNI plugin that does the work outside the pod.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_NET_RAW,
        controls::CIS_ADDED_CAPABILITIES,
        controls::NSA_POD_ENFORCEMENT,
        controls::NIST_RUNTIME,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(Added),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[0],
        replaces: None,
        build: |_| Box::new(Added),
        explain,
    }),
};

/// What may be added, sorted.
const ALLOWED: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

#[derive(Debug)]
struct Added;

impl Check for Added {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        for container in pod.containers() {
            let Some(capabilities) =
                container.security_context().and_then(|context| context.capabilities.as_ref())
            else {
                continue;
            };
            for (index, name) in capabilities.add.as_deref().unwrap_or_default().iter().enumerate()
            {
                if !ALLOWED.contains(&&**name) {
                    let field = format!("securityContext.capabilities.add[{index}]");
                    let path = pod.container_path(container, field);
                    findings.push(Finding {
                        remedy: Remedy::Remove(path.clone()),
                        path,
                        found: Found::Text(name.to_string()),
                        allowed: format!("one of {}", ALLOWED.join(", ")).into(),
                        clause: "",
                    });
                }
            }
        }
    }
}

fn explain(findings: &[Finding]) -> (String, String) {
    let detail = format!(
        "{} must not include {} in securityContext.capabilities.add",
        words::name_containers(&words::containers(findings)),
        quoted(words::values(findings))
    );
    ("non-default capabilities".to_owned(), detail)
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED, RULE};
    use crate::rules::testing::{lines, said};

    #[test]
    fn values_of_all_containers_are_sorted_and_named_once() {
        let spec = r#"{"containers": [
            {"name": "b", "securityContext": {"capabilities": {"add": ["SYS_ADMIN", "NET_RAW", "CHOWN"]}}},
            {"name": "a", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]}"#;
        assert_eq!(
            said(&RULE, 0, spec),
            r#"non-default capabilities (containers "b", "a" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)"#
        );
    }

    #[test]
    fn names_are_compared_to_the_letter() {
        let spec = r#"{"containers": [{"name": "a", "securityContext":
            {"capabilities": {"add": ["chown", "CAP_CHOWN", "ALL", ""]}}}]}"#;
        assert_eq!(
            said(&RULE, 0, spec),
            r#"non-default capabilities (container "a" must not include "", "ALL", "CAP_CHOWN", "chown" in securityContext.capabilities.add)"#
        );
    }

    #[test]
    fn all_thirteen_are_allowed_and_drop_is_not_read() {
        let add = format!("{ALLOWED:?}");
        let spec = format!(
            r#"{{"containers": [{{"securityContext": {{"capabilities": {{"add": {add}, "drop": ["x"]}}}}}},
                {{"securityContext": {{"capabilities": {{}}}}}}]}}"#
        );
        assert_eq!(said(&RULE, 0, &spec), "");
    }

    #[test]
    fn the_finding_names_the_entry() {
        let spec = r#"{"containers": [{"name": "app", "securityContext":
            {"capabilities": {"add": ["CHOWN", "SYS_ADMIN"]}}}]}"#;
        let lines = lines(&RULE, &[], spec);
        assert!(
            lines[0].starts_with(
                "containers[app].securityContext.capabilities.add[1] is \"SYS_ADMIN\""
            )
        );
        assert!(
            lines[0].ends_with("remove spec.containers[0].securityContext.capabilities.add[1]")
        );
    }
}
