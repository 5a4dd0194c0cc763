//! Pods that are created at a steady pace while something else happens.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde_json::Value;

use crate::client::{Answer, Client};
use crate::webhook::DENY;

/// Fifty a second.
const PACE: Duration = Duration::from_millis(20);
/// How many are under way at once, at most.
const SENDERS: usize = 8;

/// What is sent, in turn: a pod that must be let in, and one that must be refused.
pub struct Traffic<'a> {
    /// Whose requests they are.
    pub client: &'a Client,
    /// Where the pods are created.
    pub path: String,
    /// What must be let in.
    pub good: Value,
    /// What must be refused.
    pub bad: Value,
}

/// What became of them.
#[derive(Debug, Default)]
pub struct Tally {
    /// Good ones that were let in.
    pub admitted: u32,
    /// Bad ones that Podgate refused.
    pub denied: u32,
    /// Good ones that were refused, and bad ones that something else than Podgate refused.
    pub failed: Vec<String>,
    /// Bad ones that were let in.
    pub slipped_in: Vec<String>,
    /// Requests that no API server took.
    pub untaken: Vec<String>,
    /// How long they were sent.
    pub time: Duration,
}

impl Traffic<'_> {
    /// Sends as long as `work` takes.
    pub fn during<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(T, Tally)> {
        let (done, next) = (AtomicBool::new(false), AtomicU32::new(0));
        let tally = Mutex::new(Tally::default());
        let start = Instant::now();
        let send = || {
            while !done.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                // This is the pace, and no wait for anything to happen.
                thread::sleep((PACE * number).saturating_sub(start.elapsed()));
                let good = number % 2 == 0;
                let answer =
                    self.client.create(&self.path, if good { &self.good } else { &self.bad });
                tally
                    .lock()
                    .map_err(|_| anyhow!("another sender panicked"))?
                    .note(good, answer, start);
            }
            anyhow::Ok(())
        };
        let worked = thread::scope(|scope| {
            let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
            let worked = work();
            done.store(true, Ordering::Relaxed);
            for sender in senders {
                sender.join().map_err(|_| anyhow!("a sender panicked"))??;
            }
            worked
        })?;
        let mut tally = tally.into_inner().map_err(|_| anyhow!("a sender panicked"))?;
        tally.time = start.elapsed();
        Ok((worked, tally))
    }
}

impl Tally {
    fn note(&mut self, good: bool, answer: Result<Answer>, start: Instant) {
        let at = start.elapsed().as_millis();
        match answer {
            // The body has all of the pod, or of the refusal.
            Ok(answer) => match (good, answer.code) {
                (true, 201) => self.admitted += 1,
                (false, 403) if is_denial(&answer.body) => self.denied += 1,
                (false, 201) => self.slipped_in.push(format!("{at} ms")),
                (_, code) => {
                    self.failed.push(format!("{at} ms: {code} {}", answer.body["message"]));
                }
            },
            Err(error) => self.untaken.push(format!("{at} ms: {error:#}")),
        }
    }
}

fn is_denial(body: &Value) -> bool {
    let start = format!("admission webhook \"{DENY}\" denied the request: ");
    body["message"].as_str().is_some_and(|message| message.starts_with(&start))
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [failed, slipped, untaken] =
            [&self.failed, &self.slipped_in, &self.untaken].map(Vec::len);
        write!(
            f,
            "{} admitted, {} denied, {failed} failed, {slipped} slipped in, {untaken} not taken in {:.1} s",
            self.admitted,
            self.denied,
            self.time.as_secs_f64(),
        )
    }
}
