//! Stretches of time: an instant, a day, an interval.

use std::cmp::Ordering;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};

use super::operator::Temporal;
use crate::stac::{Interval, parse_instant};

/// A closed stretch of time; open ends are the first and last instants there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
}

impl Span {
    pub(super) fn instant(at: DateTime<Utc>) -> Self {
        Self { start: at, end: at }
    }

    /// Reads an RFC 3339 instant or a date, which lasts the whole day in UTC.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Most texts are no times: this spares them the parser.
        let bytes = text.as_bytes();
        if bytes.len() < 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
            return None;
        }
        if bytes.len() == 10 { day(text) } else { parse_instant(text).ok().map(Self::instant) }
    }

    /// Which of two comes first; equal when they share an instant, so that exactly one of `<`, `=`, `>` holds.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        if self.end < other.start {
            Ordering::Less
        } else if self.start > other.end {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    }

    /// Whether a relation of CQL2 holds.
    pub(super) fn relates(&self, relation: Temporal, other: &Self) -> bool {
        let (a, b) = (self, other);
        match relation {
            Temporal::After => a.start > b.end,
            Temporal::Before => a.end < b.start,
            Temporal::Contains => a.start < b.start && a.end > b.end,
            Temporal::Disjoint => a.order(b).is_ne(),
            Temporal::During => a.start > b.start && a.end < b.end,
            Temporal::Equals => a == b,
            Temporal::FinishedBy => a.start < b.start && a.end == b.end,
            Temporal::Finishes => a.start > b.start && a.end == b.end,
            Temporal::Intersects => a.order(b).is_eq(),
            Temporal::Meets => a.end == b.start,
            Temporal::MetBy => a.start == b.end,
            Temporal::OverlappedBy => b.start < a.start && a.start < b.end && b.end < a.end,
            Temporal::Overlaps => a.start < b.start && b.start < a.end && a.end < b.end,
            Temporal::StartedBy => a.start == b.start && a.end > b.end,
            Temporal::Starts => a.start == b.start && a.end < b.end,
        }
    }
}

impl From<Interval> for Span {
    fn from(interval: Interval) -> Self {
        let start = interval.start.unwrap_or(DateTime::<Utc>::MIN_UTC);
        Self { start, end: interval.end.unwrap_or(DateTime::<Utc>::MAX_UTC) }
    }
}

/// Reads `2024-06-01` as the day that it is.
pub(super) fn day(text: &str) -> Option<Span> {
    let is_date = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_date)?;
    let start = date.and_time(NaiveTime::MIN).and_utc();
    let end = start.checked_add_signed(Duration::days(1))? - Duration::nanoseconds(1);
    Some(Span { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str) -> Span {
        let (start, end) = text.split_once('/').unwrap_or((text, text));
        let start = Span::parse(start).expect("a time").start;
        Span { start, end: Span::parse(end).expect("a time").end }
    }

    #[test]
    fn each_relation_holds_where_allen_says() {
        use Temporal::{
            After, Before, Contains, Disjoint, During, Equals, FinishedBy, Finishes, Intersects, Meets,
            MetBy, OverlappedBy, Overlaps, StartedBy, Starts,
        };
        let t = |n: u32| format!("2024-01-{n:02}T00:00:00Z");
        let all = [
            After,
            Before,
            Contains,
            During,
            Equals,
            FinishedBy,
            Finishes,
            Meets,
            MetBy,
            OverlappedBy,
            Overlaps,
            StartedBy,
            Starts,
        ];
        for (a, b, c, d, wanted) in [
            (1, 2, 3, 4, Before),
            (3, 4, 1, 2, After),
            (1, 4, 2, 3, Contains),
            (2, 3, 1, 4, During),
            (1, 4, 1, 4, Equals),
            (1, 4, 2, 4, FinishedBy),
            (2, 4, 1, 4, Finishes),
            (1, 2, 2, 3, Meets),
            (2, 3, 1, 2, MetBy),
            (2, 4, 1, 3, OverlappedBy),
            (1, 3, 2, 4, Overlaps),
            (1, 4, 1, 2, StartedBy),
            (1, 2, 1, 4, Starts),
        ] {
            let left = span(&format!("{}/{}", t(a), t(b)));
            let right = span(&format!("{}/{}", t(c), t(d)));
            for relation in all {
                assert_eq!(
                    left.relates(relation, &right),
                    relation == wanted,
                    "{relation:?} {a}-{b} {c}-{d}"
                );
            }
            let apart = matches!(wanted, Before | After);
            assert_eq!(left.relates(Disjoint, &right), apart);
            assert_eq!(left.relates(Intersects, &right), !apart);
        }
    }

    #[test]
    fn a_date_is_its_whole_day() {
        let june = span("2024-06-01");
        assert!(june.order(&span("2024-06-01T23:59:59.9Z")).is_eq());
        assert!(june.order(&span("2024-06-02T00:00:00Z")).is_lt());
        assert!(june.order(&span("2024-05-31T23:59:59Z")).is_gt());
        assert!(Span::parse("2024-13-01").is_none());
    }
}
