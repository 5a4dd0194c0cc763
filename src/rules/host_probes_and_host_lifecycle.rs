//! `hostProbesAndHostLifecycle`: probes and lifecycle hooks connect to the pod itself.
//!
//! | Field | Allowed |
//! |---|---|
//! | `{c}.livenessProbe`, `.readinessProbe`, `.startupProbe`: `.httpGet.host`, `.tcpSocket.host` | absent, empty |
//! | `{c}.lifecycle.postStart`, `.preStop`: `.httpGet.host`, `.tcpSocket.host` | absent, empty |
//!
//! `{c}` is every init, main and ephemeral container. One revision: v1.34.

use std::collections::BTreeSet;

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words::{self, plural, quoted};
use super::{Finding, Found, Remedy};
use crate::pod::{PodView, Probe};

pub(super) static RULE: Rule = Rule {
    id: "hostProbesAndHostLifecycle",
    title: "Probes and lifecycle hooks must not name a host",
    reads: &[
        "spec.initContainers[*].{livenessProbe,readinessProbe,startupProbe}.{httpGet,tcpSocket}.host",
        "spec.initContainers[*].lifecycle.{postStart,preStop}.{httpGet,tcpSocket}.host",
        "spec.containers[*].{livenessProbe,readinessProbe,startupProbe}.{httpGet,tcpSocket}.host",
        "spec.containers[*].lifecycle.{postStart,preStop}.{httpGet,tcpSocket}.host",
        "spec.ephemeralContainers[*].{livenessProbe,readinessProbe,startupProbe}.{httpGet,tcpSocket}.host",
        "spec.ephemeralContainers[*].lifecycle.{postStart,preStop}.{httpGet,tcpSocket}.host",
    ],
    allows: "`host` absent or empty, which is the pod's own address. Even `localhost` is refused: it is the \
             node's, not the pod's.",
    why: "The kubelet runs probes and hooks from the node. A host of the author's choosing makes it send \
          requests to services on the node's loopback, to the cloud's metadata address, or into networks \
          that the pod itself cannot reach. Probe results tell the author what answered.",
    fix: "Remove `host`. To send a Host header, set it in `httpGet.httpHeaders`.",
    fills: FILLS_NOTHING,
    controls: &[controls::NIST_UNBOUNDED_NETWORK, controls::MITRE_DISCOVERY],
    parameters: &[],
    build: |_| Box::new(HostProbes),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[34],
        replaces: None,
        build: |_| Box::new(HostProbes),
        explain,
    }),
};

#[derive(Debug)]
struct HostProbes;

impl Check for HostProbes {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        for container in pod.containers() {
            let lifecycle = container.lifecycle.as_ref();
            for (field, probe) in [
                ("livenessProbe", container.liveness_probe.as_ref()),
                ("readinessProbe", container.readiness_probe.as_ref()),
                ("startupProbe", container.startup_probe.as_ref()),
                ("lifecycle.postStart", lifecycle.and_then(|hooks| hooks.post_start.as_ref())),
                ("lifecycle.preStop", lifecycle.and_then(|hooks| hooks.pre_stop.as_ref())),
            ] {
                for (handler, host) in probe.into_iter().flat_map(hosts) {
                    let path = pod.container_path(container, format!("{field}.{handler}.host"));
                    findings.push(Finding {
                        remedy: Remedy::Remove(path.clone()),
                        path,
                        found: Found::Text(host.to_owned()),
                        allowed: "absent or empty".into(),
                        clause: "",
                    });
                }
            }
        }
    }
}

/// The hosts that a probe or hook names.
fn hosts<'p>(probe: &'p Probe<'_>) -> impl Iterator<Item = (&'static str, &'p str)> {
    [("httpGet", &probe.http_get), ("tcpSocket", &probe.tcp_socket)].into_iter().filter_map(
        |(name, handler)| {
            let host = handler.as_ref()?.host.as_deref()?;
            (!host.is_empty()).then_some((name, host))
        },
    )
}

fn explain(findings: &[Finding]) -> (String, String) {
    // Of all checks, only this one sorts its containers and names each once.
    let names: BTreeSet<_> = words::containers(findings).into_iter().collect();
    let names: Vec<_> = names.into_iter().collect();
    let hosts = words::values(findings);
    let detail = format!(
        "{} {} {} {}",
        words::name_containers(&names),
        plural(names.len(), "uses", "use"),
        plural(hosts.len(), "probe or lifecycle host", "probe or lifecycle hosts"),
        quoted(hosts)
    );
    ("probe or lifecycle host".to_owned(), detail)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{lines, said};

    #[test]
    fn containers_and_hosts_are_sorted_and_named_once() {
        let spec = r#"{
            "initContainers": [{"name": "z", "startupProbe": {"tcpSocket": {"host": "b"}}}],
            "containers": [{"name": "a", "lifecycle": {"preStop": {"httpGet": {"host": "localhost"}}}}],
            "ephemeralContainers": [{"name": "a", "readinessProbe": {"httpGet": {"host": "b"}}}]
        }"#;
        assert_eq!(
            said(&RULE, 34, spec),
            r#"probe or lifecycle host (containers "a", "z" use probe or lifecycle hosts "b", "localhost")"#
        );
    }

    #[test]
    fn an_empty_host_is_the_pod() {
        let spec = r#"{"containers": [{"livenessProbe": {"httpGet": {"host": "", "port": 80}},
            "readinessProbe": {"tcpSocket": {"port": 80}}, "startupProbe": {"grpc": {}},
            "lifecycle": {"postStart": {"exec": {}}, "preStop": null}}]}"#;
        assert_eq!(said(&RULE, 34, spec), "");
    }

    #[test]
    fn the_finding_names_field_and_fix() {
        let spec = r#"{"containers": [{"name": "a", "lifecycle": {"postStart": {"tcpSocket": {"host": "::1"}}}}]}"#;
        assert_eq!(
            lines(&RULE, &[], spec),
            [
                "containers[a].lifecycle.postStart.tcpSocket.host is \"::1\", must be absent or empty; \
                 remove spec.containers[0].lifecycle.postStart.tcpSocket.host"
            ]
        );
    }
}
