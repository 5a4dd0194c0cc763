//! The Pod Security Standards: which checks a level has at a version, in which order, and the words in
//! which Pod Security Admission would refuse a pod.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use crate::pod::PodView;
use crate::rules::{ALL, Check, PodSecurityCheck, PodSecurityLevel, Rule};

/// A level of the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// No checks.
    Privileged,
    /// Prevents known privilege escalations.
    Baseline,
    /// Current hardening practice.
    Restricted,
}

/// A word that names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no level, must be one of privileged, baseline, restricted")]
pub struct UnknownLevel(pub String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        match text {
            "privileged" | "Privileged" => Ok(Self::Privileged),
            "baseline" | "Baseline" => Ok(Self::Baseline),
            "restricted" | "Restricted" => Ok(Self::Restricted),
            _ => Err(UnknownLevel(text.to_owned())),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        })
    }
}

/// A version of the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// The newest that Podgate knows, whichever that is.
    Latest,
    /// That of Kubernetes 1.x.
    Minor(u64),
}

/// A word that names no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version, must be \"latest\" or \"v1.x\"")]
pub struct UnknownVersion(pub String);

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        text.strip_prefix("v1.")
            // `parse` would take a sign and leading zeros.
            .filter(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()))
            .filter(|minor| *minor == "0" || !minor.starts_with('0'))
            // Upstream keeps it in a signed number.
            .and_then(|minor| minor.parse::<i64>().ok())
            .map(|minor| Self::Minor(minor.unsigned_abs()))
            .ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Minor(minor) => write!(f, "v1.{minor}"),
        }
    }
}

impl Version {
    /// The minor version whose checks are run: newer ones than Podgate knows are held to the newest.
    fn effective(self) -> u16 {
        match self {
            Self::Latest => NEWEST,
            Self::Minor(minor) => u16::try_from(minor).map_or(NEWEST, |minor| minor.min(NEWEST)),
        }
    }
}

/// A level at a version: what one mode of Pod Security Admission asks for. Written `baseline:v1.37`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LevelVersion {
    /// The level.
    pub level: Level,
    /// The version as it was written: one newer than Podgate knows stays what it is.
    pub version: Version,
}

impl LevelVersion {
    /// No checks.
    pub const PRIVILEGED: Self = Self { level: Level::Privileged, version: Version::Latest };
    /// The strictest level as it stands now.
    pub const RESTRICTED: Self = Self { level: Level::Restricted, version: Version::Latest };

    /// Whether it has no checks.
    #[must_use]
    pub fn is_privileged(self) -> bool {
        self.level == Level::Privileged
    }

    /// Its checks, in order, made once and kept.
    #[must_use]
    pub fn checks(self) -> &'static [ActiveCheck] {
        static CHECKS: LazyLock<Vec<[Vec<ActiveCheck>; 2]>> = LazyLock::new(|| {
            let at = |minor| {
                let version = Version::Minor(u64::from(minor));
                [checks(Level::Baseline, version), checks(Level::Restricted, version)]
            };
            (0..=NEWEST).map(at).collect()
        });
        let [baseline, restricted] = &CHECKS[usize::from(self.version.effective())];
        match self.level {
            Level::Privileged => &[],
            Level::Baseline => baseline,
            Level::Restricted => restricted,
        }
    }
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.level, self.version)
    }
}

/// The newest minor version (of Kubernetes 1.x) that changed a check.
pub const NEWEST: u16 = newest();

const fn newest() -> u16 {
    let mut newest = 0;
    let mut i = 0;
    while i < ALL.len() {
        if let Some(check) = &ALL[i].pod_security {
            let mut j = 0;
            while j < check.revisions.len() {
                if check.revisions[j] > newest {
                    newest = check.revisions[j];
                }
                j += 1;
            }
        }
        i += 1;
    }
    newest
}

/// A check of a standard, as it stands at a version.
#[derive(Debug)]
pub struct ActiveCheck {
    /// The rule that it belongs to.
    pub rule: &'static Rule,
    /// The check.
    pub check: Box<dyn Check>,
    /// The minor version (of Kubernetes 1.x) since which it has stood so.
    pub revision: u16,
}

