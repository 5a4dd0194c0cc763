//! `sysctls`: only kernel settings that stay inside the pod.
//!
//! | Field | Allowed | From |
//! |---|---|---|
//! | `spec.securityContext.sysctls[*].name` | the first 5 of [`SAFE`] | v1.0 |
//! | | the first 6 | v1.27 |
//! | | the first 10 | v1.29 |
//! | | the first 12 | v1.32 |
//! | | all 14 | v1.37 |

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words;
use super::{Finding, Found, Remedy};
use crate::pod::PodView;

pub(super) static RULE: Rule = Rule {
    id: "sysctls",
    title: "Sysctls must be among those that stay inside the pod",
    reads: &["spec.securityContext.sysctls[*].name"],
    allows: "Sysctls on the list of safe ones, spelled with dots, with any value.",
    why: "Most sysctls belong to the whole kernel or are not accounted to the pod that sets them. One that \
          sizes a kernel table starves the node's memory, one that weakens a network or memory protection \
          does so for neighbours too, and the attacker needs no bug for it.",
    fix: "Remove the sysctl. Set what the node needs on the node, by its own configuration; write safe ones \
          with dots, not slashes.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::NSA_HARDENING,
        controls::NIST_RUNTIME,
        controls::NIST_SHARED_KERNEL,
        controls::MITRE_DENIAL,
    ],
    parameters: &[],
    build: |_| Box::new(Sysctls { safe: &SAFE }),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[0, 27, 29, 32, 37],
        replaces: None,
        build: |revision| Box::new(Sysctls { safe: &SAFE[..safe_count(revision)] }),
        explain,
    }),
};

/// The safe sysctls, in the order in which they were declared safe.
const SAFE: [&str; 14] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_notsent_lowat",
];

/// How many of [`SAFE`] a revision knows.
fn safe_count(revision: u16) -> usize {
    match revision {
        0..27 => 5,
        27..29 => 6,
        29..32 => 10,
        32..37 => 12,
        37.. => 14,
    }
}

#[derive(Debug)]
struct Sysctls {
    safe: &'static [&'static str],
}

impl Check for Sysctls {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        let sysctls = pod.security_context().and_then(|context| context.sysctls.as_deref());
        for (index, sysctl) in sysctls.unwrap_or_default().iter().enumerate() {
            let name = sysctl.name.as_deref().unwrap_or_default();
            if !self.safe.contains(&name) {
                findings.push(Finding {
                    path: pod.path(format!("securityContext.sysctls[{index}].name")),
                    found: Found::Text(name.to_owned()),
                    allowed: format!("one of {}", self.safe.join(", ")).into(),
                    remedy: Remedy::Remove(pod.path(format!("securityContext.sysctls[{index}]"))),
                    clause: "",
                });
            }
        }
    }
}

fn explain(findings: &[Finding]) -> (String, String) {
    // Neither quoted, nor sorted, nor each once, unlike the values of every other check.
    let names: Vec<_> = findings.iter().map(words::text).collect();
    ("forbidden sysctls".to_owned(), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{RULE, SAFE};
    use crate::rules::testing::{lines, said};

    fn naming(names: &[&str]) -> String {
        let sysctls: Vec<_> =
            names.iter().map(|name| format!(r#"{{"name": "{name}", "value": "1"}}"#)).collect();
        format!(r#"{{"securityContext": {{"sysctls": [{}]}}}}"#, sysctls.join(","))
    }

    #[test]
    fn names_stand_in_list_order_with_repeats() {
        let spec = naming(&["b", "kernel.shm_rmid_forced", "a", "b", "net/ipv4/tcp_syncookies"]);
        assert_eq!(said(&RULE, 37, &spec), "forbidden sysctls (b, a, b, net/ipv4/tcp_syncookies)");
    }

    #[test]
    fn each_revision_adds_its_names() {
        for (revision, count) in [(0, 5), (27, 6), (29, 10), (32, 12), (37, 14)] {
            let expected = match &SAFE[count..] {
                [] => String::new(),
                rest => format!("forbidden sysctls ({})", rest.join(", ")),
            };
            assert_eq!(said(&RULE, revision, &naming(&SAFE)), expected);
        }
    }

    #[test]
    fn the_fix_removes_the_entry() {
        let lines = lines(&RULE, &[], &naming(&["kernel.shmmax"]));
        assert!(lines[0].starts_with("spec.securityContext.sysctls[0].name is \"kernel.shmmax\""));
        assert!(lines[0].ends_with("; remove spec.securityContext.sysctls[0]"));
    }
}
