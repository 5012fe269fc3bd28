//! The stretches of time that a long question is cut into.

use std::fmt;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveTime, Utc};

use super::query::Window;

/// How long a period is; each begins at midnight (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// From the first of a month.
    Month,
    /// From a Monday.
    Week,
    /// A day.
    Day,
}

/// One of the periods of an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Its name, also of a folder: `2024-01`, `2024-W05` or `2024-01-31`.
    pub name: String,
    /// Its part of the interval.
    pub window: Window,
}

impl Per {
    /// The periods of an interval, the first and the last cut at its ends.
    #[must_use]
    pub fn periods(self, start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<Period> {
        let mut periods = Vec::new();
        let mut from = start;
        while from <= end {
            let next = self.next(from.date_naive()).map(|day| day.and_time(NaiveTime::MIN).and_utc());
            let last = next.map_or(end, |next| end.min(next - chrono::Duration::nanoseconds(1)));
            periods.push(Period { name: self.name(from.date_naive()), window: (from, last) });
            let Some(next) = next else { break };
            from = next;
        }
        periods
    }

    /// The first day of the next period.
    fn next(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Month => day.with_day(1)?.checked_add_months(Months::new(1)),
            Self::Week => {
                day.checked_add_days(Days::new(7 - u64::from(day.weekday().num_days_from_monday())))
            }
            Self::Day => day.checked_add_days(Days::new(1)),
        }
    }

    fn name(self, day: NaiveDate) -> String {
        match self {
            Self::Month => day.format("%Y-%m").to_string(),
            Self::Week => day.format("%G-W%V").to_string(),
            Self::Day => day.format("%Y-%m-%d").to_string(),
        }
    }
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn periods_begin_at_months_mondays_and_days() {
        let at = |text: &str| crate::stac::parse_instant(text).expect("a time");
        let (start, end) = (at("2024-01-30T10:00:00Z"), at("2024-02-06T00:00:00Z"));
        let names = |per: Per| per.periods(start, end).into_iter().map(|p| p.name).collect::<Vec<_>>();
        assert_eq!(names(Per::Month), ["2024-01", "2024-02"]);
        assert_eq!(names(Per::Week), ["2024-W05", "2024-W06"]);
        assert_eq!(names(Per::Day).len(), 8);
        // The ISO week of New Year's Eve belongs to the next year.
        assert_eq!(
            Per::Week.periods(at("2024-12-31T00:00:00Z"), at("2024-12-31T01:00:00Z"))[0].name,
            "2025-W01"
        );
    }

    proptest! {
        #[test]
        fn periods_cover_an_interval_once(start in 0_i64..4_000_000_000, seconds in 0_i64..40_000_000, per in 0..3_usize) {
            let at = |s| DateTime::from_timestamp(s, 5).expect("a time");
            let (start, end) = (at(start), at(start + seconds));
            let periods = [Per::Month, Per::Week, Per::Day][per].periods(start, end);
            prop_assert_eq!((periods[0].window.0, periods[periods.len() - 1].window.1), (start, end));
            for pair in periods.windows(2) {
                prop_assert_eq!(pair[0].window.1 + chrono::Duration::nanoseconds(1), pair[1].window.0);
                prop_assert!(pair[0].name < pair[1].name);
            }
        }
    }
}
