//! What the labels of a namespace ask for, read as Pod Security Admission reads them.
//!
//! A bad label never stops the reading: `enforce` then holds pods to restricted, `audit` and `warn` to
//! nothing, and the error is told beside.

use std::fmt;

use super::standard::{Level, LevelVersion, Version};

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
const ENFORCE_VERSION: &str = "pod-security.kubernetes.io/enforce-version";
const AUDIT: &str = "pod-security.kubernetes.io/audit";
const AUDIT_VERSION: &str = "pod-security.kubernetes.io/audit-version";
const WARN: &str = "pod-security.kubernetes.io/warn";
const WARN_VERSION: &str = "pod-security.kubernetes.io/warn-version";

/// What pods of a namespace are held to, for each of Pod Security Admission's modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// What refuses a pod.
    pub enforce: LevelVersion,
    /// What is written to the audit log.
    pub audit: LevelVersion,
    /// What the sender is warned of.
    pub warn: LevelVersion,
}

/// Nothing is asked for.
impl Default for Modes {
    fn default() -> Self {
        let none = LevelVersion::PRIVILEGED;
        Self { enforce: none, audit: none, warn: none }
    }
}

impl Modes {
    /// Whether no mode asks for anything.
    #[must_use]
    pub fn is_privileged(&self) -> bool {
        self.all().into_iter().all(LevelVersion::is_privileged)
    }

    /// Whether both ask for the same: privileged is the same at each version.
    #[must_use]
    pub fn is_equivalent(&self, other: &Self) -> bool {
        self.all()
            .into_iter()
            .zip(other.all())
            .all(|(a, b)| a == b || a.is_privileged() && b.is_privileged())
    }

    fn all(&self) -> [LevelVersion; 3] {
        [self.enforce, self.audit, self.warn]
    }
}

/// Whether there is a label for the mode named, be it of its level or of its version.
#[must_use]
pub fn has(labels: &[(String, String)], mode: &str) -> bool {
    labels.iter().any(|(key, _)| {
        key.strip_prefix("pod-security.kubernetes.io/")
            .and_then(|rest| rest.strip_prefix(mode))
            .is_some_and(|rest| rest.is_empty() || rest == "-version")
    })
}

/// A label whose value means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelError {
    /// The label.
    pub key: &'static str,
    /// Its value.
    pub value: String,
    must_be: &'static str,
}

impl LabelError {
    /// The field, as the API server names it.
    #[must_use]
    pub fn field(&self) -> String {
        format!("metadata.labels[{}]", self.key)
    }

    /// What may stand there, as the end of a sentence.
    #[must_use]
    pub fn allowed(&self) -> &'static str {
        self.must_be.trim_start_matches("must be ")
    }

    /// What is wrong with its value, as the API server says it.
    #[must_use]
    pub fn message(&self) -> String {
        // The API server lets no character into a label's value that would need an escape.
        format!("Invalid value: {:?}: {}", self.value, self.must_be)
    }
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field(), self.message())
    }
}

/// Several errors in one text, as the API server puts them together.
#[must_use]
pub fn sentence(errors: &[LabelError]) -> String {
    let texts: Vec<String> = errors.iter().map(LabelError::to_string).collect();
    match texts.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// The modes that `labels` ask for over `defaults`, and every label that could not be read.
#[must_use]
pub fn resolve(labels: &[(String, String)], defaults: &Modes) -> (Modes, Vec<LabelError>) {
    let mut reader = Reader { labels, errors: Vec::new() };
    let Modes { mut enforce, mut audit, mut warn } = *defaults;

    let enforce_level = reader.level(ENFORCE);
    if let Some(level) = enforce_level {
        enforce.level = level.unwrap_or(Level::Restricted);
    }
    enforce.version = reader.version(ENFORCE_VERSION).unwrap_or(enforce.version);
    if let Some(level) = reader.level(AUDIT) {
        audit.level = level.unwrap_or(Level::Privileged);
    }
    audit.version = reader.version(AUDIT_VERSION).unwrap_or(audit.version);
    let warn_level = reader.level(WARN);
    if let Some(level) = warn_level {
        warn.level = level.unwrap_or(Level::Privileged);
    }
    let warn_version = reader.version(WARN_VERSION);
    warn.version = warn_version.unwrap_or(warn.version);

    // Whoever enforces a level by a label wants to hear of it in workloads, where it is not enforced.
    if let (Some(Ok(level)), None) = (enforce_level, warn_level)
        && level > warn.level
    {
        warn.level = level;
        warn.version = warn_version.unwrap_or(enforce.version);
    }
    (Modes { enforce, audit, warn }, reader.errors)
}

/// A label that names no level; the reader's errors tell of it.
#[derive(Clone, Copy)]
struct BadLevel;

struct Reader<'l> {
    labels: &'l [(String, String)],
    errors: Vec<LabelError>,
}

impl Reader<'_> {
    /// The level under `key`: `None` where there is no label, an error where it is a bad one.
    fn level(&mut self, key: &'static str) -> Option<Result<Level, BadLevel>> {
        let value = self.get(key)?;
        let level = [Level::Privileged, Level::Baseline, Level::Restricted]
            .into_iter()
            .find(|level| level.to_string() == value);
        if level.is_none() {
            self.error(key, value, "must be one of privileged, baseline, restricted");
        }
        Some(level.ok_or(BadLevel))
    }

    /// The version under `key`; a bad one is the latest.
    fn version(&mut self, key: &'static str) -> Option<Version> {
        let value = self.get(key)?;
        let version = value.parse().ok();
        if version.is_none() {
            self.error(key, value, "must be \"latest\" or \"v1.x\"");
        }
        Some(version.unwrap_or(Version::Latest))
    }

    fn get(&self, key: &str) -> Option<String> {
        self.labels.iter().find(|(k, _)| k == key).map(|(_, value)| value.clone())
    }

    fn error(&mut self, key: &'static str, value: String, must_be: &'static str) {
        self.errors.push(LabelError { key, value, must_be });
    }
}

