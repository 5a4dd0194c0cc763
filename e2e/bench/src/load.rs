//! What h2load finds.

use std::env;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::server::Server;

/// How often each server gets its turn; the median counts.
const ROUNDS: usize = 3;
/// How long one measurement takes, about.
const SECONDS: f64 = 1.5;
/// Requests before the first measurement, which tell how many that is.
const WARM_UP: u32 = 3_000;
/// Requests one after the other, for the latency.
const IN_A_ROW: u32 = 3_000;

/// One server's figures.
pub(crate) struct Figures {
    /// Requests a second over two connections with sixteen streams each.
    pub(crate) rate: f64,
    /// Processor time of the server, microseconds a request.
    pub(crate) cpu: f64,
    /// Latency of one request at a time, milliseconds: the median.
    pub(crate) p50: f64,
    /// The same: what one in a hundred exceeds.
    pub(crate) p99: f64,
}

/// Measures two servers with the same body, in turn, so that whatever else the machine does meets both.
pub(crate) fn compare(body: &str, servers: &[Server; 2]) -> Result<[Figures; 2]> {
    let mut counts = [0; 2];
    for (server, count) in servers.iter().zip(&mut counts) {
        send(server, body, WARM_UP / 3)?;
        let rate = send(server, body, WARM_UP)?;
        *count = whole((rate * SECONDS).clamp(1_000.0, 200_000.0));
    }
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for ((server, count), rounds) in servers.iter().zip(counts).zip(&mut rounds) {
            rounds.push(measure(server, body, count)?);
        }
    }
    Ok(rounds.map(|rounds| medians(&rounds)))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn whole(number: f64) -> u32 {
    number as u32
}

fn measure(server: &Server, body: &str, count: u32) -> Result<Figures> {
    let before = server.cpu()?;
    let rate = send(server, body, count)?;
    let cpu = (server.cpu()? - before) * 1e6 / f64::from(count);
    let (p50, p99) = latency(server, body)?;
    Ok(Figures { rate, cpu, p50, p99 })
}

/// Sends `count` reviews over two connections, and tells how many were answered a second.
pub(crate) fn send(server: &Server, body: &str, count: u32) -> Result<f64> {
    let output = h2load(server, body, count, &["-c2", "-m16"])?;
    let line = output.lines().find(|line| line.starts_with("finished in ")).context("a result")?;
    let rate = line.split(", ").nth(1).and_then(|rate| rate.strip_suffix(" req/s"));
    Ok(rate.context("a rate")?.parse()?)
}

/// Median and 99th percentile of one request at a time, in milliseconds.
fn latency(server: &Server, body: &str) -> Result<(f64, f64)> {
    let log = env::temp_dir().join(format!("podgate-bench-{}.log", std::process::id()));
    let _ = fs::remove_file(&log);
    let log_text = log.to_str().context("the folder for temporary files has a plain name")?;
    h2load(server, body, IN_A_ROW, &["-c1", "-m1", "--log-file", log_text])?;
    let text = fs::read_to_string(&log)?;
    fs::remove_file(&log)?;
    // When it was sent, the status, and how long the answer took, in microseconds.
    let mut all = text
        .lines()
        .map(|line| Ok(line.split('\t').nth(2).context("three columns")?.parse::<f64>()? / 1e3))
        .collect::<Result<Vec<_>>>()?;
    all.sort_by(f64::total_cmp);
    let at = |part: usize| all.get(all.len() * part / 100).copied().context("a latency");
    Ok((at(50)?, at(99)?))
}

fn h2load(server: &Server, body: &str, count: u32, options: &[&str]) -> Result<String> {
    let output = Command::new("h2load")
        .args(options)
        .args(["-n", &count.to_string(), "-d", &format!("e2e/reviews/{body}.json")])
        .args(["-H", "content-type: application/json", "-H", "accept: application/json"])
        .arg(&server.url)
        .output()
        .context("starting h2load")?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "h2load failed ({}): {text}", output.status);
    ensure!(
        text.contains(&format!("status codes: {count} 2xx")),
        "not every one of {count} reviews was answered:\n{text}"
    );
    Ok(text)
}

fn medians(rounds: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| median(rounds.iter().map(figure).collect());
    Figures { rate: of(|f| f.rate), cpu: of(|f| f.cpu), p50: of(|f| f.p50), p99: of(|f| f.p99) }
}

/// The one in the middle.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
