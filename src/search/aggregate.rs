//! Items counted instead of listed: STAC's aggregation extension, v0.3.0.
//!
//! In: which [`Aggregations`] are wanted, and the facts of each Item that matches, one after another in any order, from
//! wherever they are kept. Out: [`Aggregated`] values and buckets. An Item that falls into no bucket, because it lacks the
//! property or because there are too many buckets already, is counted as `overflow`. Cost: one hash lookup per Item and
//! distribution, memory by distinct buckets, of which there are at most [`MAX_TALLIED`].

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::aggregation::{Aggregation, Aggregations};
use crate::stac::format_instant;

/// Buckets of one distribution that an answer shows: the largest ones.
pub const MAX_BUCKETS: usize = 10_000;

/// Buckets of one distribution that are counted; Items beyond go to its overflow.
pub const MAX_TALLIED: usize = 1 << 20;

/// Width of a bucket of `cloud_cover_frequency`, in percent.
const CLOUD_COVER_STEP: u32 = 10;

/// What a tally needs to know of one Item.
#[derive(Debug, Clone, Copy)]
pub struct Tallied<'a> {
    /// Its time.
    pub start: DateTime<Utc>,
    /// The id of its Collection.
    pub collection: &'a str,
    /// `eo:cloud_cover` in percent.
    pub cloud_cover: Option<f64>,
    /// `platform`.
    pub platform: Option<&'a str>,
    /// `grid:code`.
    pub grid_code: Option<&'a str>,
    /// Longitude and latitude of the middle of its box.
    pub center: Option<(f64, f64)>,
}

/// The answer to one [`Aggregation`].
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregated {
    /// Which.
    pub aggregation: Aggregation,
    /// Its value or buckets.
    pub outcome: Outcome,
}

/// A value, or a distribution.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// One value; null without any Item.
    Value(Value),
    /// How many Items fall into each bucket.
    Buckets {
        /// Date-times and ranges ascending, names by frequency and then by name.
        buckets: Vec<Bucket>,
        /// Items that fall into none of them.
        overflow: u64,
    },
}

/// Items that have something in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// What they have in common.
    pub key: String,
    /// How many there are.
    pub frequency: u64,
    /// Of a range: its lower bound, inclusive.
    pub from: Option<f64>,
    /// Of a range: its upper bound, exclusive; `None`: open.
    pub to: Option<f64>,
}

/// Counts Items as they come.
#[derive(Debug)]
pub struct Tally<'a> {
    question: &'a Aggregations,
    total: u64,
    earliest: Option<DateTime<Utc>>,
    latest: Option<DateTime<Utc>>,
    /// By place in `question.wanted`; empty for single values.
    distributions: Vec<Distribution>,
}

#[derive(Debug, Default)]
struct Distribution {
    counts: HashMap<String, u64>,
    overflow: u64,
}

impl Distribution {
    fn add(&mut self, key: Option<&str>, count: u64) {
        let Some(key) = key else {
            self.overflow += count;
            return;
        };
        if let Some(counted) = self.counts.get_mut(key) {
            *counted += count;
        } else if self.counts.len() < MAX_TALLIED {
            self.counts.insert(key.to_owned(), count);
        } else {
            self.overflow += count;
        }
    }
}

impl<'a> Tally<'a> {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(question: &'a Aggregations) -> Self {
        let distributions = question.wanted.iter().map(|_| Distribution::default()).collect();
        Self { question, total: 0, earliest: None, latest: None, distributions }
    }

    /// Counts one Item.
    pub fn add(&mut self, item: &Tallied<'_>) {
        self.total += 1;
        self.earliest = Some(self.earliest.map_or(item.start, |known| known.min(item.start)));
        self.latest = Some(self.latest.map_or(item.start, |known| known.max(item.start)));
        for (wanted, distribution) in self.question.wanted.iter().zip(&mut self.distributions) {
            match wanted {
                Aggregation::TotalCount | Aggregation::DatetimeMin | Aggregation::DatetimeMax => {}
                Aggregation::DatetimeFrequency => {
                    let from = self.question.every.begin(item.start.date_naive());
                    let key = from.map(|from| format!("{}T00:00:00Z", from.format("%Y-%m-%d")));
                    distribution.add(key.as_deref(), 1);
                }
                Aggregation::CloudCoverFrequency => {
                    let key = item.cloud_cover.and_then(cloud_cover_step).map(|from| format!("{from:03}"));
                    distribution.add(key.as_deref(), 1);
                }
                Aggregation::CollectionFrequency => distribution.add(Some(item.collection), 1),
                Aggregation::PlatformFrequency => distribution.add(item.platform, 1),
                Aggregation::GridCodeFrequency => distribution.add(item.grid_code, 1),
                Aggregation::CentroidGeohashGridFrequency => {
                    let key = item.center.map(|(lon, lat)| geohash(lon, lat, self.question.precision));
                    distribution.add(key.as_deref(), 1);
                }
            }
        }
    }

    /// Adds what another tally of the same question has counted.
    pub fn merge(&mut self, other: Self) {
        self.total += other.total;
        self.earliest = self.earliest.into_iter().chain(other.earliest).min();
        self.latest = self.latest.max(other.latest);
        for (mine, theirs) in self.distributions.iter_mut().zip(other.distributions) {
            mine.overflow += theirs.overflow;
            for (key, count) in theirs.counts {
                mine.add(Some(&key), count);
            }
        }
    }

