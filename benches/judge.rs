//! Decoding and judging the captured reviews, beside the floor: what `serde_json` needs to skip the
//! same bytes. `docs/benchmarks.md` has the figures.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use podgate::admission::{Review, without_managed_fields};
use podgate::engine::{self, Scope};
use podgate::policy::{Options, PolicySet, Source, compile, embedded};
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

/// Ten rules in CEL that the typical review keeps, of the kinds that people write.
fn expressions() -> Source {
    let rules = [
        "has(object.metadata.labels) && 'app.kubernetes.io/name' in object.metadata.labels || true",
        "object.spec.containers.all(c, c.image.contains('/'))",
        "object.spec.containers.all(c, !has(c.securityContext.privileged) || !c.securityContext.privileged)",
        "object.spec.containers.all(c, c.image.matches('^[a-z0-9.:/@_-]+$'))",
        "!has(object.spec.hostNetwork) || !object.spec.hostNetwork",
        "object.spec.containers.all(c, !has(c.resources.limits) || c.resources.limits.all(k, isQuantity(c.resources.limits[k])))",
        "request.userInfo.username != 'eve' && !('nobody' in request.userInfo.groups)",
        "object.?metadata.?annotations[?'example.com/owner'].orValue('somebody') != ''",
        "pod.containers.map(c, c.name).distinct().size() == pod.containers.size()",
        "object.spec.?volumes.orValue([]).all(v, !has(v.hostPath) || v.hostPath.path != '/')",
    ];
    let mut text =
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: own}\nspec:\n  rules:\n"
            .to_owned();
    for (number, rule) in rules.iter().enumerate() {
        writeln!(text, "  - cel:\n      name: own-{number}\n      expression: |-\n        {rule}")
            .expect("a String takes everything");
    }
    Source { name: "own".to_owned(), text }
}

fn set(sources: &[Source]) -> PolicySet {
    let options = Options::at(NOW);
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
    for (name, set) in [
        ("1", set(&[restricted()])),
        ("1 and 1000 others", set(&[restricted(), others(1000)])),
        ("1 and ten rules in CEL", set(&[restricted(), expressions()])),
    ] {
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
