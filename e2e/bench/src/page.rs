//! `docs/benchmarks.md`.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::server::sibling;
use crate::{Memory, Row};

/// Everything that was measured here; what criterion measured is read from its files.
pub(crate) struct Figures {
    /// Milliseconds from exec to ready.
    pub(crate) ready: f64,
    pub(crate) memory: Memory,
    /// Beside the floor.
    pub(crate) rows: Vec<Row>,
    /// Beside one that keeps no records.
    pub(crate) recorded: Vec<Row>,
}

const HEAD: &str = "\
# Benchmarks

`make bench` measures all of this and writes this page. Absolute figures are this machine's; the ratios, taken in the same run, are what to compare.

";

const OVER_TLS: &str = "
## Over TLS

Podgate (`podgate serve --policies policies/restricted --tls-self-signed`) beside its floor, `e2e/bench/src/bin/floor.rs`: axum and rustls with the same
HTTP/2 windows and `TCP_NODELAY`, whose handler reads the body and answers a constant. The bodies are reviews captured from an API server, in
`e2e/reviews/`. Server and client share the machine, on loopback. Requests a second and CPU a request (`utime` + `stime` of the server) are those of
`h2load -c2 -m16`, the latencies those of `h2load -c1 -m1`; the servers take turns three times, and the median counts.

";

const LEDGER: &str = "
## With the ledger

A webhook that keeps its records in a spool until they are sent on, as the chart runs it (`--ledger-spool`), beside one whose records go to standard
output alone; otherwise as above. `typical` is let in and counted. `ephemeral` breaks one rule and `violating` some forty: each of their answers
waits for its record.

| review | requests/s: with | without | ratio (goal) | CPU µs: with | without |
|---|---:|---:|---:|---:|---:|
";

const STORE: &str = "
The store, by itself, on one core (`make bench-ledger`; `RECORDS` says how many). `e2e/bench/src/bin/ledger.rs` makes the records from real decisions:
seven of ten break one rule, two are let in, one breaks some forty rules. Goals: 5,000 records taken in a second, a page of ten million in under
100 ms.

| | measured |
|---|---:|
";

const PEERS: &str = "
## Other webhooks

The upstream Pod Security webhook (`k8s.io/pod-security-admission`, `cmd/webhook`) needs an API server to run and is not in the table yet.
";

pub(crate) fn render(figures: &Figures) -> Result<String> {
    let mut page = HEAD.to_owned();
    machine(&mut page)?;
    over_tls(&mut page, &figures.rows)?;
    ledger(&mut page, &figures.recorded)?;
    process(&mut page, figures)?;
    judging(&mut page)?;
    page.push_str(PEERS);
    Ok(page)
}

fn machine(page: &mut String) -> Result<()> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches(['\t', ':', ' ']);
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let podgate = sibling("podgate")?;
    let podgate = podgate.to_str().context("the target folder has a plain name")?;
    let versions = [version(podgate)?, version("rustc")?, version("h2load")?].join(", ");
    writeln!(page, "| | |\n|---|---|")?;
    writeln!(page, "| machine | {count} CPUs, {model}; Linux {} |", kernel.trim())?;
    writeln!(page, "| versions | {versions} |")?;
    writeln!(page, "| command | `make bench` |")?;
    Ok(())
}

