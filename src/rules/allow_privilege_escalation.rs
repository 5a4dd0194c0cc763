//! `allowPrivilegeEscalation`: no process gains privileges that its parent lacks.
//!
//! | Field | Allowed | From |
//! |---|---|---|
//! | `{c}.securityContext.allowPrivilegeEscalation` | false | v1.8 |
//! | the same, where `spec.os.name` is `windows` | anything | v1.25 |
//!
//! `{c}` is every init, main and ephemeral container.

use super::controls;
use super::rule::{Check, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words;
use super::{Fill, Finding, Found, Remedy};
use crate::pod::{ContainerRef, FieldPath, PodView};

pub(super) static RULE: Rule = Rule {
    id: "allowPrivilegeEscalation",
    title: "Containers must forbid privilege escalation",
    reads: &[
        "spec.os.name",
        "spec.initContainers[*].securityContext.allowPrivilegeEscalation",
        "spec.containers[*].securityContext.allowPrivilegeEscalation",
        "spec.ephemeralContainers[*].securityContext.allowPrivilegeEscalation",
    ],
    allows: "`allowPrivilegeEscalation: false` in every container; absent counts as true. Windows pods are \
             exempt: the flag does not exist there.",
    why: "Without the kernel's no_new_privs flag a set-uid program or a file capability in the image turns an \
          ordinary process into root. An attacker who breaks into a non-root service then runs su, sudo, \
          ping or a planted binary and has root's capabilities to attack the kernel with.",
    fix: "Set `allowPrivilegeEscalation: false` on every container. Programs that call sudo at start should \
          be run as the user that they switch to.",
    fills: "An absent flag becomes `false`: safe. Not in a container that is privileged or adds SYS_ADMIN, since \
            the API server refuses the pair.",
    controls: &[
        controls::CIS_PRIVILEGE_ESCALATION,
        controls::NSA_POD_ENFORCEMENT,
        controls::NIST_RUNTIME,
        controls::MITRE_KERNEL,
    ],
    parameters: &[],
    build: |_| Box::new(NoNewPrivileges { windows_is_exempt: true }),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Restricted,
        revisions: &[8, 25],
        replaces: None,
        build: |revision| Box::new(NoNewPrivileges { windows_is_exempt: revision >= 25 }),
        explain,
    }),
};

#[derive(Debug)]
struct NoNewPrivileges {
    windows_is_exempt: bool,
}

impl Check for NoNewPrivileges {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if self.windows_is_exempt && pod.is_windows() {
            return;
        }
        for container in pod.containers() {
            let value =
                container.security_context().and_then(|context| context.allow_privilege_escalation);
            if value != Some(false) {
                let path =
                    pod.container_path(container, "securityContext.allowPrivilegeEscalation");
                findings.push(Finding {
                    remedy: remedy(pod, container, path.clone(), value.is_some()),
                    path,
                    found: value.map_or(Found::Absent, Found::Bool),
                    allowed: "false".into(),
                    clause: "",
                });
            }
        }
    }
}

fn remedy(
    pod: &PodView<'_>,
    container: ContainerRef<'_>,
    path: FieldPath,
    is_written: bool,
) -> Remedy {
    let context = container.security_context();
    let adds = context
        .and_then(|context| context.capabilities.as_ref())
        .and_then(|capabilities| capabilities.add.as_deref())
        .unwrap_or_default();
    // The API server takes `false` beside neither of the two.
    let advice = if context.and_then(|context| context.privileged) == Some(true) {
        format!(
            "remove privileged, beside which the API server refuses it, then set {path} to false"
        )
    } else if adds.iter().any(|name| matches!(&**name, "SYS_ADMIN" | "CAP_SYS_ADMIN")) {
        format!(
            "remove SYS_ADMIN, beside which the API server refuses it, then set {path} to false"
        )
    // Only the first revision asks it of them.
    } else if pod.is_windows() {
        "except the pod: the API server refuses the field on Windows".to_owned()
    } else {
        return Remedy::set_or_fill(is_written, path, "false", |path, value| {
            let reason =
                "only set-uid programs and file capabilities notice, such as sudo and ping";
            Fill::safe(path, value, reason)
        });
    };
    Remedy::Advice(advice.into())
}

fn explain(findings: &[Finding]) -> (String, String) {
    let containers = words::name_containers(&words::containers(findings));
    (
        "allowPrivilegeEscalation != false".to_owned(),
        format!("{containers} must set securityContext.allowPrivilegeEscalation=false"),
    )
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{WRITTEN, fills, fills_at, lines, said};

    const SPEC: &str = r#"{"os": {"name": "windows"}, "containers": [
        {"name": "a", "securityContext": {"allowPrivilegeEscalation": true}},
        {"name": "b"},
        {"name": "c", "securityContext": {"allowPrivilegeEscalation": false}}],
        "ephemeralContainers": [{"name": "d", "securityContext": {}}]}"#;

    #[test]
    fn absent_and_true_are_refused() {
        assert_eq!(
            said(&RULE, 8, SPEC),
            r#"allowPrivilegeEscalation != false (containers "a", "b", "d" must set securityContext.allowPrivilegeEscalation=false)"#
        );
    }

    #[test]
    fn windows_is_exempt_from_the_second_revision() {
        assert_eq!(said(&RULE, 25, SPEC), "");
    }

    #[test]
    fn the_finding_names_field_and_fix() {
        assert_eq!(
            lines(&RULE, &[], r#"{"containers": [{"name": "a"}]}"#),
            ["containers[a].securityContext.allowPrivilegeEscalation is absent, must be false; \
                 set spec.containers[0].securityContext.allowPrivilegeEscalation to false"]
        );
    }

    #[test]
    fn an_absent_flag_is_filled_in_where_the_api_server_takes_it() {
        for (context, expected) in [
            ("{}", "spec.containers[0].securityContext.allowPrivilegeEscalation=false safe"),
            (r#"{"allowPrivilegeEscalation": true}"#, WRITTEN),
            (r#"{"privileged": true}"#, "remove privileged, beside which"),
            (r#"{"capabilities": {"add": ["CAP_SYS_ADMIN"]}}"#, "remove SYS_ADMIN, beside which"),
        ] {
            let spec = format!(r#"{{"containers": [{{"securityContext": {context}}}]}}"#);
            let fills = fills(&RULE, &[], &spec);
            assert!(fills.len() == 1 && fills[0].starts_with(expected), "{context}: {fills:?}");
        }
        assert!(
            fills_at(&RULE, 8, r#"{"os": {"name": "windows"}, "containers": [{}]}"#)[0]
                .contains("on Windows")
        );
    }
}
