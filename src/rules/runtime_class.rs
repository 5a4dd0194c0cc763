//! `runtimeClass`: the pod runs under a runtime that the administrator chose.
//!
//! | Field | Allowed |
//! |---|---|
//! | `spec.runtimeClassName` | one of the parameter `allowed`, where the empty string stands for an absent field |
//!
//! Without `allowed` the field must be absent. So `allowed: [gvisor]` demands gVisor of every pod, and
//! `allowed: ["", gvisor]` leaves the choice.

use super::controls;
use super::rule::{Arguments, Check, Parameter, Rule, Shape};
use super::{Fill, Finding, Found, Remedy};
use crate::pod::{FieldPath, PodView};

pub(super) static RULE: Rule = Rule {
    id: "runtimeClass",
    title: "Pods must run under an allowed runtime class",
    reads: &["spec.runtimeClassName"],
    allows: "A `runtimeClassName` that `allowed` lists; an absent one where `allowed` lists \"\" or is not \
             given.",
    why: "The runtime class decides what stands between the pod and the node's kernel. A pod that may choose \
          it leaves the sandbox it was meant for, or takes a class whose handler grants devices or whose name \
          is exempt from Pod Security Admission.",
    fix: "Set `runtimeClassName` to an allowed class, or remove it where none is asked for.",
    fills: "Where `allowed` lists a single class, an absent `runtimeClassName` becomes that: risky.",
    controls: &[controls::NIST_SENSITIVITY, controls::NIST_RUNTIME, controls::MITRE_ESCAPE],
    parameters: &[Parameter {
        name: "allowed",
        shape: Shape::Texts,
        doc: "Allowed runtime classes; \"\" stands for none. Default `[\"\"]`.",
    }],
    build: |arguments: &Arguments| {
        let allowed =
            arguments.texts("allowed").map_or_else(|| vec![String::new()], <[String]>::to_vec);
        Box::new(RuntimeClass { allowed })
    },
    pod_security: None,
};

#[derive(Debug)]
struct RuntimeClass {
    allowed: Vec<String>,
}

impl Check for RuntimeClass {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        let name = pod.spec().runtime_class_name.as_deref().unwrap_or_default();
        if self.allowed.iter().any(|allowed| allowed == name) {
            return;
        }
        let path = pod.path("runtimeClassName");
        findings.push(Finding {
            remedy: self.remedy(name, &path),
            path,
            found: if name.is_empty() { Found::Absent } else { Found::Text(name.to_owned()) },
            allowed: self.sentence().into(),
            clause: "",
        });
    }
}

impl RuntimeClass {
    fn sentence(&self) -> String {
        let names: Vec<_> =
            self.allowed.iter().filter(|name| !name.is_empty()).map(|n| format!("{n:?}")).collect();
        let may_be_absent = names.len() < self.allowed.len();
        match (may_be_absent, names.is_empty()) {
            (_, true) => "absent".to_owned(),
            (true, false) => format!("absent or one of {}", names.join(", ")),
            (false, false) => format!("one of {}", names.join(", ")),
        }
    }

    fn remedy(&self, name: &str, path: &FieldPath) -> Remedy {
        if !name.is_empty()
            && (self.allowed.is_empty() || self.allowed.iter().any(String::is_empty))
        {
            return Remedy::Remove(path.clone());
        }
        match &self.allowed[..] {
            [only] => {
                let value = serde_json::Value::from(only.as_str()).to_string();
                Remedy::set_or_fill(!name.is_empty(), path.clone(), value, |path, value| {
                    let reason = "a program may not run, or run slower, under another runtime";
                    Fill::risky(path, value, reason)
                })
            }
            _ => Remedy::Advice("set spec.runtimeClassName to an allowed class".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::testing::{WRITTEN, fills, lines, texts};

    const KATA: &str = r#"{"runtimeClassName": "kata"}"#;

    #[test]
    fn without_a_list_no_class_may_be_named() {
        assert!(lines(&RULE, &[], "{}").is_empty());
        assert_eq!(
            lines(&RULE, &[], KATA),
            ["spec.runtimeClassName is \"kata\", must be absent; remove spec.runtimeClassName"]
        );
    }

    #[test]
    fn a_single_class_is_demanded() {
        let arguments = [("allowed", texts(&["gvisor"]))];
        assert!(lines(&RULE, &arguments, r#"{"runtimeClassName": "gvisor"}"#).is_empty());
        for (spec, found) in [("{}", "absent"), (KATA, "\"kata\"")] {
            assert_eq!(
                lines(&RULE, &arguments, spec),
                [format!(
                    "spec.runtimeClassName is {found}, must be one of \"gvisor\"; set spec.runtimeClassName to \"gvisor\""
                )]
            );
        }
    }

    #[test]
    fn the_empty_string_leaves_the_choice() {
        let arguments = [("allowed", texts(&["", "gvisor"]))];
        assert!(lines(&RULE, &arguments, "{}").is_empty());
        assert_eq!(
            lines(&RULE, &arguments, KATA),
            [
                "spec.runtimeClassName is \"kata\", must be absent or one of \"gvisor\"; remove spec.runtimeClassName"
            ]
        );
    }

    #[test]
    fn a_single_class_may_be_filled_in_at_a_risk() {
        let arguments = [("allowed", texts(&["gvisor"]))];
        assert_eq!(fills(&RULE, &arguments, "{}"), ["spec.runtimeClassName=\"gvisor\" risky"]);
        assert_eq!(fills(&RULE, &arguments, KATA), [WRITTEN]);
        let arguments = [("allowed", texts(&["gvisor", "kata-qemu"]))];
        assert!(fills(&RULE, &arguments, "{}")[0].contains("an allowed class"));
    }
}
