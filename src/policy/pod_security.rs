//! `standard: {fromNamespaceLabels: true}`: the labels of the namespace say which standard holds.
//!
//! `defaults` and `exemptions` are those of Pod Security Admission's own configuration.

use super::names::{is_label, is_subdomain};
use super::namespace_labels::Modes;
use super::reader::{Fields, Reporter};
use super::standard::LevelVersion;
use crate::yaml::Value;

/// Fields of `standard` that only make sense with `fromNamespaceLabels`.
pub(super) const FIELDS: [&str; 3] = ["fromNamespaceLabels", "defaults", "exemptions"];

/// Fields of `defaults`.
pub(super) const DEFAULTS: [&str; 6] =
    ["enforce", "enforceVersion", "audit", "auditVersion", "warn", "warnVersion"];
/// Fields of `exemptions`.
pub(super) const EXEMPTIONS: [&str; 3] = ["usernames", "namespaces", "runtimeClasses"];

/// What Pod Security Admission is configured with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodSecurity {
    /// What holds where a namespace has no labels of its own.
    pub defaults: Modes,
    /// Whom it lets pass unseen.
    pub exemptions: Exemptions,
}

/// Whom Pod Security lets pass unseen. Names are compared whole, byte for byte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exemptions {
    /// User names of requesters.
    pub usernames: Vec<String>,
    /// Namespaces.
    pub namespaces: Vec<String>,
    /// Runtime classes of pods.
    pub runtime_classes: Vec<String>,
}

impl PodSecurity {
    /// Reads `standard`, where it has `fromNamespaceLabels`.
    pub(super) fn read(report: &mut Reporter, fields: &Fields<'_>) -> Self {
        if let Some(node) = fields.get(FIELDS[0])
            && node.value != Value::Bool(true)
        {
            let help = "write true, or remove the field and give `level`";
            report.error(node, &fields.path(FIELDS[0]), "must be true", help);
        }
        for name in ["level", "version", "except"] {
            if let Some(node) = fields.get(name) {
                let message = "cannot stand beside `fromNamespaceLabels`";
                let help = match name {
                    "except" => "remove it; a PodPolicyException lets a rule be broken",
                    _ => "remove it, or write what holds without labels under `defaults`",
                };
                report.error(node, &fields.path(name), message, help);
            }
        }
        Self { defaults: defaults(report, fields), exemptions: exemptions(report, fields) }
    }
}

fn defaults(report: &mut Reporter, fields: &Fields<'_>) -> Modes {
    let Some(node) = fields.get("defaults") else { return Modes::default() };
    let Some(fields) = Fields::new(report, node, &fields.path("defaults"), &DEFAULTS) else {
        return Modes::default();
    };
    let mut mode = |level: &str, version: &str| LevelVersion {
        level: super::document::level(
            report,
            &fields,
            level,
            &["privileged", "baseline", "restricted"],
        )
        .unwrap_or(LevelVersion::PRIVILEGED.level),
        version: super::document::version(report, &fields, version)
            .unwrap_or(LevelVersion::PRIVILEGED.version),
    };
    Modes {
        enforce: mode(DEFAULTS[0], DEFAULTS[1]),
        audit: mode(DEFAULTS[2], DEFAULTS[3]),
        warn: mode(DEFAULTS[4], DEFAULTS[5]),
    }
}

fn exemptions(report: &mut Reporter, fields: &Fields<'_>) -> Exemptions {
    let Some(node) = fields.get("exemptions") else { return Exemptions::default() };
    let Some(fields) = Fields::new(report, node, &fields.path("exemptions"), &EXEMPTIONS) else {
        return Exemptions::default();
    };
    let mut list = |name: &str, is_valid: fn(&str) -> bool, help: &str| {
        names(report, &fields, name, is_valid, help)
    };
    Exemptions {
        usernames: list("usernames", |name| !name.is_empty(), "write the whole user name"),
        namespaces: list(
            "namespaces",
            is_label,
            "write the whole name; patterns mean nothing here",
        ),
        runtime_classes: list(
            "runtimeClasses",
            is_subdomain,
            "write the whole name; patterns mean nothing here",
        ),
    }
}

fn names(
    report: &mut Reporter,
    fields: &Fields<'_>,
    name: &str,
    is_valid: fn(&str) -> bool,
    help: &str,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (index, (node, text)) in fields.texts(report, name).into_iter().enumerate() {
        let path = format!("{}[{index}]", fields.path(name));
        if !is_valid(text) {
            report.error(node, &path, format!("{text:?} is no name"), help);
        } else if names.iter().any(|name| name == text) {
            report.error(node, &path, format!("{text:?} is listed twice"), "remove one of them");
        } else {
            names.push(text.to_owned());
        }
    }
    names
}
