//! The settings of the ledger.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::bail;
use serde::{Deserialize, Deserializer};

use super::settings::Period;
use crate::ledger::{spool, writer};
use crate::server::{Unrecorded, clock};

/// How decisions are recorded. In a file of settings these stand under `ledger`, without that word in front.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Deserialize)]
#[group(id = "ledger_settings")]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Folder in which records are kept until they are sent on; without it they go to standard output alone
    #[arg(long = "ledger-spool", value_name = "DIR")]
    pub(super) spool: Option<PathBuf>,
    /// What the spool may hold; past it, writing fails as on a full disk [default: 1GiB]
    #[arg(long = "ledger-spool-max", value_name = "SIZE")]
    pub(super) spool_max: Option<Size>,
    /// How much a power cut may take: records reach the disk itself after this long; 0s before each answer [default: 1s]
    #[arg(long = "ledger-sync", value_name = "DURATION")]
    pub(super) sync: Option<Period>,
    /// PEM file of the Ed25519 key that signs the chain's head every minute; it may come later, and be exchanged
    #[arg(long = "ledger-key", value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// What to do where a record cannot be kept: answer (it goes to standard output alone), or refuse what /validate
    /// would let in [default: answer]
    #[arg(long = "ledger-unrecorded", value_name = "WHAT", value_parser = unrecorded)]
    pub(super) unrecorded: Option<Unrecorded>,
}

impl Settings {
    /// These settings, and `file`'s where these say nothing.
    pub(super) fn over(self, file: Self) -> Self {
        // In full, so that a forgotten setting does not compile.
        let Self { spool, spool_max, sync, key, unrecorded } = self;
        Self {
            spool: spool.or(file.spool),
            spool_max: spool_max.or(file.spool_max),
            sync: sync.or(file.sync),
            key: key.or(file.key),
            unrecorded: unrecorded.or(file.unrecorded),
        }
    }

    /// How the writer is to work.
    pub(super) fn writer(self) -> anyhow::Result<(writer::Options, Unrecorded)> {
        let Self { spool, spool_max, sync, key, unrecorded } = self;
        let unrecorded = unrecorded.unwrap_or_default();
        let mut options = writer::Options { key, ..writer::Options::new(clock::now) };
        match spool {
            Some(dir) => {
                let mut spool = spool::Options::new(dir);
                spool.max_bytes = spool_max.map_or(spool.max_bytes, |size| size.0);
                options.spool = Some(spool);
            }
            None if spool_max.is_some() || sync.is_some() => {
                bail!("--ledger-spool-max and --ledger-sync are about a spool: give --ledger-spool")
            }
            None if unrecorded == Unrecorded::Refuse => {
                bail!(
                    "--ledger-unrecorded refuse needs --ledger-spool: nobody knows what became of standard output"
                )
            }
            None => {}
        }
        options.sync = sync.map_or(options.sync, |period| period.0);
        Ok((options, unrecorded))
    }
}

fn unrecorded(text: &str) -> Result<Unrecorded, String> {
    match text {
        "answer" => Ok(Unrecorded::Answer),
        "refuse" => Ok(Unrecorded::Refuse),
        _ => Err("must be answer or refuse".to_owned()),
    }
}

/// A number of bytes: `1GiB`, `64MiB`, `512KiB` or `1000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

/// A text that is no size.
#[derive(Debug, thiserror::Error)]
#[error("must be a number of bytes such as 64MiB, 1GiB or 1000000")]
pub(super) struct NotASize;

impl FromStr for Size {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number: u64 = digits.parse().map_err(|_| NotASize)?;
        let shift = match text.strip_prefix(digits) {
            Some("") => 0,
            Some("KiB") => 10,
            Some("MiB") => 20,
            Some("GiB") => 30,
            Some("TiB") => 40,
            _ => return Err(NotASize),
        };
        number.checked_mul(1 << shift).map(Self).ok_or(NotASize)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sizes_are_read_as_kubernetes_writes_them() {
        let read = |text: &str| text.parse::<Size>().ok().map(|size| size.0);
        assert_eq!(read("1GiB"), Some(1 << 30));
        assert_eq!(read("64MiB"), Some(64 << 20));
        assert_eq!(read("0"), Some(0));
        for wrong in ["", "GiB", "1GB", "1 GiB", "-1", "1.5GiB", "99999999999TiB", "１KiB"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_needs_a_spool_says_so() {
        let period = Period(Duration::ZERO);
        for settings in [
            Settings { sync: Some(period), ..Settings::default() },
            Settings { spool_max: Some(Size(1)), ..Settings::default() },
            Settings { unrecorded: Some(Unrecorded::Refuse), ..Settings::default() },
        ] {
            let error = settings.writer().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("--ledger-spool"), "{error}");
        }
        let settings =
            Settings { spool: Some("s".into()), sync: Some(period), ..Settings::default() };
        let (options, unrecorded) = settings.writer().unwrap();
        assert_eq!(options.sync, Duration::ZERO);
        assert_eq!(unrecorded, Unrecorded::Answer);
    }
}
