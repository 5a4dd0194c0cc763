//! `capabilities_restricted`: every container drops all capabilities.
//!
//! | Field | Allowed | From |
//! |---|---|---|
//! | `{c}.securityContext.capabilities.drop` | a list that contains `ALL` | v1.22 |
//! | `{c}.securityContext.capabilities.add[*]` | `NET_BIND_SERVICE` | v1.22 |
//! | both, where `spec.os.name` is `windows` | anything | v1.25 |
//!
//! `{c}` is every init, main and ephemeral container. Replaces `capabilities_baseline`.
//!
//! The Windows exemption trusts `os.name`: only the API server's validation keeps a pod that calls
//! itself a Windows pod from adding capabilities. Input that no API server has validated should be
//! held to `capabilities_baseline` too.

use super::controls;
use super::rule::{Check, PodSecurityCheck, PodSecurityLevel, Rule};
use super::user;
use super::words::{self, quoted};
use super::{Fill, Finding, Found, Remedy};
use crate::pod::{ContainerRef, PodView};

pub(super) static RULE: Rule = Rule {
    id: "capabilities_restricted",
    title: "Containers must drop all capabilities",
    reads: &[
        "spec.os.name",
        "spec.initContainers[*].securityContext.capabilities",
        "spec.containers[*].securityContext.capabilities",
        "spec.ephemeralContainers[*].securityContext.capabilities",
    ],
    allows: "`drop` contains `ALL`, and `add` names nothing but `NET_BIND_SERVICE`. Windows pods are exempt: \
             capabilities do not exist there.",
    why: "The runtime gives even an ordinary container a dozen of root's powers: to ignore file permissions, \
          to make device nodes, to change identity and often to forge packets. They are what a compromised \
          root process works with, and most kernel exploits start from one of them.",
    fix: "Set `capabilities: {drop: [ALL]}` on every container. A server on a port below 1024 may add \
          NET_BIND_SERVICE, but listening on a higher port needs nothing.",
    fills: "An absent `drop` becomes `[ALL]`: safe where the container is sure not to start as root, else risky. \
            Lists that somebody wrote stay.",
    controls: &[
        controls::CIS_NET_RAW,
        controls::CIS_ADDED_CAPABILITIES,
        controls::CIS_ASSIGNED_CAPABILITIES,
        controls::NSA_POD_ENFORCEMENT,
        controls::NIST_RUNTIME,
        controls::MITRE_KERNEL,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(Dropped { windows_is_exempt: true }),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Restricted,
        revisions: &[22, 25],
        replaces: Some("capabilities_baseline"),
        build: |revision| Box::new(Dropped { windows_is_exempt: revision >= 25 }),
        explain,
    }),
};

/// The clause that `ALL` is dropped.
const DROP: &str = "drop";
/// The clause that nothing is added.
const ADD: &str = "add";

#[derive(Debug)]
struct Dropped {
    windows_is_exempt: bool,
}

impl Check for Dropped {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if self.windows_is_exempt && pod.is_windows() {
            return;
        }
        for container in pod.containers() {
            check_container(pod, container, findings);
        }
    }
}

fn check_container(pod: &PodView<'_>, container: ContainerRef<'_>, findings: &mut Vec<Finding>) {
    let capabilities =
        container.security_context().and_then(|context| context.capabilities.as_ref());
    let written = capabilities.and_then(|c| c.drop.as_deref());
    let drop = written.unwrap_or_default();
    if !drop.iter().any(|name| &**name == "ALL") {
        let path = pod.container_path(container, "securityContext.capabilities.drop");
        findings.push(Finding {
            remedy: drop_all(pod, container, written.is_some()),
            path,
            found: if drop.is_empty() {
                Found::Absent
            } else {
                Found::Texts(drop.iter().map(|name| name.to_string()).collect())
            },
            allowed: "a list that contains \"ALL\"".into(),
            clause: DROP,
        });
    }
    let add = capabilities.and_then(|c| c.add.as_deref()).unwrap_or_default();
    for (index, name) in add.iter().enumerate() {
        if &**name != "NET_BIND_SERVICE" {
            let field = format!("securityContext.capabilities.add[{index}]");
            let path = pod.container_path(container, field);
            findings.push(Finding {
                remedy: Remedy::Remove(path.clone()),
                path,
                found: Found::Text(name.to_string()),
                allowed: "absent or \"NET_BIND_SERVICE\"".into(),
                clause: ADD,
            });
        }
    }
}

fn drop_all(pod: &PodView<'_>, container: ContainerRef<'_>, is_written: bool) -> Remedy {
    // Only the first revision asks it of them.
    if pod.is_windows() {
        return Remedy::Advice(
            "except the pod: the API server refuses capabilities on Windows".into(),
        );
    }
    let path = pod.container_path(container, "securityContext.capabilities.drop");
    Remedy::set_or_fill(is_written, path, "[\"ALL\"]", |path, value| {
        if user::is_surely_not_root(pod, container) {
            let reason = "a process that does not start as root has no capability to lose, unless a file grants it one";
            Fill::safe(path, value, reason)
        } else {
            let reason = "the container may start as root, and an entry point that changes owners or its own user then stops";
            Fill::risky(path, value, reason)
        }
    })
}