/// The checks of `level` at `version`, in Pod Security Admission's order: those of the baseline level
/// first, each level sorted by id, without those that a restricted check replaces.
#[must_use]
pub fn checks(level: Level, version: Version) -> Vec<ActiveCheck> {
    let version = version.effective();
    let highest = match level {
        Level::Privileged => return Vec::new(),
        Level::Baseline => PodSecurityLevel::Baseline,
        Level::Restricted => PodSecurityLevel::Restricted,
    };
    let mut active: Vec<_> = ALL
        .iter()
        .filter_map(|rule| {
            let check = rule.pod_security.as_ref().filter(|check| check.level <= highest)?;
            let revision = revision_at(check, version)?;
            Some((*rule, check, revision))
        })
        .collect();
    let replaced: Vec<_> = active.iter().filter_map(|(_, check, _)| check.replaces).collect();
    active.retain(|(rule, _, _)| !replaced.contains(&rule.id));
    // The registry is sorted by id and the sort is stable.
    active.sort_by_key(|(_, check, _)| check.level);
    active
        .into_iter()
        .map(|(rule, check, revision)| ActiveCheck {
            rule,
            check: (check.build)(revision),
            revision,
        })
        .collect()
}

/// The newest revision of `check` at `version`, if it had begun by then.
fn revision_at(check: &PodSecurityCheck, version: u16) -> Option<u16> {
    check.revisions.iter().copied().rev().find(|revision| *revision <= version)
}

/// A check that a pod fails, in Pod Security Admission's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of thing is wrong.
    pub reason: String,
    /// Where, and what would be right; may be empty.
    pub detail: String,
}

/// Every check of `level` at `version` that `pod` fails, in order.
#[must_use]
pub fn evaluate(level: Level, version: Version, pod: &PodView<'_>) -> Vec<Failure> {
    let mut findings = Vec::new();
    let mut failures = Vec::new();
    for active in checks(level, version) {
        findings.clear();
        active.check.check(pod, &mut findings);
        if let Some(pod_security) = &active.rule.pod_security
            && !findings.is_empty()
        {
            let (reason, detail) = (pod_security.explain)(&findings);
            failures.push(Failure { reason, detail });
        }
    }
    failures
}

/// The reasons with their details, as Pod Security Admission refuses one pod.
#[must_use]
pub fn long_form(failures: &[Failure]) -> String {
    let texts: Vec<_> = failures
        .iter()
        .map(
            |Failure { reason, detail }| {
                if detail.is_empty() { reason.clone() } else { format!("{reason} ({detail})") }
            },
        )
        .collect();
    texts.join(", ")
}

