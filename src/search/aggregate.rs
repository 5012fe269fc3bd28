//! Items counted instead of listed: STAC's aggregation extension, v0.3.0.
//!
//! In: which [`Aggregations`] are wanted, and the facts of each Item that matches, one after another in any order, from
//! wherever they are kept. Out: [`Aggregated`] values and buckets. An Item that falls into no bucket, because it lacks the
//! property or because there are too many buckets already, is counted as `overflow`. Cost: one hash lookup per Item and
//! distribution, memory by distinct buckets, of which there are at most [`MAX_TALLIED`].

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use serde_json::{Value, json};

use super::params::{ParamError, Params};
use crate::stac::format_instant;

/// Buckets of one distribution that an answer shows: the largest ones.
pub const MAX_BUCKETS: usize = 10_000;

/// Buckets of one distribution that are counted; Items beyond go to its overflow.
pub const MAX_TALLIED: usize = 1 << 20;

/// Width of a bucket of `cloud_cover_frequency`, in percent.
const CLOUD_COVER_STEP: u32 = 10;

/// Longest geohash, in characters.
const MAX_PRECISION: i64 = 12;

/// Something to know of all Items that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregation {
    /// How many there are.
    TotalCount,
    /// The first time.
    DatetimeMin,
    /// The last time.
    DatetimeMax,
    /// How many in each day, week, month, quarter or year.
    DatetimeFrequency,
    /// How many of each tenth of cloud cover.
    CloudCoverFrequency,
    /// How many in each Collection.
    CollectionFrequency,
    /// How many of each platform.
    PlatformFrequency,
    /// How many of each `grid:code`.
    GridCodeFrequency,
    /// How many in each cell of the geohash grid, by the middle of their boxes.
    CentroidGeohashGridFrequency,
}

/// Length of a bucket of `datetime_frequency`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Every {
    /// From midnight UTC.
    Day,
    /// From Monday on.
    Week,
    /// A calendar month.
    #[default]
    Month,
    /// Three calendar months.
    Quarter,
    /// A calendar year.
    Year,
}

/// What is wanted of the Items that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregations {
    /// Each once, in the order asked for.
    pub wanted: Vec<Aggregation>,
    /// Length of the buckets of `datetime_frequency`.
    pub every: Every,
    /// Characters of a geohash.
    pub precision: usize,
}

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

impl Aggregation {
    /// All that there are.
    pub const ALL: [Self; 9] = [
        Self::TotalCount,
        Self::DatetimeMin,
        Self::DatetimeMax,
        Self::DatetimeFrequency,
        Self::CloudCoverFrequency,
        Self::CollectionFrequency,
        Self::PlatformFrequency,
        Self::GridCodeFrequency,
        Self::CentroidGeohashGridFrequency,
    ];

    /// Its name in the extension.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TotalCount => "total_count",
            Self::DatetimeMin => "datetime_min",
            Self::DatetimeMax => "datetime_max",
            Self::DatetimeFrequency => "datetime_frequency",
            Self::CloudCoverFrequency => "cloud_cover_frequency",
            Self::CollectionFrequency => "collection_frequency",
            Self::PlatformFrequency => "platform_frequency",
            Self::GridCodeFrequency => "grid_code_frequency",
            Self::CentroidGeohashGridFrequency => "centroid_geohash_grid_frequency",
        }
    }

    /// Its `data_type`, and that of the keys of its buckets where it is a distribution.
    #[must_use]
    pub fn data_types(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::TotalCount => ("integer", None),
            Self::DatetimeMin | Self::DatetimeMax => ("datetime", None),
            Self::DatetimeFrequency => ("frequency_distribution", Some("datetime")),
            Self::CloudCoverFrequency => ("frequency_distribution", Some("numeric")),
            Self::CollectionFrequency
            | Self::PlatformFrequency
            | Self::GridCodeFrequency
            | Self::CentroidGeohashGridFrequency => ("frequency_distribution", Some("string")),
        }
    }
}

impl Aggregations {
    /// The parameters that this reads.
    pub const PARAMETERS: [&str; 3] =
        ["aggregations", "datetime_frequency_interval", "centroid_geohash_grid_frequency_precision"];

    /// Reads which aggregations are wanted; none named is none wanted.
    ///
    /// # Errors
    /// Names the parameter and what there is.
    pub fn read(params: &mut Params) -> Result<Self, ParamError> {
        let mut wanted = Vec::new();
        for name in params.texts("aggregations")?.unwrap_or_default() {
            let Some(found) = Aggregation::ALL.into_iter().find(|known| known.name() == name) else {
                let names = Aggregation::ALL.map(Aggregation::name).join(", ");
                let problem = format!(
                    "there is no '{}'; there are: {names}",
                    name.chars().take(40).collect::<String>()
                );
                return Err(ParamError::Invalid { name: "aggregations".to_owned(), problem });
            };
            if !wanted.contains(&found) {
                wanted.push(found);
            }
        }
        let every = match params.text("datetime_frequency_interval")?.as_deref() {
            None => Every::default(),
            Some("day") => Every::Day,
            Some("week") => Every::Week,
            Some("month") => Every::Month,
            Some("quarter") => Every::Quarter,
            Some("year") => Every::Year,
            Some(_) => {
                let problem = "expected day, week, month, quarter or year".to_owned();
                return Err(ParamError::Invalid { name: "datetime_frequency_interval".to_owned(), problem });
            }
        };
        let name = "centroid_geohash_grid_frequency_precision";
        let precision = match params.integer(name, 1)? {
            Some(length) if length > MAX_PRECISION => {
                let problem = format!("expected an integer from 1 to {MAX_PRECISION}, found {length}");
                return Err(ParamError::Invalid { name: name.to_owned(), problem });
            }
            Some(length) => usize::try_from(length).unwrap_or(1),
            None => 1,
        };
        Ok(Self { wanted, every, precision })
    }
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

impl Every {
    /// The first day of the bucket that a day falls into.
    fn begin(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => Some(day),
            Self::Week => day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())),
            Self::Month => day.with_day(1),
            Self::Quarter => day.with_day(1)?.with_month0(day.month0() / 3 * 3),
            Self::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        }
    }
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
    use crate::stac::parse_instant;

    fn question(body: &Value) -> Result<Aggregations, ParamError> {
        Aggregations::read(&mut Params::from_body(body.to_string().as_bytes())?)
    }

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
    fn days_fall_into_the_bucket_that_holds_them() {
        let day = NaiveDate::from_ymd_opt(2024, 8, 31).expect("a day");
        let begin = |every: Every| every.begin(day).expect("a day").to_string();
        assert_eq!(begin(Every::Week), "2024-08-26");
        assert_eq!(begin(Every::Month), "2024-08-01");
        assert_eq!(begin(Every::Quarter), "2024-07-01");
        assert_eq!(begin(Every::Year), "2024-01-01");
    }

    #[test]
    fn a_merged_tally_is_that_of_all_items() {
        let wanted = Aggregation::ALL.map(Aggregation::name);
        let question =
            question(&json!({"aggregations": wanted, "datetime_frequency_interval": "year"})).expect("names");
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

    #[test]
    fn unknown_names_are_refused() {
        for (bad, name) in [
            (json!({"aggregations": ["sum"]}), "aggregations"),
            (json!({"datetime_frequency_interval": "hour"}), "datetime_frequency_interval"),
            (
                json!({"centroid_geohash_grid_frequency_precision": 13}),
                "centroid_geohash_grid_frequency_precision",
            ),
        ] {
            assert!(question(&bad).expect_err("refused").to_string().starts_with(name), "{bad}");
        }
    }
}
