//! What `podgate ledger verify` prints.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::verify::{Problem, Report, Verified};
use crate::report::counted;
use crate::report::text::{BAD, FAINT, GOOD, MILD};

/// Every chain with what is wrong, and a line that sums up.
///
/// # Errors
/// Where `out` cannot be written.
pub fn text(report: &Report, has_key: bool, out: &mut impl Write) -> io::Result<()> {
    for chain in &report.chains {
        chain_text(chain, has_key, out)?;
    }
    for (place, why) in &report.unreadable {
        writeln!(out, "{BAD}unreadable{BAD:#}  {place}: {why}")?;
    }
    let records: u64 = report.chains.iter().map(|chain| chain.records).sum();
    let problems: usize = report.chains.iter().map(|chain| chain.problems.len()).sum();
    let problems = problems + report.unreadable.len();
    let others = match report.others {
        0 => String::new(),
        others => format!(", {others} other lines"),
    };
    let (style, verdict) = match problems {
        0 => (GOOD, "nothing is altered or missing".to_owned()),
        1 => (BAD, "1 thing is wrong".to_owned()),
        problems => (BAD, format!("{problems} things are wrong")),
    };
    let chains = counted(report.chains.len(), "chain");
    writeln!(out, "\n{records} records in {chains}{others}: {style}{verdict}{style:#}")
}

fn chain_text(chain: &Verified, has_key: bool, out: &mut impl Write) -> io::Result<()> {
    let Verified { seqs: (first, last), times: (from, until), .. } = chain;
    let sound = chain.problems.is_empty();
    let (style, word) = if sound { (GOOD, "sound") } else { (BAD, "not sound") };
    writeln!(
        out,
        "{style}{word}{style:#}  {}: records {first} to {last}, {from:.0} to {until:.0}",
        chain.chain
    )?;
    for problem in &chain.problems {
        writeln!(out, "    {BAD}{problem}{BAD:#}")?;
    }
    for (count, reason, since) in &chain.gaps {
        writeln!(out, "    {MILD}{count} records were lost since {since:.0}: {reason}{MILD:#}")?;
    }
    match &chain.signed {
        Some((seq, key)) => {
            writeln!(out, "    {FAINT}signed up to record {seq} by {key}{FAINT:#}")?;
        }
        None if !has_key => writeln!(
            out,
            "    {FAINT}not signed: whoever can write all of it could have written it anew{FAINT:#}"
        )?,
        None => {}
    }
    if !chain.ended {
        writeln!(
            out,
            "    {FAINT}open: what came after record {last} would not be missed here{FAINT:#}"
        )?;
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChainJson<'r> {
    replica: &'r str,
    boot: &'r str,
    records: u64,
    first: u64,
    last: u64,
    from: Timestamp,
    until: Timestamp,
    signed_through: Option<u64>,
    key: Option<String>,
    ended: bool,
    gaps: Vec<GapJson<'r>>,
    problems: &'r [Problem],
}

#[derive(Serialize)]
struct GapJson<'r> {
    count: u64,
    reason: &'r str,
    since: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportJson<'r> {
    sound: bool,
    chains: Vec<ChainJson<'r>>,
    unreadable: Vec<UnreadableJson<'r>>,
    other_lines: u64,
}

#[derive(Serialize)]
struct UnreadableJson<'r> {
    source: &'r str,
    line: u64,
    why: &'r str,
}

/// The report as one JSON object.
///
/// # Errors
/// Where `out` cannot be written.
pub fn json(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let chains = report.chains.iter().map(ChainJson::new).collect();
    let unreadable = report.unreadable.iter().map(|(place, why)| UnreadableJson {
        source: &place.source,
        line: place.line,
        why,
    });
    let json = ReportJson {
        sound: report.is_sound(),
        chains,
        unreadable: unreadable.collect(),
        other_lines: report.others,
    };
    serde_json::to_writer_pretty(&mut *out, &json)?;
    writeln!(out)
}

impl<'r> ChainJson<'r> {
    fn new(chain: &'r Verified) -> Self {
        let gap = |(count, reason, since): &'r (u64, String, Timestamp)| GapJson {
            count: *count,
            reason,
            since: *since,
        };
        Self {
            replica: &chain.chain.replica,
            boot: &chain.chain.boot,
            records: chain.records,
            first: chain.seqs.0,
            last: chain.seqs.1,
            from: chain.times.0,
            until: chain.times.1,
            signed_through: chain.signed.map(|(seq, _)| seq),
            key: chain.signed.map(|(_, key)| key.to_string()),
            ended: chain.ended,
            gaps: chain.gaps.iter().map(gap).collect(),
            problems: &chain.problems,
        }
    }
}
