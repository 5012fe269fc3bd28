//! What there is to count, and what a question wants of it: the names of STAC's aggregation extension, v0.3.0.

use chrono::{Datelike, Days, NaiveDate};

use super::params::{ParamError, Params};

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

impl Every {
    /// The first day of the bucket that a day falls into.
    pub(super) fn begin(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => Some(day),
            Self::Week => day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())),
            Self::Month => day.with_day(1),
            Self::Quarter => day.with_day(1)?.with_month0(day.month0() / 3 * 3),
            Self::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn question(body: &Value) -> Result<Aggregations, ParamError> {
        Aggregations::read(&mut Params::from_body(body.to_string().as_bytes())?)
    }

    #[test]
    fn each_name_counts_once_in_the_order_asked_for() {
        let asked = question(&json!({"aggregations": ["datetime_max", "total_count", "datetime_max"]}))
            .expect("names");
        assert_eq!(asked.wanted, [Aggregation::DatetimeMax, Aggregation::TotalCount]);
        assert_eq!((asked.every, asked.precision), (Every::Month, 1));
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
