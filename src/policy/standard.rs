//! Stand-in until the rules' own file is merged.

use std::fmt;
use std::str::FromStr;

use crate::rules::{Check, Rule};

/// The newest minor version.
pub const NEWEST: u16 = 37;

/// A level of the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Everything.
    Privileged,
    /// Baseline.
    Baseline,
    /// Restricted.
    Restricted,
}

/// A version of the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The newest.
    Latest,
    /// Kubernetes 1.x.
    Minor(u32),
}

/// A check of a level.
#[derive(Debug)]
pub struct ActiveCheck {
    /// Its rule.
    pub rule: &'static Rule,
    /// The check.
    pub check: Box<dyn Check>,
    /// Since when.
    pub revision: u16,
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "privileged" | "Privileged" => Ok(Self::Privileged),
            "baseline" | "Baseline" => Ok(Self::Baseline),
            "restricted" | "Restricted" => Ok(Self::Restricted),
            _ => Err("unknown level".to_owned()),
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

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let minor = text.strip_prefix("v1.").and_then(|minor| minor.parse().ok());
        minor.map(Self::Minor).ok_or_else(|| "unknown version".to_owned())
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

/// The checks of a level.
#[must_use]
pub fn checks(_level: Level, _version: Version) -> Vec<ActiveCheck> {
    Vec::new()
}
