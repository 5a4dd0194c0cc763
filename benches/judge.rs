//! Decoding and judging the captured reviews, beside the floor: what `serde_json` needs to skip the
//! same bytes. `docs/benchmarks.md` has the figures.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use podgate::admission::Review;
use serde::de::IgnoredAny;

const REVIEWS: [(&str, &str); 4] = [
    ("small", include_str!("../e2e/reviews/small.json")),
    ("typical", include_str!("../e2e/reviews/typical.json")),
    ("large", include_str!("../e2e/reviews/large.json")),
    ("violating", include_str!("../e2e/reviews/violating.json")),
];

fn judge(criterion: &mut Criterion) {
    for (name, body) in REVIEWS {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("floor: skip", |b| {
            b.iter(|| serde_json::from_str::<IgnoredAny>(black_box(body)).expect("valid JSON"));
        });
        group.bench_function("decode", |b| {
            b.iter(|| Review::decode(black_box(body)).expect("a review").uid.len());
        });
        group.finish();
    }
}

criterion_group!(benches, judge);
criterion_main!(benches);
