//! A rule in full: on the terminal for `podgate explain`, and as a page under `docs/rules/`.

use std::fmt::Write;

use crate::rules::{Framework, PodSecurityLevel, Rule, Shape};

/// The rule as plain text.
#[must_use]
pub fn text(rule: &Rule) -> String {
    let mut text = format!("{}: {}\n", rule.id, rule.title);
    for (heading, body) in sections(rule) {
        let _ = write!(text, "\n{heading}\n");
        for line in body.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// The rule as a Markdown page.
#[must_use]
pub fn markdown(rule: &Rule) -> String {
    let mut page = format!("# {}\n\n{}.\n", rule.id, rule.title.trim_end_matches('.'));
    for (heading, body) in sections(rule) {
        let _ = write!(page, "\n## {heading}\n\n{}\n", body.trim_end());
    }
    page
}

/// The list of all rules as a Markdown page.
#[must_use]
pub fn index(rules: &[&Rule]) -> String {
    let mut page = String::from(
        "# Built-in rules\n\nMade from the rules themselves by `make generate`; `podgate explain RULE` \
         prints the same.\n\n| rule | what must hold | Pod Security |\n|---|---|---|\n",
    );
    for rule in rules {
        let standard = rule.pod_security.as_ref().map_or("", |check| level(check.level));
        let _ = writeln!(page, "| [{0}]({0}.md) | {1} | {standard} |", rule.id, rule.title);
    }
    page
}

fn sections(rule: &Rule) -> Vec<(&'static str, String)> {
    let list =
        |items: &[&str]| items.iter().fold(String::new(), |text, item| text + "- `" + item + "`\n");
    let mut sections = vec![
        ("What it reads", list(rule.reads)),
        ("What it allows", rule.allows.to_owned()),
        ("Why it matters", rule.why.to_owned()),
        ("How to comply", rule.fix.to_owned()),
        ("What Podgate fills in", rule.fills.to_owned()),
    ];
    if !rule.parameters.is_empty() {
        let parameters = rule.parameters.iter().fold(String::new(), |text, parameter| {
            format!(
                "{text}- `{}` ({}): {}\n",
                parameter.name,
                shape(parameter.shape),
                parameter.doc
            )
        });
        sections.push(("Parameters", parameters));
    }
    if let Some(check) = &rule.pod_security {
        let revisions: Vec<String> =
            check.revisions.iter().map(|minor| format!("v1.{minor}")).collect();
        let mut text = format!(
            "A check of the {} level, with revisions from {}.",
            level(check.level),
            revisions.join(", ")
        );
        if let Some(replaced) = check.replaces {
            let _ = write!(text, " At this level it replaces `{replaced}`.");
        }
        sections.push(("Pod Security Standards", text));
    }
    if !rule.controls.is_empty() {
        let controls = rule.controls.iter().fold(String::new(), |text, control| {
            format!("{text}- {} {}: {}\n", framework(control.framework), control.id, control.title)
        });
        sections.push(("Controls it answers", controls));
    }
    sections
}

fn shape(shape: Shape) -> String {
    match shape {
        Shape::Bool => "true or false".to_owned(),
        Shape::OneOf(words) => words.join(" or "),
        Shape::Texts => "a list of strings".to_owned(),
        Shape::Globs => "a list of patterns".to_owned(),
        Shape::SomeOf(words) => format!("a list of {}", words.join(", ")),
    }
}

fn level(level: PodSecurityLevel) -> &'static str {
    match level {
        PodSecurityLevel::Baseline => "Baseline",
        PodSecurityLevel::Restricted => "Restricted",
    }
}

pub(super) fn framework(framework: Framework) -> &'static str {
    match framework {
        Framework::Cis => "CIS Kubernetes Benchmark",
        Framework::NsaCisa => "NSA/CISA Kubernetes Hardening Guide",
        Framework::Nist800190 => "NIST SP 800-190",
        Framework::MitreAttack => "MITRE ATT&CK for Containers",
    }
}
