//! `resources`: every container says what it needs and what it may use at most.
//!
//! | Field | Allowed |
//! |---|---|
//! | `{c}.resources.limits` | names every resource of the parameter `limits` |
//! | `{c}.resources.requests` | names every resource of the parameter `requests`, or `limits` does |
//!
//! `{c}` is every init and main container; ephemeral containers cannot have resources. A limit stands
//! for a missing request, as the API server has it. Resources of the pod as a whole are not read.

use super::controls;
use super::rule::{Arguments, Check, Parameter, Rule, Shape};
use super::{Finding, Found, Remedy};
use crate::pod::{ContainerList, PodView};

pub(super) static RULE: Rule = Rule {
    id: "resources",
    title: "Containers must state requests and limits",
    reads: &["spec.initContainers[*].resources", "spec.containers[*].resources"],
    allows: "Limits for what `limits` lists, and requests (or limits) for what `requests` lists, in every \
             init and main container.",
    why: "Containers share the node's memory, processors and disk. One without limits that leaks, mines \
          coins or is flooded with requests takes them from its neighbours until the kernel kills somebody \
          else's process, and without requests the scheduler cannot know that the node is full.",
    fix: "Set `resources.requests` to what the container usually takes and `resources.limits.memory` to what \
          it may take at most. A LimitRange gives defaults to a whole namespace.",
    fills: "Nothing: the numbers are known to nobody but the owner.",
    controls: &[controls::NSA_HARDENING, controls::MITRE_HIJACKING, controls::MITRE_DENIAL],
    parameters: &[
        Parameter {
            name: "limits",
            shape: Shape::SomeOf(KINDS),
            doc: "Resources that must have a limit. Default `[memory]`.",
        },
        Parameter {
            name: "requests",
            shape: Shape::SomeOf(KINDS),
            doc: "Resources that must have a request. Default `[cpu, memory]`.",
        },
    ],
    build: |arguments: &Arguments| {
        Box::new(Resources {
            limits: listed(arguments, "limits", &["memory"]),
            requests: listed(arguments, "requests", &["cpu", "memory"]),
        })
    },
    pod_security: None,
};

const KINDS: &[&str] = &["cpu", "memory", "ephemeral-storage"];

fn listed(arguments: &Arguments, name: &str, default: &[&str]) -> Vec<String> {
    match arguments.texts(name) {
        Some(texts) => texts.to_vec(),
        None => default.iter().map(|&kind| kind.to_owned()).collect(),
    }
}

#[derive(Debug)]
struct Resources {
    limits: Vec<String>,
    requests: Vec<String>,
}

impl Check for Resources {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        for container in
            pod.containers().filter(|container| container.list != ContainerList::Ephemeral)
        {
            let resources = container.resources.as_ref();
            let limits = resources.and_then(|resources| resources.limits.as_ref());
            let requests = resources.and_then(|resources| resources.requests.as_ref());
            let is_limited = |kind: &str| limits.is_some_and(|names| names.contains(kind));
            let is_requested = |kind: &str| requests.is_some_and(|names| names.contains(kind));
            let mut miss = |part: &str, kind: &str| {
                findings.push(Finding {
                    path: pod.container_path(container, format!("resources.{part}.{kind}")),
                    found: Found::Absent,
                    allowed: "set".into(),
                    remedy: Remedy::Advice(
                        format!("set resources.{part}.{kind} from what the container uses").into(),
                    ),
                    clause: "",
                });
            };
            for kind in self.limits.iter().filter(|kind| !is_limited(kind)) {
                miss("limits", kind);
            }
            for kind in self.requests.iter().filter(|kind| !is_requested(kind) && !is_limited(kind))
            {
                miss("requests", kind);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{lines, texts};

    #[test]
    fn memory_is_limited_and_both_are_requested_by_default() {
        let spec = r#"{"initContainers": [{"name": "i", "resources": {"limits": {"memory": "1Gi"}}}],
            "containers": [{"name": "a", "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": 1}}}, {"name": "b"}]}"#;
        let fields: Vec<_> = lines(&RULE, &[], spec)
            .iter()
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect();
        assert_eq!(
            fields,
            [
                "initContainers[i].resources.requests.cpu",
                "containers[b].resources.limits.memory",
                "containers[b].resources.requests.cpu",
                "containers[b].resources.requests.memory",
            ]
        );
    }

    #[test]
    fn the_parameters_choose_what_is_asked() {
        let arguments = [("limits", texts(&["ephemeral-storage"])), ("requests", texts(&[]))];
        assert_eq!(
            lines(&RULE, &arguments, r#"{"containers": [{"name": "a"}]}"#),
            ["containers[a].resources.limits.ephemeral-storage is absent, must be set; \
                 set resources.limits.ephemeral-storage from what the container uses"]
        );
    }

    #[test]
    fn ephemeral_containers_are_exempt() {
        assert!(lines(&RULE, &[], r#"{"ephemeralContainers": [{"name": "a"}]}"#).is_empty());
    }
}
