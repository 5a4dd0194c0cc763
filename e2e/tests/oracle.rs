//! The referee: Podgate's rules against those that Kubernetes itself runs.
//!
//! `oracle/` wraps upstream's Go module and writes its judgements, one JSON line a pod. Podgate must
//! give the same verdict, in the same words, to every one of them. To see one random pod alone, run
//! `go run . random -seed S -first N -count 1` in `e2e/oracle`, or set the variables below.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow, ensure};
use podgate::pod::{Kind, Object};
use podgate::policy::standard::{self, Failure, Level, Version};
use serde::Deserialize;
use serde_json::value::RawValue;

/// How many random pods: 200,000 unless set, and never fewer.
const COUNT: &str = "PODGATE_ORACLE_COUNT";
/// Which random pods: the same seed makes the same ones.
const SEED: &str = "PODGATE_ORACLE_SEED";

/// Upstream's checks, and their revisions over all policy versions.
const CHECKS: usize = 19;
const REVISIONS: usize = 31;
/// Differences shown in full; the rest are only counted.
const SHOWN: usize = 20;

#[test]
fn oracle_fixtures() {
    let tally = hold(&["fixtures"]).unwrap();
    println!("{tally}");
    tally.assert_agreement();
    assert_eq!((tally.allowed, tally.seen - tally.allowed), (1051, 3486));
}

#[test]
fn oracle_random() {
    let (count, seed) = (setting(COUNT, 200_000), setting(SEED, 1));
    println!("{count} random pods of seed {seed} ({COUNT}, {SEED})");
    let tally =
        hold(&["random", "-count", &count.to_string(), "-seed", &seed.to_string()]).unwrap();
    println!("{tally}");
    tally.assert_agreement();

    // Pods that are all refused, or rules that are never broken, would agree about nothing.
    assert!(tally.seen >= 200_000, "only {} random pods", tally.seen);
    let share = tally.allowed * 100 / tally.seen;
    assert!((20..=80).contains(&share), "{share}% were allowed");
    let mut checks: Vec<_> = tally.refusals.keys().map(|(check, _)| check).collect();
    checks.dedup();
    assert_eq!((checks.len(), tally.refusals.len()), (CHECKS, REVISIONS), "{:?}", tally.refusals);
}

/// Upstream quotes some values as Go does; this is every character there is.
#[test]
fn oracle_runes() {
    let tally = hold(&["runes"]).unwrap();
    println!("{tally}");
    tally.assert_agreement();
    assert_eq!(tally.seen, (0x11_0000 - 0x800) / 256);
}

/// A pod as upstream judged it.
#[derive(Deserialize)]
struct Case<'a> {
    id: String,
    level: String,
    version: String,
    /// Kept as written, for Podgate to read from the very bytes that upstream read.
    #[serde(borrow)]
    pod: &'a RawValue,
    results: Vec<Refusal>,
    allowed: bool,
    text: String,
}

/// A check that failed, in the revision of the policy version `since`.
#[derive(Deserialize)]
struct Refusal {
    check: String,
    since: String,
    reason: String,
    detail: String,
}

/// What was seen, and where Podgate differed.
#[derive(Default)]
struct Tally {
    seen: usize,
    allowed: usize,
    refusals: BTreeMap<(String, String), usize>,
    differing: usize,
    shown: String,
}

/// Runs the oracle and holds Podgate to each of its lines.
fn hold(args: &[&str]) -> Result<Tally> {
    let program = ORACLE.as_ref().map_err(|error| anyhow!("{error:#}"))?;
    let mut oracle = go(program).args(args).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(oracle.stdout.take().context("piped")?);
    let (mut tally, mut line) = (Tally::default(), String::new());
    while lines.read_line(&mut line)? > 0 {
        tally.add(serde_json::from_str(&line).with_context(|| line.clone())?)?;
        line.clear();
    }
    let status = oracle.wait()?;
    ensure!(status.success(), "oracle {args:?} failed ({status})");
    Ok(tally)
}

impl Tally {
    fn add(&mut self, case: Case<'_>) -> Result<()> {
        self.seen += 1;
        self.allowed += usize::from(case.allowed);
        let podgate = judge(&case);
        if !podgate.as_ref().is_ok_and(|failures| agree(failures, &case)) {
            self.differing += 1;
            if self.differing <= SHOWN {
                self.show(&case, podgate)?;
            }
        }
        for refusal in case.results {
            *self.refusals.entry((refusal.check, refusal.since)).or_default() += 1;
        }
        Ok(())
    }

    fn show(&mut self, case: &Case<'_>, podgate: Result<Vec<Failure>>) -> fmt::Result {
        let podgate = match podgate {
            Ok(failures) => standard::long_form(&failures),
            Err(error) => format!("error: {error:#}"),
        };
        let Case { id, level, version, pod, text, .. } = case;
        writeln!(self.shown, "{id} at {level}:{version}")?;
        writeln!(self.shown, "  upstream: {text:?}\n  podgate:  {podgate:?}\n  pod:      {pod}")
    }

    fn assert_agreement(&self) {
        assert!(self.differing == 0, "{} of {} differ:\n{}", self.differing, self.seen, self.shown);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seen, allowed, differing, .. } = self;
        writeln!(f, "{seen:>8} pods, {allowed} allowed, {differing} judged differently")?;
        for ((check, since), count) in &self.refusals {
            writeln!(f, "{count:>8} refused by {check} of {since}")?;
        }
        Ok(())
    }
}

/// Podgate's own judgement.
fn judge(case: &Case<'_>) -> Result<Vec<Failure>> {
    let level: Level = case.level.parse()?;
    let version: Version = case.version.parse()?;
    let object = Object::decode(case.pod.get())?;
    let pod = object.pod(Kind::Pod).context("no pod in it")?;
    Ok(standard::evaluate(level, version, &pod))
}

/// Whether Podgate found the same failures, in the same order, and puts them in the same words.
fn agree(podgate: &[Failure], case: &Case<'_>) -> bool {
    podgate.is_empty() == case.allowed
        && podgate.len() == case.results.len()
        && podgate
            .iter()
            .zip(&case.results)
            .all(|(p, u)| p.reason == u.reason && p.detail == u.detail)
        && standard::long_form(podgate) == case.text
}

/// The oracle's program, built once a run; Go's own cache makes the next one quick.
static ORACLE: LazyLock<Result<PathBuf>> = LazyLock::new(|| {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle");
    let status =
        go("go").arg("build").arg("-o").arg(&program).arg(".").status().context("running go")?;
    ensure!(status.success(), "the oracle was not built ({status})");
    Ok(program)
});

/// A command in the oracle's module, deaf to the flags for Go that the machine may have set.
fn go(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle"));
    command.env("GOFLAGS", "-mod=readonly -buildvcs=false").env("GOWORK", "off");
    command
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}
