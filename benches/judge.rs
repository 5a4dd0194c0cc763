//! Decoding and judging the captured reviews, beside the floor: what `serde_json` needs to skip the
//! same bytes. `docs/benchmarks.md` has the figures.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use podgate::admission::{Review, without_managed_fields};
use podgate::engine::{self, Scope};
use podgate::policy::{Options, PolicySet, Severity, Source, compile, embedded};
use serde::de::IgnoredAny;

const REVIEWS: [(&str, &str); 4] = [
    ("small", include_str!("../e2e/reviews/small.json")),
    ("typical", include_str!("../e2e/reviews/typical.json")),
    ("large", include_str!("../e2e/reviews/large.json")),
    ("violating", include_str!("../e2e/reviews/violating.json")),
];

/// When the reviews are judged.
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn restricted() -> Source {
    embedded()
        .into_iter()
        .find(|source| source.name.ends_with("restricted"))
        .expect("the library has it")
}

/// Policies of other teams, each for a namespace that no review is about.
fn others(count: usize) -> Source {
    let mut text = String::new();
    for number in 0..count {
        write!(
            text,
            "---\napiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {{name: team-{number}}}\nspec:\n  \
             enforcement: Deny\n  match: {{namespaces: {{include: [team-{number}]}}}}\n  \
             standard: {{level: Restricted, version: v1.37}}\n"
        )
        .expect("a String takes everything");
    }
    Source { name: "others".to_owned(), text }
}

fn set(sources: &[Source]) -> PolicySet {
    let options = Options { now: NOW, trusted_labels: Vec::new(), expired: Severity::Error };
    compile(sources, &options).expect("the policies compile").0
}

fn decide(set: &PolicySet, body: &str) -> usize {
    let body = without_managed_fields(body);
    let review = Review::decode(&body).expect("a review");
    engine::decide(set, &review.attributes, Scope::Deny, &review.uid, NOW).violations.len()
}

fn judge(criterion: &mut Criterion) {
    let restricted = set(&[restricted()]);
    for (name, body) in REVIEWS {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("floor", |b| {
            b.iter(|| serde_json::from_str::<IgnoredAny>(black_box(body)).expect("valid JSON"));
        });
        group.bench_function("decode", |b| {
            b.iter(|| {
                let body = without_managed_fields(black_box(body));
                Review::decode(&body).expect("a review").uid.len()
            });
        });
        group.bench_function("decode and judge", |b| {
            b.iter(|| decide(&restricted, black_box(body)));
        });
        group.finish();
    }
}

/// Judging alone: policies that are about other namespaces should cost nothing.
fn policies(criterion: &mut Criterion) {
    let (_, body) = REVIEWS[1];
    let review = Review::decode(body).expect("a review");
    let mut group = criterion.benchmark_group("policies");
    for (name, set) in
        [("1", set(&[restricted()])), ("1 and 1000 others", set(&[restricted(), others(1000)]))]
    {
        group.bench_function(name, |b| {
            b.iter(|| {
                let attributes = black_box(&review.attributes);
                engine::decide(&set, attributes, Scope::Deny, &review.uid, NOW).violations.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, judge, policies);
criterion_main!(benches);
