//! Makes a ledger of as many records as asked for, from real decisions, and measures taking them in and asking for them.
//!
//! ```text
//! make bench-ledger RECORDS=1000000
//! ```
//!
//! With 0 records it asks of those that are there.

use std::env;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use podgate::admission::Review;
use podgate::engine::{Scope, decide};
use podgate::ledger::chain::{Head, append};
use podgate::ledger::query::{Filter, Page};
use podgate::ledger::store::Store;
use podgate::ledger::verify::{Place, Verifier};
use podgate::ledger::{Instance, Record, Request};
use podgate::policy::{self, Options, PolicySet};

/// What is judged again and again, for others each time: of ten, so many of each. The first breaks some forty rules, the
/// second one, the third none.
const REVIEWS: [(usize, &str); 3] = [
    (1, include_str!("../../../reviews/violating.json")),
    (7, include_str!("../../../reviews/ephemeral.json")),
    (2, include_str!("../../../reviews/typical.json")),
];
/// Records of one batch, as a replica sends them.
const BATCH: usize = 250;
/// Replicas that take turns.
const REPLICAS: usize = 3;
/// The records are of the thirty days before this moment.
const DAYS: i64 = 30;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let url = arguments.next().context("a store, such as sqlite:/tmp/ledger.db")?;
    let count: usize = arguments.next().context("how many records")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(&url, count))
}

async fn measure(url: &str, count: usize) -> Result<()> {
    let store = Store::open(url).await?;
    let set = policies()?;
    let now: Timestamp = "2026-11-26T00:00:00Z".parse()?;
    let begin = now - SignedDuration::from_hours(DAYS * 24);
    let step = SignedDuration::from_hours(DAYS * 24) / i32::try_from(count.max(1))?;
    let mut writers: Vec<Writer> = (0..REPLICAS).map(Writer::new).collect();
    let (mut taken, mut bytes) = (Duration::ZERO, 0);
    let mut number = 0;
    while number < count {
        let writer = &mut writers[(number / BATCH) % REPLICAS];
        let mut lines = Vec::new();
        for _ in 0..BATCH.min(count - number) {
            let time = begin + step * i32::try_from(number)?;
            writer.record(&set, number, time, &mut lines)?;
            number += 1;
        }
        bytes += lines.len();
        let chain = writer.instance.chain();
        let start = Instant::now();
        store.append(&chain, std::str::from_utf8(&lines)?).await?;
        taken += start.elapsed();
    }
    if let Some(each) = bytes.checked_div(count) {
        say(&format!("records: {count} of {each} bytes"));
        say(&format!("taken in: {:.0} a second", per_second(count, taken)));
    }
    ask(&store).await?;
    verify(&store).await
}

async fn ask(store: &Store) -> Result<()> {
    let newest = store.decisions(&Filter::default(), &Page::first(1)).await?.items;
    let now = newest.first().context("records")?.entry.time;
    let one = |text: &str| vec![text.to_owned()];
    let any = Filter::default();
    let week = Some(now - SignedDuration::from_hours(7 * 24));
    for (name, filter) in [
        ("newest", any.clone()),
        (
            "denied in a namespace",
            Filter { decisions: one("denied"), namespaces: one("team-7"), ..any.clone() },
        ),
        (
            "of a person, by a pattern",
            Filter { users: one("person-4*"), since: week, ..any.clone() },
        ),
        (
            "of a rule",
            Filter { policies: one("shared-kernel"), rules: one("privileged"), ..any.clone() },
        ),
        ("of a rare rule in a week", Filter { rules: one("none"), since: week, ..any.clone() }),
        ("of a name that is not there", Filter { names: one("nobody"), ..any.clone() }),
        (
            "of a rule in a namespace",
            Filter { namespaces: one("team-7"), rules: one("hostPorts"), ..any.clone() },
        ),
        ("of one incident", Filter { incidents: one("0000000000000000"), ..any.clone() }),
    ] {
        let mut times = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            store.decisions(&filter, &Page::first(50)).await?;
            times.push(milliseconds(start));
        }
        times.sort_by(f64::total_cmp);
        say(&format!("a page, {name}: {:.1} ms", times[2]));
    }
    let start = Instant::now();
    let timeline = Filter { since: week, ..any.clone() };
    store.timeline(&timeline, SignedDuration::from_hours(3)).await?;
    say(&format!("the timeline of a week: {:.1} ms", milliseconds(start)));
    let start = Instant::now();
    let timeline = Filter { namespaces: one("team-7"), ..timeline };
    store.timeline(&timeline, SignedDuration::from_hours(3)).await?;
    say(&format!("the same of a namespace: {:.1} ms", milliseconds(start)));
    let start = Instant::now();
    store.policies(now - SignedDuration::from_hours(30 * 24)).await?;
    say(&format!("what each policy denied in a month: {:.1} ms", milliseconds(start)));
    let start = Instant::now();
    store.incidents(&Filter { since: week, ..any }, 50).await?;
    say(&format!("incidents of a week: {:.1} ms", milliseconds(start)));
    Ok(())
}

