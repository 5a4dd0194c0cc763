//! The referee: Podgate's rules against those that Kubernetes itself runs.
//!
//! `oracle/` wraps upstream's Go module and writes its judgements, one JSON line a pod. Podgate must
//! give the same verdict, in the same words, to every one of them. To see one random pod alone, run
//! `go run . random -seed S -first N -count 1` in `e2e/oracle`, or set the variables below.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use anyhow::{Context as _, Result, ensure};
use e2e::{Repaired, oracle};
use podgate::engine::Settled;
use podgate::pod::{Kind, Object};
use podgate::policy::standard::{self, Failure, Level, Version};
use serde::Deserialize;
use serde_json::json;
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

/// Every failing fixture is fixed, or says why not; where all is filled in, upstream lets the pod in.
#[test]
fn oracle_fixtures_are_fixed_or_say_why_not() {
    let mut repairs = Repairs::default();
    oracle::judgements(&["fixtures"], |line| repairs.add(&serde_json::from_str(line)?)).unwrap();
    let questions = std::mem::take(&mut repairs.questions);
    oracle::judge(&questions, |line| repairs.hold(&serde_json::from_str(line)?)).unwrap();
    println!("{repairs}");
    assert_eq!((repairs.seen, repairs.answered), (3486, 3486));
    assert!(repairs.mended > 0);
}

/// The failing fixtures and what was done about them.
#[derive(Default)]
struct Repairs {
    seen: usize,
    /// Pods after their fixes, for upstream to judge again.
    questions: Vec<u8>,
    /// What upstream must still find in each, by id: the checks whose fields somebody wrote.
    left: BTreeMap<String, Vec<String>>,
    answered: usize,
    /// Pods that nothing was left of.
    mended: usize,
    /// How many findings of each check were filled in, and how many had a reason against it.
    findings: BTreeMap<String, [usize; 2]>,
}

impl Repairs {
    fn add(&mut self, case: &Case<'_>) -> Result<()> {
        if case.allowed {
            return Ok(());
        }
        self.seen += 1;
        let repaired = Repaired::by_standard(&case.level, &case.version, case.pod)?;
        let mut left: Vec<String> = Vec::new();
        for violation in &repaired.decision.violations {
            let remedy = &violation.finding.remedy;
            let is_filled = violation.settled == Some(Settled::Fix);
            ensure!(is_filled == remedy.fill().is_some(), "{}: {violation:?}", case.id);
            let has_reason = remedy.why_not().is_some_and(|reason| !reason.is_empty());
            ensure!(is_filled != has_reason, "{}: {violation:?}", case.id);
            self.findings.entry(violation.rule.to_string()).or_default()
                [usize::from(has_reason)] += 1;
            if has_reason && !left.iter().any(|rule| **rule == *violation.rule) {
                left.push(violation.rule.to_string());
            }
        }
        left.sort();
        let Case { id, level, version, .. } = case;
        let question = json!({"id": id, "level": level, "version": version, "pod": repaired.pod});
        self.questions.extend(question.to_string().into_bytes());
        self.questions.push(b'\n');
        self.left.insert(id.clone(), left);
        Ok(())
    }

    fn hold(&mut self, answer: &Case<'_>) -> Result<()> {
        let left = self.left.get(&answer.id).context("an answer to no question")?;
        let mut refusals: Vec<&str> = answer.results.iter().map(|r| &*r.check).collect();
        refusals.sort_unstable();
        ensure!(refusals == *left, "{}: upstream finds {refusals:?}, not {left:?}", answer.id);
        ensure!(answer.allowed == left.is_empty(), "{}", answer.id);
        self.answered += 1;
        self.mended += usize::from(answer.allowed);
        Ok(())
    }
}

impl fmt::Display for Repairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seen, mended, findings, .. } = self;
        writeln!(f, "{seen:>8} failing fixtures, {mended} of them admitted once they are fixed")?;
        for (rule, [filled, reasons]) in findings {
            writeln!(
                f,
                "{filled:>8} findings of {rule} filled in, {reasons} with a reason why not"
            )?;
        }
        Ok(())
    }
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
    let mut tally = Tally::default();
    oracle::judgements(args, |line| {
        tally.add(serde_json::from_str(line).with_context(|| line.to_owned())?)
    })?;
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

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}