fn explain(findings: &[Finding]) -> (String, String) {
    let mut clauses = Vec::new();
    let keeping = words::containers(findings.iter().filter(|finding| finding.clause == DROP));
    if !keeping.is_empty() {
        let containers = words::name_containers(&keeping);
        clauses.push(format!(r#"{containers} must set securityContext.capabilities.drop=["ALL"]"#));
    }
    let added = findings.iter().filter(|finding| finding.clause == ADD);
    let adding = words::containers(added.clone());
    if !adding.is_empty() {
        clauses.push(format!(
            "{} must not include {} in securityContext.capabilities.add",
            words::name_containers(&adding),
            quoted(words::values(added))
        ));
    }
    ("unrestricted capabilities".to_owned(), clauses.join("; "))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{WRITTEN, fills, fills_at, lines, said};

    const SPEC: &str = r#"{"os": {"name": "windows"}, "containers": [
        {"name": "a", "securityContext": {"capabilities": {"add": ["SYS_ADMIN", "CHOWN"]}}},
        {"name": "b", "securityContext": {"capabilities": {"drop": ["ALL"], "add": ["CHOWN", "NET_BIND_SERVICE"]}}},
        {"name": "c", "securityContext": {"capabilities": {"drop": ["all", "NET_RAW"]}}}]}"#;

    #[test]
    fn both_clauses_are_told_with_their_own_containers() {
        assert_eq!(
            said(&RULE, 22, SPEC),
            r#"unrestricted capabilities (containers "a", "c" must set securityContext.capabilities.drop=["ALL"]; containers "a", "b" must not include "CHOWN", "SYS_ADMIN" in securityContext.capabilities.add)"#
        );
    }

    #[test]
    fn windows_is_exempt_from_the_second_revision() {
        assert_eq!(said(&RULE, 25, SPEC), "");
        assert!(!said(&RULE, 25, &SPEC.replace("windows", "Windows")).is_empty());
    }

    #[test]
    fn ephemeral_containers_and_containers_without_a_context_are_read() {
        let spec = r#"{"containers": [{"name": "a", "securityContext": {"capabilities": {}}}],
            "ephemeralContainers": [{"name": "b"}]}"#;
        assert_eq!(
            said(&RULE, 25, spec),
            r#"unrestricted capabilities (containers "a", "b" must set securityContext.capabilities.drop=["ALL"])"#
        );
    }

    #[test]
    fn the_findings_show_the_list_and_the_entry() {
        let spec = r#"{"containers": [{"name": "a", "securityContext":
            {"capabilities": {"drop": ["NET_RAW"], "add": ["KILL"]}}}]}"#;
        assert_eq!(
            lines(&RULE, &[], spec),
            [
                "containers[a].securityContext.capabilities.drop is [\"NET_RAW\"], must be a list that contains \
                 \"ALL\"; set spec.containers[0].securityContext.capabilities.drop to [\"ALL\"]",
                "containers[a].securityContext.capabilities.add[0] is \"KILL\", must be absent or \
                 \"NET_BIND_SERVICE\"; remove spec.containers[0].securityContext.capabilities.add[0]",
            ]
        );
    }

    #[test]
    fn all_is_dropped_where_nothing_is_and_safely_where_nobody_starts_as_root() {
        let safe = "spec.containers[0].securityContext.capabilities.drop=[\"ALL\"] safe";
        let risky = "spec.containers[0].securityContext.capabilities.drop=[\"ALL\"] risky";
        for (pod, container, expected) in [
            ("{}", "{}", risky),
            ("{}", r#"{"capabilities": {"drop": null}, "runAsUser": 0}"#, risky),
            ("{}", r#"{"runAsUser": 1}"#, safe),
            (r#"{"runAsUser": 1}"#, "{}", safe),
            (r#"{"runAsUser": 1}"#, r#"{"runAsUser": 0}"#, risky),
            (r#"{"runAsNonRoot": true}"#, "{}", safe),
            (r#"{"runAsNonRoot": true}"#, r#"{"runAsNonRoot": false}"#, risky),
            ("{}", r#"{"capabilities": {"drop": []}}"#, WRITTEN),
            ("{}", r#"{"capabilities": {"drop": ["NET_RAW"]}}"#, WRITTEN),
        ] {
            let spec = format!(
                r#"{{"securityContext": {pod}, "containers": [{{"securityContext": {container}}}]}}"#
            );
            assert_eq!(fills(&RULE, &[], &spec), [expected], "{spec}");
        }
        assert!(
            fills_at(&RULE, 22, r#"{"os": {"name": "windows"}, "containers": [{}]}"#)[0]
                .contains("on Windows")
        );
    }
}
