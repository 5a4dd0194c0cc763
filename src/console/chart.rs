//! The timeline: stacked bars, drawn here.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::params::Params;
use super::views::{Bar, Chart, Total};
use crate::engine::Outcome;
use crate::ledger::store::{Bucket, Timeline};

/// The picture's size; its templates say the same.
const WIDTH: u64 = 720;
const HEIGHT: u64 = 112;
const FLOOR: u64 = 120;
/// Bars at most.
const BARS: i64 = 72;
/// How wide a bar may be, in seconds.
const WIDTHS: [(i64, &str); 11] = [
    (10, "10 seconds"),
    (60, "a minute"),
    (300, "5 minutes"),
    (900, "15 minutes"),
    (1800, "half an hour"),
    (3600, "an hour"),
    (3 * 3600, "3 hours"),
    (6 * 3600, "6 hours"),
    (12 * 3600, "12 hours"),
    (24 * 3600, "a day"),
    (7 * 24 * 3600, "a week"),
];

/// A stretch of time, cut into bars.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: Timestamp,
    until: Timestamp,
    width: i64,
    name: &'static str,
}

impl Scale {
    /// Bars from `from` to `until` that all fit.
    pub(super) fn new(from: Timestamp, until: Timestamp) -> Self {
        let seconds = until.duration_since(from).as_secs().max(1);
        let fits = WIDTHS.iter().find(|(width, _)| seconds / width < BARS);
        let (width, name) = fits.copied().unwrap_or(WIDTHS[WIDTHS.len() - 1]);
        Self { from, until, width, name }
    }

    /// How long a bar is.
    pub(super) fn width(&self) -> SignedDuration {
        SignedDuration::from_secs(self.width)
    }

    /// Draws `timeline`, with links to each outcome alone.
    pub(super) fn draw(&self, timeline: &Timeline, params: &Params) -> Chart {
        let buckets = &timeline.buckets;
        let first = self.from.as_second().div_euclid(self.width);
        let count = (self.until.as_second().div_euclid(self.width) - first + 1).clamp(1, 4 * BARS);
        let step = (WIDTH / count.unsigned_abs()).max(1);
        let mut stacks: BTreeMap<i64, Vec<&Bucket>> = BTreeMap::new();
        for bucket in buckets {
            stacks
                .entry(bucket.start.as_second().div_euclid(self.width) - first)
                .or_default()
                .push(bucket);
        }
        let highest = stacks.values().map(|stack| stack.iter().map(|b| b.count).sum::<u64>()).max();
        let highest = highest.unwrap_or(1).max(1);
        let mut bars = Vec::new();
        for (place, mut stack) in stacks {
            stack.sort_by_key(|bucket| order(&bucket.decision));
            let mut top = FLOOR;
            for bucket in stack {
                // What is there is seen, however little it is.
                let height = (bucket.count * HEIGHT / highest).max(1);
                top = top.saturating_sub(height);
                bars.push(Bar {
                    class: bucket.decision.clone(),
                    x: place.max(0).unsigned_abs() * step,
                    y: top,
                    width: step.saturating_sub(1).max(1),
                    height,
                    title: format!("{} {} from {:.0}", bucket.count, bucket.decision, bucket.start),
                });
            }
        }
        let totals = Outcome::ALL.iter().rev().map(|outcome| {
            let class = outcome.as_str();
            let of = buckets.iter().filter(|bucket| bucket.decision == class);
            Total {
                class: class.to_owned(),
                count: of.map(|bucket| bucket.count).sum(),
                href: params.link("/", &[("decision", class)]),
            }
        });
        Chart {
            from: format!("{:.0}", self.from),
            until: format!("{:.0}", self.until),
            width: self.name.to_owned(),
            counted_since: timeline.counted_since.map(|since| format!("{since:.0}")),
            bars,
            totals: totals.collect(),
        }
    }
}

/// What is worst stands lowest.
fn order(decision: &str) -> usize {
    Outcome::ALL.iter().rev().position(|outcome| outcome.as_str() == decision).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fit_whatever_the_stretch_is_and_none_is_lost() {
        let until: Timestamp = "2026-11-26T10:00:00Z".parse().unwrap();
        for hours in [0, 1, 24, 24 * 30, 24 * 365] {
            let scale = Scale::new(until - SignedDuration::from_hours(hours), until);
            let bucket = |start, count| Bucket { start, decision: "denied".to_owned(), count };
            let buckets = vec![bucket(scale.from, 1), bucket(until, 1_000_000)];
            let timeline = Timeline { buckets, counted_since: None };
            let chart = scale.draw(&timeline, &Params::new(Vec::new(), "24h"));
            assert_eq!(chart.bars.len(), 2, "{hours}");
            for bar in &chart.bars {
                assert!(
                    bar.x + bar.width <= WIDTH && bar.y + bar.height <= FLOOR,
                    "{hours}: {} {}",
                    bar.x,
                    bar.y
                );
                assert!(bar.height > 0);
            }
            assert_eq!(chart.totals.iter().map(|total| total.count).sum::<u64>(), 1_000_001);
        }
    }
}
