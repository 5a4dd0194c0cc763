//! `hostPorts`: no container takes a port of the node.
//!
//! | Field | Allowed |
//! |---|---|
//! | `{c}.ports[*].hostPort` | absent, 0 |
//!
//! `{c}` is every init, main and ephemeral container. One revision: v1.0.

use std::collections::BTreeSet;

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words::{self, plural};
use super::{Finding, Found, Remedy};
use crate::pod::PodView;

pub(super) static RULE: Rule = Rule {
    id: "hostPorts",
    title: "Containers must not take ports of the node",
    reads: &[
        "spec.initContainers[*].ports[*].hostPort",
        "spec.containers[*].ports[*].hostPort",
        "spec.ephemeralContainers[*].ports[*].hostPort",
    ],
    allows: "`hostPort` absent or 0 in every port of every container.",
    why: "A hostPort is answered on the node's own address, where NetworkPolicies often do not reach and \
          firewalls trust what listens. An attacker who holds one takes over a well-known port of the node, \
          receives traffic meant for another service, and opens a way in from outside the cluster.",
    fix: "Remove `hostPort` and expose the container with a Service. With `hostNetwork: true` the API server \
          sets hostPort to containerPort by itself, so `hostNetwork` has to go.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_HOST_PORTS,
        controls::NSA_POD_ENFORCEMENT,
        controls::NIST_UNBOUNDED_NETWORK,
    ],
    parameters: &[],
    build: |_| Box::new(HostPorts),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[0],
        replaces: None,
        build: |_| Box::new(HostPorts),
        explain,
    }),
};

#[derive(Debug)]
struct HostPorts;

impl Check for HostPorts {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        for container in pod.containers() {
            for (index, port) in container.ports.as_deref().unwrap_or_default().iter().enumerate() {
                let Some(number) = port.host_port.filter(|&number| number != 0) else { continue };
                let path = pod.container_path(container, format!("ports[{index}].hostPort"));
                findings.push(Finding {
                    remedy: if pod.spec().host_network == Some(true) {
                        Remedy::Advice(
                            "remove hostNetwork and hostPort: with hostNetwork every containerPort is a hostPort"
                                .into(),
                        )
                    } else {
                        Remedy::Remove(path.clone())
                    },
                    path,
                    found: Found::Number(number),
                    allowed: "absent or 0".into(),
                    clause: "",
                });
            }
        }
    }
}

fn explain(findings: &[Finding]) -> (String, String) {
    let names = words::containers(findings);
    // Sorted as strings: upstream sorts what it prints.
    let ports: BTreeSet<_> = findings.iter().map(|finding| finding.found.to_string()).collect();
    let detail = format!(
        "{} {} {} {}",
        words::name_containers(&names),
        plural(names.len(), "uses", "use"),
        plural(ports.len(), "hostPort", "hostPorts"),
        ports.into_iter().collect::<Vec<_>>().join(", ")
    );
    ("hostPort".to_owned(), detail)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{lines, said};

    #[test]
    fn ports_are_sorted_as_strings_and_each_is_named_once() {
        let spec = r#"{"containers": [
            {"name": "a", "ports": [{"hostPort": 80}, {"hostPort": 8080}]},
            {"name": "b", "ports": [{"hostPort": 443}, {"hostPort": 80}]}]}"#;
        assert_eq!(
            said(&RULE, 0, spec),
            r#"hostPort (containers "a", "b" use hostPorts 443, 80, 8080)"#
        );
    }

    #[test]
    fn zero_is_none_and_a_negative_number_is_a_port() {
        let spec =
            r#"{"containers": [{"name": "a", "ports": [{"hostPort": 0}, {"hostPort": -1}, {}]}]}"#;
        assert_eq!(said(&RULE, 0, spec), r#"hostPort (container "a" uses hostPort -1)"#);
    }

    #[test]
    fn the_fix_says_when_the_host_network_is_the_cause() {
        let spec = r#"{"containers": [{"name": "a", "ports": [{}, {"hostPort": 80}]}]}"#;
        assert_eq!(
            lines(&RULE, &[], spec),
            [
                "containers[a].ports[1].hostPort is 80, must be absent or 0; remove spec.containers[0].ports[1].hostPort"
            ]
        );
        let spec =
            r#"{"hostNetwork": true, "containers": [{"name": "a", "ports": [{"hostPort": 80}]}]}"#;
        assert!(lines(&RULE, &[], spec)[0].ends_with("every containerPort is a hostPort"));
    }
}