    /// What was counted, in the order asked for.
    #[must_use]
    pub fn finish(self) -> Vec<Aggregated> {
        let instant = |at: Option<DateTime<Utc>>| Outcome::Value(at.map(format_instant).into());
        let (total, earliest, latest) = (self.total, self.earliest, self.latest);
        let answer = |(wanted, distribution): (&Aggregation, Distribution)| {
            let outcome = match wanted {
                Aggregation::TotalCount => Outcome::Value(json!(total)),
                Aggregation::DatetimeMin => instant(earliest),
                Aggregation::DatetimeMax => instant(latest),
                Aggregation::DatetimeFrequency => buckets(distribution, true, named),
                Aggregation::CloudCoverFrequency => buckets(distribution, true, step_bucket),
                _ => buckets(distribution, false, named),
            };
            Aggregated { aggregation: *wanted, outcome }
        };
        self.question.wanted.iter().zip(self.distributions).map(answer).collect()
    }
}

/// The largest buckets of a distribution, ordered by key or by frequency.
fn buckets(distribution: Distribution, by_key: bool, bucket: fn(&str, u64) -> Bucket) -> Outcome {
    let mut overflow = distribution.overflow;
    let mut counts: Vec<(String, u64)> = distribution.counts.into_iter().collect();
    counts.sort_unstable_by(|(a_key, a), (b_key, b)| b.cmp(a).then_with(|| a_key.cmp(b_key)));
    overflow += counts.drain(MAX_BUCKETS.min(counts.len())..).map(|(_, count)| count).sum::<u64>();
    if by_key {
        counts.sort_unstable();
    }
    Outcome::Buckets {
        buckets: counts.into_iter().map(|(key, count)| bucket(&key, count)).collect(),
        overflow,
    }
}

fn named(key: &str, frequency: u64) -> Bucket {
    Bucket { key: key.to_owned(), frequency, from: None, to: None }
}

fn step_bucket(step: &str, frequency: u64) -> Bucket {
    let from: u32 = step.parse().unwrap_or_default();
    let to = from + CLOUD_COVER_STEP;
    // 100 % belongs to the last range.
    let key = if to == 100 { format!("{from}-*") } else { format!("{from}-{to}") };
    Bucket { key, frequency, from: Some(from.into()), to: (to < 100).then(|| to.into()) }
}

/// The lower bound of the range that a cloud cover falls into; `None`: no percentage.
fn cloud_cover_step(percent: f64) -> Option<u32> {
    let last = 100 - CLOUD_COVER_STEP;
    (0..=last)
        .rev()
        .step_by(CLOUD_COVER_STEP as usize)
        .find(|from| percent >= f64::from(*from))
        .filter(|_| percent <= 100.0)
}

/// The geohash of a place: longitude and latitude halved in turns, five bits a character.
fn geohash(lon: f64, lat: f64, length: usize) -> String {
    const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let (mut x, mut y) = ((-180.0, 180.0), (-90.0, 90.0));
    let mut is_lon = true;
    let mut hash = String::with_capacity(length);
    for _ in 0..length {
        let mut digit = 0;
        for _ in 0..5 {
            let (range, value) = if is_lon { (&mut x, lon) } else { (&mut y, lat) };
            let middle = f64::midpoint(range.0, range.1);
            let upper = value >= middle;
            *(if upper { &mut range.0 } else { &mut range.1 }) = middle;
            digit = digit << 1 | usize::from(upper);
            is_lon = !is_lon;
        }
        hash.push(char::from(DIGITS[digit]));
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::aggregation::Every;
    use crate::stac::parse_instant;

    fn item(start: &str, cloud_cover: Option<f64>) -> Tallied<'_> {
        Tallied {
            start: parse_instant(start).expect("an instant"),
            collection: "c",
            cloud_cover,
            platform: None,
            grid_code: Some("MGRS-35VLH"),
            center: Some((-5.6, 42.6)),
        }
    }

    fn keys(outcome: &Outcome) -> Vec<(&str, u64)> {
        match outcome {
            Outcome::Buckets { buckets, .. } => {
                buckets.iter().map(|b| (b.key.as_str(), b.frequency)).collect()
            }
            Outcome::Value(value) => panic!("{value} is no distribution"),
        }
    }

    #[test]
    fn geohashes_are_those_of_the_published_example() {
        assert_eq!(geohash(-5.6, 42.6, 5), "ezs42");
        assert_eq!(geohash(180.0, 90.0, 12), "zzzzzzzzzzzz");
    }

    #[test]
    fn a_merged_tally_is_that_of_all_items() {
        let question = Aggregations { wanted: Aggregation::ALL.to_vec(), every: Every::Year, precision: 1 };
        let items = [
            item("2024-02-03T00:00:00Z", Some(100.0)),
            item("2023-02-03T00:00:00Z", Some(9.99)),
            item("2024-12-31T23:59:59Z", None),
            item("2024-01-01T00:00:00Z", Some(10.0)),
        ];
        let tally = |items: &[Tallied]| {
            let mut tally = Tally::new(&question);
            for item in items {
                tally.add(item);
            }
            tally
        };
        let mut merged = tally(&items[..1]);
        merged.merge(tally(&items[1..]));
        let found = merged.finish();
        assert_eq!(found, tally(&items).finish());
        assert_eq!(found[0].outcome, Outcome::Value(json!(4)));
        assert_eq!(found[1].outcome, Outcome::Value(json!("2023-02-03T00:00:00Z")));
        assert_eq!(keys(&found[3].outcome), [("2023-01-01T00:00:00Z", 1), ("2024-01-01T00:00:00Z", 3)]);
        assert_eq!(keys(&found[4].outcome), [("0-10", 1), ("10-20", 1), ("90-*", 1)]);
        assert!(matches!(found[4].outcome, Outcome::Buckets { overflow: 1, .. }));
        assert!(matches!(&found[6].outcome, Outcome::Buckets { overflow: 4, buckets } if buckets.is_empty()));
    }
}
