//! `windowsHostProcess`: no Windows container runs on the host itself.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.securityContext.windowsOptions.hostProcess`, `{c}.securityContext.windowsOptions.hostProcess` | absent, false |
//!
//! `{c}` is every init, main and ephemeral container. One revision: v1.0.

use super::controls;
use super::rule::{Check, FILLS_NOTHING, PodSecurityCheck, PodSecurityLevel, Rule};
use super::words;
use super::{Finding, Found, Remedy};
use crate::pod::{FieldPath, PodView, WindowsOptions};

pub(super) static RULE: Rule = Rule {
    id: "windowsHostProcess",
    title: "Windows containers must not run as host processes",
    reads: &[
        "spec.securityContext.windowsOptions.hostProcess",
        "spec.initContainers[*].securityContext.windowsOptions.hostProcess",
        "spec.containers[*].securityContext.windowsOptions.hostProcess",
        "spec.ephemeralContainers[*].securityContext.windowsOptions.hostProcess",
    ],
    allows: "`hostProcess` absent or false, in the pod and in every container.",
    why: "A HostProcess container is no container: it runs on the Windows node itself, in the node's network \
          and file system, as SYSTEM if it asks. It is the Windows form of a privileged container, and \
          whoever runs code in it owns the node.",
    fix: "Remove `hostProcess`. Agents that configure Windows nodes belong in a namespace of their own, under \
          an exception.",
    fills: FILLS_NOTHING,
    controls: &[
        controls::CIS_WINDOWS_HOST_PROCESS,
        controls::NIST_RUNTIME,
        controls::MITRE_DEPLOY,
        controls::MITRE_ESCAPE,
    ],
    parameters: &[],
    build: |_| Box::new(HostProcess),
    pod_security: Some(PodSecurityCheck {
        level: PodSecurityLevel::Baseline,
        revisions: &[0],
        replaces: None,
        build: |_| Box::new(HostProcess),
        explain,
    }),
};

const FIELD: &str = "securityContext.windowsOptions.hostProcess";

#[derive(Debug)]
struct HostProcess;

impl Check for HostProcess {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if is_host_process(
            pod.security_context().and_then(|context| context.windows_options.as_ref()),
        ) {
            findings.push(forbidden(pod.path(FIELD)));
        }
        for container in pod.containers() {
            let context = container.security_context();
            if is_host_process(context.and_then(|context| context.windows_options.as_ref())) {
                findings.push(forbidden(pod.container_path(container, FIELD)));
            }
        }
    }
}

fn is_host_process(options: Option<&WindowsOptions<'_>>) -> bool {
    options.is_some_and(|options| options.host_process == Some(true))
}

fn forbidden(path: FieldPath) -> Finding {
    Finding {
        remedy: Remedy::Remove(path.clone()),
        path,
        found: Found::Bool(true),
        allowed: "absent or false".into(),
        clause: "",
    }
}

fn explain(findings: &[Finding]) -> (String, String) {
    let setters = words::setters(findings);
    ("hostProcess".to_owned(), format!("{setters} must not set {FIELD}=true"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::said;

    const POD: &str = r#""securityContext": {"windowsOptions": {"hostProcess": true}}"#;

    #[test]
    fn the_pod_alone_is_told() {
        assert_eq!(
            said(&RULE, 0, &format!(r#"{{{POD}, "os": {{"name": "linux"}}}}"#)),
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)"
        );
    }

    #[test]
    fn a_container_alone_is_told() {
        assert_eq!(
            said(&RULE, 0, &format!(r#"{{"containers": [{{"name": "a", {POD}}}]}}"#)),
            r#"hostProcess (container "a" must not set securityContext.windowsOptions.hostProcess=true)"#
        );
    }

    #[test]
    fn both_are_joined() {
        let spec = format!(
            r#"{{{POD}, "initContainers": [{{"name": "a", {POD}}}], "containers": [{{"name": "a", {POD}}}]}}"#
        );
        assert_eq!(
            said(&RULE, 0, &spec),
            r#"hostProcess (pod and containers "a", "a" must not set securityContext.windowsOptions.hostProcess=true)"#
        );
    }

    #[test]
    fn empty_options_are_allowed() {
        assert_eq!(said(&RULE, 0, r#"{"securityContext": {"windowsOptions": {}}}"#), "");
    }
}