/// The reasons alone, as Pod Security Admission warns of the pods of a namespace.
#[must_use]
pub fn short_form(failures: &[Failure]) -> String {
    let reasons: Vec<_> = failures.iter().map(|failure| failure.reason.as_str()).collect();
    reasons.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Failure, Level, NEWEST, Version, checks, evaluate, long_form, short_form};
    use crate::pod::{Kind, Object};

    fn ids(level: Level, version: Version) -> Vec<&'static str> {
        checks(level, version).iter().map(|active| active.rule.id).collect()
    }

    fn refusal(level: Level, version: Version, pod: &str) -> String {
        let object = Object::decode(pod).unwrap();
        long_form(&evaluate(level, version, &object.pod(Kind::Pod).unwrap()))
    }

    #[test]
    fn versions_are_read_strictly() {
        for (text, version) in [
            ("latest", Some(Version::Latest)),
            ("v1.0", Some(Version::Minor(0))),
            ("v1.25", Some(Version::Minor(25))),
            ("v1.10000", Some(Version::Minor(10000))),
            ("v1", None),
            ("v1.", None),
            ("1.25", None),
            ("v2.0", None),
            ("v1.25.3", None),
            ("v1.01", None),
            ("v1.+1", None),
            ("v1.9223372036854775807", Some(Version::Minor(i64::MAX.unsigned_abs()))),
            ("v1.9223372036854775808", None),
            ("Latest", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), version, "{text:?}");
            if let Some(version) = version {
                assert_eq!(version.to_string(), text);
            }
        }
    }

    #[test]
    fn levels_are_read_with_a_capital_and_written_without() {
        for level in [Level::Privileged, Level::Baseline, Level::Restricted] {
            let name = level.to_string();
            assert_eq!(name.parse(), Ok(level));
            assert_eq!(format!("{}{}", name[..1].to_uppercase(), &name[1..]).parse(), Ok(level));
            assert!(name.to_uppercase().parse::<Level>().is_err());
        }
        assert!("".parse::<Level>().is_err());
    }

    #[test]
    fn each_version_runs_as_many_checks_as_upstream() {
        for minor in 0..=40 {
            let version = Version::Minor(minor);
            let baseline = if minor < 34 { 11 } else { 12 };
            let restricted = match minor {
                0..8 => 12,
                8..23 => 13,
                23..34 => 14,
                34.. => 15,
            };
            assert_eq!(ids(Level::Privileged, version).len(), 0);
            assert_eq!(ids(Level::Baseline, version).len(), baseline, "baseline {version}");
            assert_eq!(ids(Level::Restricted, version).len(), restricted, "restricted {version}");
        }
    }

    #[test]
    fn checks_stand_in_upstreams_order() {
        assert_eq!(
            ids(Level::Restricted, Version::Latest),
            [
                "appArmorProfile",
                "hostNamespaces",
                "hostPorts",
                "hostProbesAndHostLifecycle",
                "privileged",
                "seLinuxOptions",
                "sysctls",
                "windowsHostProcess",
                "allowPrivilegeEscalation",
                "capabilities_restricted",
                "procMount_restricted",
                "restrictedVolumes",
                "runAsNonRoot",
                "runAsUser",
                "seccompProfile_restricted",
            ]
        );
        assert_eq!(
            ids(Level::Baseline, Version::Minor(34)),
            [
                "appArmorProfile",
                "capabilities_baseline",
                "hostNamespaces",
                "hostPathVolumes",
                "hostPorts",
                "hostProbesAndHostLifecycle",
                "privileged",
                "procMount",
                "seLinuxOptions",
                "seccompProfile_baseline",
                "sysctls",
                "windowsHostProcess",
            ]
        );
    }

    #[test]
    fn a_check_is_replaced_only_where_its_replacement_is_active() {
        for (id, last) in
            [("seccompProfile_baseline", 18), ("capabilities_baseline", 21), ("procMount", 34)]
        {
            assert!(ids(Level::Restricted, Version::Minor(last)).contains(&id), "{id}");
            assert!(!ids(Level::Restricted, Version::Minor(last + 1)).contains(&id), "{id}");
            assert!(ids(Level::Baseline, Version::Latest).contains(&id), "{id}");
        }
        assert!(!ids(Level::Restricted, Version::Minor(0)).contains(&"hostPathVolumes"));
    }

    #[test]
    fn newer_versions_are_held_to_the_newest() {
        assert_eq!(NEWEST, 37);
        for version in [Version::Latest, Version::Minor(38), Version::Minor(u64::MAX)] {
            let sysctls = checks(Level::Baseline, version);
            let sysctls = sysctls.iter().find(|active| active.rule.id == "sysctls").unwrap();
            assert_eq!(sysctls.revision, 37);
        }
        let checks = checks(Level::Baseline, Version::Minor(36));
        assert_eq!(checks.iter().find(|active| active.rule.id == "sysctls").unwrap().revision, 32);
    }

    #[test]
    fn all_failures_are_told_in_order() {
        let pod = r#"{"spec": {"hostPID": true, "containers": [{"name": "a", "securityContext": {"privileged": true}}]}}"#;
        assert_eq!(
            refusal(Level::Baseline, Version::Latest, pod),
            r#"host namespaces (hostPID=true), privileged (container "a" must not set securityContext.privileged=true)"#
        );
        assert_eq!(refusal(Level::Privileged, Version::Latest, pod), "");
    }

    #[test]
    fn windows_pods_are_weaker_at_restricted_as_upstream() {
        let pod = r#"{"spec": {"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": true}, "containers": [
            {"name": "a", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]}}"#;
        assert_eq!(refusal(Level::Restricted, Version::Minor(25), pod), "");
        assert!(!refusal(Level::Baseline, Version::Minor(25), pod).is_empty());
        assert!(!refusal(Level::Restricted, Version::Minor(24), pod).is_empty());
    }

    #[test]
    fn details_are_left_out_where_empty_and_in_the_short_form() {
        let failure = |reason: &str, detail: &str| Failure {
            reason: reason.to_owned(),
            detail: detail.to_owned(),
        };
        let failures = [failure("a", "b"), failure("c", "")];
        assert_eq!(long_form(&failures), "a (b), c");
        assert_eq!(short_form(&failures), "a, c");
    }
}
