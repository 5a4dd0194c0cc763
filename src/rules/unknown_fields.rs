//! `unknownFields`: nothing in a security context goes unread.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.securityContext`, `{c}.securityContext` and the objects in them | only fields that Podgate knows |
//!
//! `{c}` is every init, main and ephemeral container. The API server drops fields that it does not know,
//! so on a live cluster what is found here is what a Kubernetes newer than Podgate has added.

use super::controls;
use super::rule::{Check, FILLS_NOTHING, Rule};
use super::{Finding, Found, Remedy};
use crate::pod::{FieldPath, PodSecurityContext, PodView, SecurityContext, Text};

pub(super) static RULE: Rule = Rule {
    id: "unknownFields",
    title: "Security contexts must hold no field that Podgate does not know",
    reads: &[
        "spec.securityContext",
        "spec.initContainers[*].securityContext",
        "spec.containers[*].securityContext",
        "spec.ephemeralContainers[*].securityContext",
    ],
    allows: "The fields of Kubernetes 1.37, in the security contexts of pod and containers and in the objects \
             within.",
    why: "A field that no rule reads is a way past all of them. When Kubernetes adds a setting that lets a \
          container out, a gate that does not know it waves it through; a misspelt field in a manifest is a \
          protection that somebody believes in and does not have.",
    fix: "Correct the spelling, remove the field, or upgrade Podgate to a version that knows it.",
    fills: FILLS_NOTHING,
    controls: &[controls::CIS_SECURITY_CONTEXT, controls::NIST_RUNTIME],
    parameters: &[],
    build: |_| Box::new(UnknownFields),
    pod_security: None,
};

#[derive(Debug)]
struct UnknownFields;

impl Check for UnknownFields {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        if let Some(context) = pod.security_context() {
            visit_pod(context, |within, names| {
                report(within, names, |field| pod.path(field), findings);
            });
        }
        for container in pod.containers() {
            if let Some(context) = container.security_context() {
                visit_container(context, |within, names| {
                    report(within, names, |field| pod.container_path(container, field), findings);
                });
            }
        }
    }
}

/// What lies below a security context, and whether it is an entry of a list.
#[derive(Clone, Copy)]
enum Within {
    Itself,
    Field(&'static str),
    Sysctl(usize),
}

/// An object of `field`, where it is present.
macro_rules! visit_object {
    ($visit:ident, $context:ident.$field:ident, $name:literal) => {
        if let Some(object) = &$context.$field {
            $visit(Within::Field($name), &object.unknown);
        }
    };
}

fn visit_pod(context: &PodSecurityContext<'_>, mut visit: impl FnMut(Within, &[Text<'_>])) {
    visit(Within::Itself, &context.unknown);
    visit_object!(visit, context.app_armor_profile, "appArmorProfile");
    visit_object!(visit, context.se_linux_options, "seLinuxOptions");
    visit_object!(visit, context.seccomp_profile, "seccompProfile");
    for (index, sysctl) in context.sysctls.as_deref().unwrap_or_default().iter().enumerate() {
        visit(Within::Sysctl(index), &sysctl.unknown);
    }
    visit_object!(visit, context.windows_options, "windowsOptions");
}

fn visit_container(context: &SecurityContext<'_>, mut visit: impl FnMut(Within, &[Text<'_>])) {
    visit(Within::Itself, &context.unknown);
    visit_object!(visit, context.app_armor_profile, "appArmorProfile");
    visit_object!(visit, context.capabilities, "capabilities");
    visit_object!(visit, context.se_linux_options, "seLinuxOptions");
    visit_object!(visit, context.seccomp_profile, "seccompProfile");
    visit_object!(visit, context.windows_options, "windowsOptions");
}

fn report(
    within: Within,
    names: &[Text<'_>],
    path: impl Fn(String) -> FieldPath,
    findings: &mut Vec<Finding>,
) {
    for name in names {
        let field = match within {
            Within::Itself => format!("securityContext.{}", &**name),
            Within::Field(object) => format!("securityContext.{object}.{}", &**name),
            Within::Sysctl(index) => format!("securityContext.sysctls[{index}].{}", &**name),
        };
        findings.push(Finding {
            path: path(field),
            found: Found::Present,
            allowed: "absent, as podgate does not know it".into(),
            remedy: Remedy::Advice(
                "correct the spelling, remove the field, or upgrade podgate to a version that knows it".into(),
            ),
            clause: "",
        });
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::lines;

    #[test]
    fn unknown_names_are_found_at_every_depth() {
        let spec = r#"{
            "securityContext": {"a": 1, "none": null, "appArmorProfile": {"b": 1}, "seLinuxOptions": {"c": 1},
                "seccompProfile": {"d": 1}, "sysctls": [{}, {"name": "x", "value": "1", "e": 1}], "windowsOptions": {"f": 1}},
            "containers": [{"name": "app", "image": "x", "tty": true, "securityContext": {
                "runAsNonroot": true, "capabilities": {"bounding": []}, "windowsOptions": {"g": {}}}}]
        }"#;
        let fields: Vec<_> = lines(&RULE, &[], spec)
            .iter()
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect();
        assert_eq!(
            fields,
            [
                "spec.securityContext.a",
                "spec.securityContext.appArmorProfile.b",
                "spec.securityContext.seLinuxOptions.c",
                "spec.securityContext.seccompProfile.d",
                "spec.securityContext.sysctls[1].e",
                "spec.securityContext.windowsOptions.f",
                "containers[app].securityContext.runAsNonroot",
                "containers[app].securityContext.capabilities.bounding",
                "containers[app].securityContext.windowsOptions.g",
            ]
        );
    }

    #[test]
    fn known_fields_are_allowed() {
        let spec = r#"{"securityContext": {"fsGroupChangePolicy": "Always", "supplementalGroupsPolicy": "Strict",
            "seccompProfile": {"type": "Localhost", "localhostProfile": "p"}},
            "containers": [{"securityContext": {"seLinuxOptions": {"level": "s0"}}}]}"#;
        assert!(lines(&RULE, &[], spec).is_empty());
    }
}