async fn verify(store: &Store) -> Result<()> {
    let start = Instant::now();
    let (mut verifier, mut count) = (Verifier::new(None), 0);
    for chain in store.chains().await? {
        let mut after = 0;
        loop {
            let lines = store.lines(&chain.chain, after, 5000).await?;
            let Some((last, _)) = lines.last() else { break };
            after = *last;
            for (line, text) in &lines {
                verifier.read(text, &Place { source: "store".into(), line: *line });
                count += 1;
            }
        }
    }
    anyhow::ensure!(verifier.finish().is_sound(), "not sound");
    say(&format!("verified: {:.0} a second", per_second(count, start.elapsed())));
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_second(count: usize, taken: Duration) -> f64 {
    count as f64 / taken.as_secs_f64()
}

fn policies() -> Result<PolicySet> {
    let options = Options::at(Timestamp::UNIX_EPOCH);
    // Those that are in force where nobody names any.
    let mut sources = policy::embedded();
    sources.retain(|source| {
        ["baseline", "shared-kernel"].iter().any(|name| source.name.ends_with(name))
    });
    let compiled = policy::compile(&sources, &options);
    let (set, _) = compiled.map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    Ok(set)
}

/// One replica.
struct Writer {
    instance: Instance,
    head: Head,
}

impl Writer {
    fn new(number: usize) -> Self {
        let instance = Instance {
            boot: format!("boot-{number}"),
            cluster: "bench".to_owned(),
            replica: format!("podgate-webhook-{number}"),
        };
        Self { instance, head: Head::START }
    }

    /// Judges a review as if somebody else had sent it, and appends the record's line.
    fn record(
        &mut self,
        set: &PolicySet,
        number: usize,
        time: Timestamp,
        lines: &mut Vec<u8>,
    ) -> Result<()> {
        let mut of_ten = REVIEWS.iter().flat_map(|(times, review)| [*review].repeat(*times));
        let review = of_ten.nth(number % 10).context("ten reviews")?;
        let mut review = Review::decode(review).map_err(anyhow::Error::msg)?;
        let attributes = &mut review.attributes;
        // A storm is many of one name in one namespace.
        let storm = number % 7 < 2;
        attributes.namespace.0 = format!("team-{}", if storm { 0 } else { number % 97 }).into();
        attributes.name.0 = format!("web-{}", if storm { 0 } else { number % 5003 }).into();
        attributes.user.username.0 = format!("person-{}", number % 211).into();
        let uid = format!("00000000-0000-4000-8000-{number:012x}");
        let decision = decide(set, attributes, Scope::Deny, &uid, time);
        let request = Request {
            uid: &uid,
            attributes: &review.attributes,
            object_json: review.object_json,
            instance: &self.instance,
            generation: 1,
            time,
            latency: Duration::from_micros(40),
        };
        append(lines, &mut self.head, &Record::new(&decision, &request).to_body());
        Ok(())
    }
}

/// The figures go to standard output, one on a line.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
