//! Measures Podgate beside its floor, and writes `docs/benchmarks.md`.
//!
//! Both servers run on loopback, one at a time under load. `make bench` builds all that is needed, runs the criterion
//! benches, whose results are read here, and then this, from the root of the repository.

mod load;
mod page;
mod server;

use std::fs;
use std::io::Write as _;

use anyhow::Result;

use crate::load::{Comparison, compare};
use crate::server::Server;

/// Where the figures are published.
const PAGE: &str = "docs/benchmarks.md";
/// The bodies and the least share of the floor's requests that Podgate should answer.
const REVIEWS: [(&str, f64); 4] =
    [("small", 0.75), ("typical", 0.65), ("large", 0.6), ("violating", 0.6)];
/// Reviews sent before memory is read, as the goal counts them.
const REVIEWS_FOR_MEMORY: u32 = 100_000;

fn main() -> Result<()> {
    say("start to ready, five times");
    let ready = server::time_to_ready(5)?;
    say("memory");
    let memory = memory()?;
    let mut rows = Vec::new();
    for (name, goal) in REVIEWS {
        let comparison = compare(name)?;
        let (podgate, floor) = (&comparison.podgate, &comparison.floor);
        say(&format!("{name}: {:.0} of {:.0} requests/s", podgate.rate, floor.rate));
        rows.push(Row { name, goal, comparison });
    }
    let page = page::render(&page::Figures { ready, memory, rows })?;
    fs::write(PAGE, page)?;
    say(&format!("written: {PAGE}"));
    Ok(())
}

/// One body's figures and the goal for it.
struct Row {
    name: &'static str,
    goal: f64,
    comparison: Comparison,
}

/// Resident memory in KiB: before any review, after 100,000 typical ones, and after large ones on top.
struct Memory {
    idle: u64,
    typical: u64,
    large: u64,
}

fn memory() -> Result<Memory> {
    let podgate = Server::podgate("policies/restricted")?;
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
