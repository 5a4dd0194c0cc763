//! Measures Podgate beside its floor, and writes `docs/benchmarks.md`.
//!
//! Both servers run on loopback, one at a time under load. `make bench` builds all that is needed, runs the criterion
//! benches, whose results are read here, and then this, from the root of the repository.

mod load;
mod page;
mod server;

use std::env;
use std::fs;
use std::io::Write as _;

use anyhow::{Context as _, Result};

use crate::load::{Figures, compare};
use crate::server::Server;

/// Where the figures are published.
const PAGE: &str = "docs/benchmarks.md";
/// The bodies and the least share of the floor's requests that Podgate should answer.
const REVIEWS: [(&str, f64); 4] =
    [("small", 0.75), ("typical", 0.65), ("large", 0.6), ("violating", 0.6)];
/// The policies under which they are judged.
const POLICIES: &str = "policies/restricted";
/// The bodies that are sent to one that keeps its records and to one that does not. One is let in, of the others one breaks
/// a single rule and one every rule, and each of their answers is recorded.
const RECORDED: [&str; 3] = ["typical", "ephemeral", "violating"];
/// Reviews sent before memory is read, as the goal counts them.
const REVIEWS_FOR_MEMORY: u32 = 100_000;

fn main() -> Result<()> {
    say("start to ready, five times");
    let ready = server::time_to_ready(5)?;
    say("memory");
    let memory = memory()?;
    let mut rows = Vec::new();
    for (name, goal) in REVIEWS {
        let servers = [Server::podgate(POLICIES)?, Server::floor()?];
        rows.push(Row::new(name, goal, compare(name, &servers)?));
    }
    let recorded = RECORDED.into_iter().map(recorded).collect::<Result<Vec<_>>>()?;
    let page = page::render(&page::Figures { ready, memory, rows, recorded })?;
    fs::write(PAGE, page)?;
    say(&format!("written: {PAGE}"));
    Ok(())
}

/// One body's figures beside those it is compared with, and the goal for their ratio.
struct Row {
    name: &'static str,
    goal: f64,
    podgate: Figures,
    other: Figures,
}

impl Row {
    fn new(name: &'static str, goal: f64, [podgate, other]: [Figures; 2]) -> Self {
        say(&format!("{name}: {:.0} of {:.0} requests/s", podgate.rate, other.rate));
        Self { name, goal, podgate, other }
    }
}

/// A webhook as the chart runs it, with a spool, beside one whose records go to standard output alone.
fn recorded(name: &'static str) -> Result<Row> {
    let spool = env::temp_dir().join(format!("podgate-bench-spool-{}", std::process::id()));
    let setting = spool.to_str().context("the folder for temporary files has a plain name")?;
    let servers =
        [Server::podgate_with(POLICIES, &["--ledger-spool", setting])?, Server::podgate(POLICIES)?];
    let row = Row::new(name, 0.9, compare(name, &servers)?);
    drop(servers);
    fs::remove_dir_all(&spool)?;
    Ok(row)
}

/// Resident memory in KiB: before any review, after 100,000 typical ones, and after large ones on top.
struct Memory {
    idle: u64,
    typical: u64,
    large: u64,
}

fn memory() -> Result<Memory> {
    let podgate = Server::podgate(POLICIES)?;
    let idle = podgate.resident()?;
    load::send(&podgate, "typical", REVIEWS_FOR_MEMORY)?;
    let typical = podgate.resident()?;
    load::send(&podgate, "large", REVIEWS_FOR_MEMORY / 10)?;
    Ok(Memory { idle, typical, large: podgate.resident()? })
}

/// Progress goes to standard error; where that is gone, the page still tells.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "bench: {text}");
}