fn version(program: &str) -> Result<String> {
    let output = Command::new(program).arg("--version").output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn over_tls(page: &mut String, rows: &[Row]) -> Result<()> {
    page.push_str(OVER_TLS);
    page.push_str(
        "| review | bytes | requests/s: podgate | floor | ratio (goal) | CPU µs: podgate | floor | ratio (goal) |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for Row { name, goal, podgate, other: floor } in rows {
        let bytes = fs::metadata(format!("e2e/reviews/{name}.json"))?.len();
        writeln!(
            page,
            "| {name} | {bytes} | {:.0} | {:.0} | {:.2} (≥ {goal}) | {:.1} | {:.1} | {:.2} (≤ 2) |",
            podgate.rate,
            floor.rate,
            podgate.rate / floor.rate,
            podgate.cpu,
            floor.cpu,
            podgate.cpu / floor.cpu,
        )?;
    }
    page.push_str(
        "\n| review | p50 ms: podgate | floor | p99 ms: podgate | floor | p99 difference (goal) |\n\
         |---|---:|---:|---:|---:|---:|\n",
    );
    for Row { name, podgate, other: floor, .. } in rows {
        let more = podgate.p99 - floor.p99;
        writeln!(
            page,
            "| {name} | {:.2} | {:.2} | {:.2} | {:.2} | {more:+.2} (≤ 0.2) |",
            podgate.p50, floor.p50, podgate.p99, floor.p99
        )?;
    }
    page.push_str("\n`violating` is denied and recorded; the others are allowed.\n");
    Ok(())
}

fn ledger(page: &mut String, rows: &[Row]) -> Result<()> {
    page.push_str(LEDGER);
    for Row { name, goal, podgate, other } in rows {
        writeln!(
            page,
            "| {name} | {:.0} | {:.0} | {:.2} (≥ {goal}) | {:.1} | {:.1} |",
            podgate.rate,
            other.rate,
            podgate.rate / other.rate,
            podgate.cpu,
            other.cpu,
        )?;
    }
    page.push_str(STORE);
    let path = "target/bench-ledger.txt";
    let store = fs::read_to_string(path)
        .with_context(|| format!("no figures of the store in {path}: run `make bench-ledger`"))?;
    for line in store.lines() {
        let (what, figure) = line.split_once(": ").context("a figure has a name")?;
        writeln!(page, "| {what} | {figure} |")?;
    }
    Ok(())
}

fn process(page: &mut String, figures: &Figures) -> Result<()> {
    let Figures { ready, memory, .. } = figures;
    page.push_str("\n## The process\n\n| | measured | goal |\n|---|---:|---:|\n");
    writeln!(page, "| from exec to ready, with the whole library | {ready:.0} ms | < 100 ms |")?;
    let mut row = |what: &str, kib: u64, goal: &str| {
        // Tenths of a MiB, rounded to the nearest.
        let tenths = (kib * 10 + 512) / 1024;
        writeln!(page, "| resident {what} | {}.{} MiB | {goal} |", tenths / 10, tenths % 10)
    };
    row("before the first review", memory.idle, "")?;
    row("after 100,000 typical reviews", memory.typical, "≤ 20 MiB")?;
    row("after 10,000 large ones on top", memory.large, "")?;
    Ok(())
}

fn judging(page: &mut String) -> Result<()> {
    page.push_str(
        "\n## Decoding and judging\n\nWithout a server (`benches/judge.rs`): a review is decoded and judged against `restricted`. The floor is \
         what serde_json needs to skip the same bytes.\n\n\
         | review | skip µs | decode µs | decode and judge µs | ratio (goal) |\n|---|---:|---:|---:|---:|\n",
    );
    for (name, goal) in
        [("small", ""), ("typical", " (≤ 1.6)"), ("large", " (≤ 1.6)"), ("violating", "")]
    {
        let of = |bench| mean_micros(name, bench);
        let (floor, decode, both) = (of("floor")?, of("decode")?, of("decode and judge")?);
        let ratio = both / floor;
        writeln!(page, "| {name} | {floor:.1} | {decode:.1} | {both:.1} | {ratio:.2}{goal} |")?;
    }
    let (one, thousand) =
        (mean_micros("policies", "1")?, mean_micros("policies", "1 and 1000 others")?);
    writeln!(
        page,
        "\nJudging alone, typical review: {one:.2} µs with one policy, {thousand:.2} µs with a thousand more that are about other namespaces."
    )?;
    let own = mean_micros("policies", "1 and ten rules in CEL")?;
    writeln!(
        page,
        "With ten rules in CEL beside the one policy: {own:.0} µs, reading the review into values included (goal: ≤ 150 µs)."
    )?;
    Ok(())
}

/// What criterion found last, in microseconds.
fn mean_micros(group: &str, bench: &str) -> Result<f64> {
    // target/release/podgate
    let podgate = sibling("podgate")?;
    let target = podgate.ancestors().nth(2).context("the target folder")?;
    let path = target.join("criterion").join(group).join(bench).join("new/estimates.json");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("no result of the bench {group}/{bench}: run `make bench`"))?;
    let estimates: Value = serde_json::from_str(&text)?;
    let nanos = estimates["median"]["point_estimate"].as_f64().context("a median")?;
    Ok(nanos / 1e3)
}