#[cfg(test)]
mod tests {
    use super::{LevelVersion, Modes, resolve, sentence};

    const PREFIX: &str = "pod-security.kubernetes.io/";

    fn mode(text: &str) -> LevelVersion {
        let (level, version) = text.split_once(':').unwrap();
        LevelVersion { level: level.parse().unwrap(), version: version.parse().unwrap() }
    }

    fn modes(text: &str) -> Modes {
        let mut words = text.split_whitespace().map(mode);
        let mut next = || words.next().unwrap();
        Modes { enforce: next(), audit: next(), warn: next() }
    }

    fn labels(text: &str) -> Vec<(String, String)> {
        let pair = |word: &str| {
            let (key, value) = word.split_once('=').unwrap();
            (format!("{PREFIX}{key}"), value.to_owned())
        };
        text.split_whitespace().map(pair).collect()
    }

    #[test]
    fn each_label_replaces_its_half_of_the_default() {
        let defaults = "baseline:v1.30 restricted:v1.31 privileged:v1.32";
        for (given, expected) in [
            ("", defaults),
            ("enforce=privileged", "privileged:v1.30 restricted:v1.31 privileged:v1.32"),
            ("enforce-version=v1.1", "baseline:v1.1 restricted:v1.31 privileged:v1.32"),
            ("audit=baseline", "baseline:v1.30 baseline:v1.31 privileged:v1.32"),
            ("audit-version=latest", "baseline:v1.30 restricted:latest privileged:v1.32"),
            ("warn=restricted", "baseline:v1.30 restricted:v1.31 restricted:v1.32"),
            ("warn-version=v1.99", "baseline:v1.30 restricted:v1.31 privileged:v1.99"),
        ] {
            let (found, errors) = resolve(&labels(given), &modes(defaults));
            assert_eq!((found, errors.len()), (modes(expected), 0), "{given}");
        }
    }

    #[test]
    fn warn_follows_a_stricter_enforce_label_unless_it_has_a_label_of_its_own() {
        for (given, warn) in [
            ("enforce=baseline", "baseline:latest"),
            ("enforce=restricted enforce-version=v1.25", "restricted:v1.25"),
            ("enforce=restricted enforce-version=v1.25 warn-version=v1.30", "restricted:v1.30"),
            ("enforce=restricted warn=privileged", "privileged:latest"),
            ("enforce=restricted warn=bad", "privileged:latest"),
            ("enforce=bad", "privileged:latest"),
            ("enforce=restricted enforce-version=bad", "restricted:latest"),
        ] {
            assert_eq!(resolve(&labels(given), &Modes::default()).0.warn, mode(warn), "{given}");
        }
        let milder = modes("privileged:latest privileged:latest restricted:v1.30");
        let (found, _) = resolve(&labels("enforce=baseline enforce-version=v1.25"), &milder);
        assert_eq!(found.warn, mode("restricted:v1.30"));
        let default = modes("restricted:latest privileged:latest privileged:latest");
        assert_eq!(resolve(&[], &default).0.warn, mode("privileged:latest"));
    }

    #[test]
    fn bad_labels_fail_closed_for_enforce_and_open_for_the_others() {
        let defaults = modes("privileged:v1.30 baseline:v1.30 baseline:v1.30");
        for (key, bad, expected) in [
            ("enforce", "Baseline", "restricted:v1.30 baseline:v1.30 baseline:v1.30"),
            ("enforce", "", "restricted:v1.30 baseline:v1.30 baseline:v1.30"),
            ("enforce-version", "1.30", "privileged:latest baseline:v1.30 baseline:v1.30"),
            ("audit", "none", "privileged:v1.30 privileged:v1.30 baseline:v1.30"),
            ("audit-version", "v1.01", "privileged:v1.30 baseline:latest baseline:v1.30"),
            ("warn", "", "privileged:v1.30 baseline:v1.30 privileged:v1.30"),
            ("warn-version", "Latest", "privileged:v1.30 baseline:v1.30 baseline:latest"),
        ] {
            let (found, errors) = resolve(&labels(&format!("{key}={bad}")), &defaults);
            assert_eq!(found, modes(expected), "{key}={bad}");
            let must = if key.ends_with("version") {
                "\"latest\" or \"v1.x\""
            } else {
                "one of privileged, baseline, restricted"
            };
            assert_eq!(
                sentence(&errors),
                format!("metadata.labels[{PREFIX}{key}]: Invalid value: {bad:?}: must be {must}")
            );
        }
    }

    #[test]
    fn several_bad_labels_are_told_in_upstreams_order() {
        let (_, errors) = resolve(&labels("warn-version=a enforce=b audit=c"), &Modes::default());
        let keys: Vec<_> = errors.iter().map(|e| e.key.trim_start_matches(PREFIX)).collect();
        assert_eq!(keys, ["enforce", "audit", "warn-version"]);
        assert!(
            sentence(&errors).starts_with("[metadata.labels[") && sentence(&errors).ends_with(']')
        );
    }
}
