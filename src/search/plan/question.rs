//! A search made ready to be put to parts: what does not depend on any of them.

use std::ops::{Bound, Range};

use chrono::{DateTime, Utc};

use crate::catalog::{Part, Region, Times};
use crate::search::filter::{Conjunct, Filter, Test};
use crate::search::query::{Place, Search};

/// A checked question.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(super) search: &'a Search,
    /// Where Items must lie.
    pub(super) region: Option<Region>,
    /// The top of the filter, taken apart.
    pub(super) conjuncts: Vec<Conjunct<'a>>,
    /// The conjunct that the region stands for.
    pub(super) as_region: Option<usize>,
    /// True when nothing may be made that many questions share and one would wait for, such as the order of a column.
    pub(super) is_hasty: bool,
}

impl<'a> Question<'a> {
    pub(crate) fn new(search: &'a Search) -> Self {
        let conjuncts: Vec<Conjunct<'a>> = search.filter.iter().flat_map(Filter::conjuncts).collect();
        let own = search.place.as_ref().map(|place| match place {
            Place::Bbox(bbox) => Region::of_bbox(bbox),
            Place::Shape(shape) => Region::of_geometry(shape),
        });
        let place = |conjunct: &Conjunct<'_>| match conjunct.test {
            Test::Place { geometry, exact: true, .. } => Some(Region::of_geometry(geometry)),
            _ => None,
        };
        let found = || conjuncts.iter().enumerate().find_map(|(at, c)| Some((place(c)?, at)));
        let (region, as_region) = if own.is_some() { (own, None) } else { found().unzip() };
        Self { search, region, conjuncts, as_region, is_hasty: false }
    }

    /// A question on a thread that may not compute for long.
    pub(crate) fn at_once(search: &'a Search) -> Self {
        Self { is_hasty: true, ..Self::new(search) }
    }

    /// The rows of a part whose time can match; whether the span of one that lasts does is a condition of its own.
    pub(super) fn rows_in_time(&self, part: &Part) -> Range<u32> {
        let mut rows = 0..part.len();
        if let Some(interval) = self.search.interval {
            rows = meet(&rows, &part.spans().rows_meeting(part.times(), interval.start, interval.end));
        }
        for conjunct in &self.conjuncts {
            if let Test::Instants { property, low, high } = conjunct.test
                && self.name(property) == "datetime"
                && part.spans().is_empty()
            {
                rows = meet(&rows, &rows_within(part.times(), low, high));
            }
        }
        rows
    }

    /// The name of a property that the filter reads.
    pub(super) fn name(&self, property: usize) -> &str {
        self.search
            .filter
            .as_ref()
            .and_then(|filter| filter.properties().get(property))
            .map_or("", String::as_str)
    }
}

fn meet(a: &Range<u32>, b: &Range<u32>) -> Range<u32> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

/// The rows whose time lies between the bounds.
fn rows_within(times: &Times, low: Bound<DateTime<Utc>>, high: Bound<DateTime<Utc>>) -> Range<u32> {
    let start = match high {
        Bound::Included(high) => times.later_than(high),
        Bound::Excluded(high) => times.rows_between(Some(high), None).end,
        Bound::Unbounded => 0,
    };
    let end = match low {
        Bound::Included(low) => times.rows_between(Some(low), None).end,
        Bound::Excluded(low) => times.later_than(low),
        Bound::Unbounded => times.rows_between(None, None).end,
    };
    start..end.max(start)
}
