//! `seLinuxOptions`: `SELinux` types are those of containers, user and role are not chosen.
//!
//! | Field | Allowed | From |
//! |---|---|---|
//! | `spec.securityContext.seLinuxOptions.type`, `{c}.securityContext.seLinuxOptions.type` | absent, empty, `container_t`, `container_init_t`, `container_kvm_t` | v1.0 |
//! | the same | `container_engine_t` too | v1.31 |
//! | `….user`, `….role` | absent, empty | v1.0 |
//!
//! `{c}` is every init, main and ephemeral container.

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words::{self, plural, quoted};
use super::{Finding, Found, Remedy};
use crate::pod::{FieldPath, PodView, SeLinuxOptions};

pub(super) static RULE: Rule = Rule {
    id: "seLinuxOptions",
    title: "SELinux options must keep processes of containers confined",
    reads: &[
        "spec.securityContext.seLinuxOptions.{type,user,role}",
        "spec.initContainers[*].securityContext.seLinuxOptions.{type,user,role}",
        "spec.containers[*].securityContext.seLinuxOptions.{type,user,role}",
        "spec.ephemeralContainers[*].securityContext.seLinuxOptions.{type,user,role}",
    ],
    allows: "`type` absent, empty, `container_t`, `container_init_t`, `container_kvm_t` or \
             `container_engine_t`; `user` and `role` absent or empty; any `level`.",
    why: "On nodes with SELinux the type is the last wall: a process that leaves its namespaces as \
          container_t still may not touch the node's files. As spc_t or unconfined_t it may, and a user or \
          role of its own choosing opens types that containers never get.",
    fix: "Remove the field and let the runtime choose. Relabel a volume, rather than widening the type, where \
          access to data is refused.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_SECURITY_CONTEXT,
        controls::NSA_HARDENING,
        controls::NIST_RUNTIME,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(SeLinux { types: &TYPES }),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[0, 31],
        replaces: None,
        build: |revision| {
            Box::new(SeLinux { types: if revision >= 31 { &TYPES } else { &TYPES[..4] } })
        },
        explain,
    }),
};

/// Allowed types; the last one since v1.31.
const TYPES: [&str; 5] =
    ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

const TYPE: &str = "type";
const USER: &str = "user";
const ROLE: &str = "role";

#[derive(Debug)]
struct SeLinux {
    types: &'static [&'static str],
}

impl Check for SeLinux {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if let Some(options) =
            pod.security_context().and_then(|context| context.se_linux_options.as_ref())
        {
            self.check_options(options, |field| pod.path(field), findings);
        }
        for container in pod.containers() {
            if let Some(options) =
                container.security_context().and_then(|context| context.se_linux_options.as_ref())
            {
                self.check_options(options, |field| pod.container_path(container, field), findings);
            }
        }
    }
}

impl SeLinux {
    fn check_options(
        &self,
        options: &SeLinuxOptions<'_>,
        path: impl Fn(String) -> FieldPath,
        findings: &mut Vec<Finding>,
    ) {
        let mut forbid = |clause: &'static str, value: &str, allowed: String| {
            let path = path(format!("securityContext.seLinuxOptions.{clause}"));
            findings.push(Finding {
                remedy: Remedy::Remove(path.clone()),
                path,
                found: Found::Text(value.to_owned()),
                allowed: allowed.into(),
                clause,
            });
        };
        if let Some(kind) = options.kind.as_deref()
            && !self.types.contains(&kind)
        {
            forbid(TYPE, kind, format!("absent or one of {}", self.types[1..].join(", ")));
        }
        for (clause, value) in [(USER, &options.user), (ROLE, &options.role)] {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                forbid(clause, value, "absent or empty".to_owned());
            }
        }
    }
}

fn explain(findings: &[Finding]) -> (String, String) {
    let mut data = Vec::new();
    let types = words::values(findings.iter().filter(|finding| finding.clause == TYPE));
    if !types.is_empty() {
        data.push(format!("{} {}", plural(types.len(), "type", "types"), quoted(types)));
    }
    for clause in [USER, ROLE] {
        if findings.iter().any(|finding| finding.clause == clause) {
            data.push(format!("{clause} may not be set"));
        }
    }
    let detail = format!(
        "{} set forbidden securityContext.seLinuxOptions: {}",
        words::setters(findings),
        data.join("; ")
    );
    ("seLinuxOptions".to_owned(), detail)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{lines, said};

    #[test]
    fn pod_and_containers_are_told_with_all_that_occurred() {
        let spec = r#"{"securityContext": {"seLinuxOptions": {"role": "r"}}, "containers": [
            {"name": "a", "securityContext": {"seLinuxOptions": {"type": "spc_t", "user": "u"}}},
            {"name": "b", "securityContext": {"seLinuxOptions": {"type": "bar"}}},
            {"name": "c", "securityContext": {"seLinuxOptions": {"type": "", "user": "", "level": "s0"}}}]}"#;
        assert_eq!(
            said(&RULE, 0, spec),
            r#"seLinuxOptions (pod and containers "a", "b" set forbidden securityContext.seLinuxOptions: types "bar", "spc_t"; user may not be set; role may not be set)"#
        );
    }

    #[test]
    fn the_engine_type_came_with_the_second_revision() {
        let spec = r#"{"securityContext": {"seLinuxOptions": {"type": "container_engine_t"}}}"#;
        assert_eq!(
            said(&RULE, 0, spec),
            r#"seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "container_engine_t")"#
        );
        assert_eq!(said(&RULE, 31, spec), "");
        assert_eq!(said(&RULE, 0, &spec.replace("engine", "kvm")), "");
    }

    #[test]
    fn the_finding_names_field_and_fix() {
        let spec = r#"{"containers": [{"name": "a", "securityContext": {"seLinuxOptions": {"user": "u"}}}]}"#;
        assert_eq!(
            lines(&RULE, &[], spec),
            [
                "containers[a].securityContext.seLinuxOptions.user is \"u\", must be absent or empty; \
                 remove spec.containers[0].securityContext.seLinuxOptions.user"
            ]
        );
    }
}
