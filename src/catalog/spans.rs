//! The first and the last instant that each Item covers: nothing in memory where Items are instants.
//!
//! Rows are ordered by start. An Item may cover time before and after it, so a question for an interval looks at the rows
//! of a longer one: by the longest reach to either side that any Item has.

use std::io::{self, Write};
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

use super::parts::{PartsError, Reader, write_list};
use super::times::Times;

/// What the Items of all rows cover.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Spans {
    held: Held,
    /// The longest time that an Item covers before its start, and after it.
    before: TimeDelta,
    after: TimeDelta,
}

#[derive(Debug, Clone, PartialEq, Default)]
enum Held {
    /// Each Item covers its start only.
    #[default]
    Instants,
    /// These rows, ascending, cover more or something else.
    Some { rows: Vec<u32>, firsts: Times, lasts: Times },
    /// All rows do, or most.
    All { firsts: Times, lasts: Times },
}

impl Spans {
    /// From what each row covers, first and last, beside the starts of the rows.
    pub(crate) fn build(starts: &Times, spans: impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)>) -> Self {
        let (mut rows, mut firsts, mut lasts) = (Vec::new(), Times::default(), Times::default());
        for ((row, start), (first, last)) in (0_u32..).zip(starts.iter()).zip(spans) {
            if (first, last) != (start, start) {
                rows.push(row);
                firsts.push(first);
                lasts.push(last);
            }
        }
        let held = if rows.is_empty() {
            Held::Instants
        } else if rows.len() <= starts.len() / 2 {
            Held::Some { rows, firsts, lasts }
        } else {
            let sparse = Self { held: Held::Some { rows, firsts, lasts }, ..Self::default() };
            let all = || (0..).zip(starts.iter()).map(|(row, start)| sparse.get(row, start));
            let (firsts, lasts) = (all().map(|span| span.0).collect(), all().map(|span| span.1).collect());
            Held::All { firsts, lasts }
        };
        Self::with_reach(held, starts)
    }

    fn with_reach(held: Held, starts: &Times) -> Self {
        let (mut before, mut after) = (TimeDelta::zero(), TimeDelta::zero());
        let mut reach = |start: DateTime<Utc>, first: DateTime<Utc>, last: DateTime<Utc>| {
            before = before.max(start - first);
            after = after.max(last - start);
        };
        match &held {
            Held::Instants => {}
            Held::Some { rows, firsts, lasts } => {
                for ((row, first), last) in rows.iter().zip(firsts.iter()).zip(lasts.iter()) {
                    reach(starts.get(*row), first, last);
                }
            }
            Held::All { firsts, lasts } => {
                for ((start, first), last) in starts.iter().zip(firsts.iter()).zip(lasts.iter()) {
                    reach(start, first, last);
                }
            }
        }
        Self { held, before, after }
    }

    /// The first and the last instant that the Item of a row covers, given its start.
    #[inline]
    pub(crate) fn get(&self, row: u32, start: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        match &self.held {
            Held::Instants => (start, start),
            Held::All { firsts, lasts } => (firsts.get(row), lasts.get(row)),
            Held::Some { rows, firsts, lasts } => match rows.binary_search(&row) {
                Ok(at) => {
                    let at = u32::try_from(at).unwrap_or(u32::MAX);
                    (firsts.get(at), lasts.get(at))
                }
                Err(_) => (start, start),
            },
        }
    }

    /// Rows outside of which no Item has an instant in common with the interval; `None` is an open end. The starts are
    /// newest first.
    pub(crate) fn rows_meeting(
        &self,
        starts: &Times,
        start: Option<DateTime<Utc>>,
        end: Option<DateTime<Utc>>,
    ) -> Range<u32> {
        // Where the calendar ends, so does the bound.
        let start = start.and_then(|start| start.checked_sub_signed(self.after));
        let end = end.and_then(|end| end.checked_add_signed(self.before));
        starts.rows_between(start, end)
    }

    /// True when each Item covers its start only.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.held, Held::Instants)
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        match &self.held {
            Held::Instants => 0,
            Held::Some { rows, firsts, lasts } => rows.capacity() * 4 + firsts.bytes() + lasts.bytes(),
            Held::All { firsts, lasts } => firsts.bytes() + lasts.bytes(),
        }
    }

    /// Writes what the rows cover.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub(crate) fn to_parts(&self, out: &mut impl Write) -> io::Result<()> {
        match &self.held {
            Held::Instants => out.write_all(&[0]),
            Held::Some { rows, firsts, lasts } => {
                out.write_all(&[1])?;
                write_list(rows, out)?;
                firsts.to_parts(out)?;
                lasts.to_parts(out)
            }
            Held::All { firsts, lasts } => {
                out.write_all(&[2])?;
                firsts.to_parts(out)?;
                lasts.to_parts(out)
            }
        }
    }

    /// Reads what [`Spans::to_parts`] wrote beside these starts.
    ///
    /// # Errors
    /// When the bytes are not such spans.
    pub(crate) fn from_parts(starts: &Times, parts: &mut Reader<'_>) -> Result<Self, PartsError> {
        let what = "spans of time";
        let held = match parts.u8(what)? {
            0 => Held::Instants,
            1 => {
                let rows: Vec<u32> = parts.counted(what)?;
                if !rows.is_sorted_by(|a, b| a < b)
                    || rows.last().is_some_and(|r| *r as usize >= starts.len())
                {
                    return Err(PartsError::Invalid { what, expected: "ascending rows" });
                }
                let firsts = Times::from_parts(rows.len(), parts)?;
                let lasts = Times::from_parts(rows.len(), parts)?;
                Held::Some { rows, firsts, lasts }
            }
            2 => {
                let firsts = Times::from_parts(starts.len(), parts)?;
                Held::All { firsts, lasts: Times::from_parts(starts.len(), parts)? }
            }
            _ => return Err(PartsError::Invalid { what, expected: "0, 1 or 2" }),
        };
        Ok(Self::with_reach(held, starts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::parts::Reader;
    use proptest::prelude::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("in range")
    }

    type Row = (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>);

    /// Starts, newest first, each with a first and last instant that need not hold it.
    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let span = prop_oneof![Just((0, 0)), (-9_i64..9, 0_i64..9)];
        let spans =
            prop_oneof![Just((0_i64, 0_i64)).boxed(), span.clone().boxed(), (-9_i64..9, 0_i64..9).boxed()];
        prop::collection::vec((0_i64..60, spans), 0..40).prop_map(|mut rows| {
            rows.sort_by_key(|(start, _)| -start);
            rows.into_iter()
                .map(|(s, (shift, length))| (at(s), at(s + shift), at(s + shift + length)))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn no_item_that_meets_an_interval_is_left_out(rows in rows(), start in 0_i64..60, length in 0_i64..20, open: [bool; 2]) {
            let starts: Times = rows.iter().map(|r| r.0).collect();
            let spans = Spans::build(&starts, rows.iter().map(|r| (r.1, r.2)));
            let (start, end) = ((!open[0]).then_some(at(start)), (!open[1]).then_some(at(start + length)));
            let range = spans.rows_meeting(&starts, start, end);
            for (row, (own, first, last)) in (0..).zip(&rows) {
                prop_assert_eq!(spans.get(row, *own), (*first, *last));
                let meets = start.is_none_or(|s| *last >= s) && end.is_none_or(|e| *first <= e);
                prop_assert!(!meets || range.contains(&row));
            }
        }

        #[test]
        fn spans_come_back_from_bytes(rows in rows(), place: prop::sample::Index, flip in 1_u8..) {
            let starts: Times = rows.iter().map(|r| r.0).collect();
            let spans = Spans::build(&starts, rows.iter().map(|r| (r.1, r.2)));
            let mut bytes = Vec::new();
            spans.to_parts(&mut bytes).expect("memory");
            prop_assert_eq!(Spans::from_parts(&starts, &mut Reader::new(&bytes)), Ok(spans));
            let place = place.index(bytes.len());
            prop_assert!(Spans::from_parts(&starts, &mut Reader::new(&bytes[..place])).is_err());
            bytes[place] ^= flip;
            if let Ok(damaged) = Spans::from_parts(&starts, &mut Reader::new(&bytes)) {
                for (row, start) in (0..).zip(starts.iter()) {
                    damaged.get(row, start);
                }
                damaged.rows_meeting(&starts, Some(at(5)), Some(at(9)));
            }
        }
    }

    #[test]
    fn items_that_are_instants_cost_nothing() {
        let starts: Times = (0..100).rev().map(at).collect();
        let spans = Spans::build(&starts, starts.iter().map(|t| (t, t)));
        assert_eq!((spans.bytes(), spans.is_empty()), (0, true));
        assert_eq!(spans.rows_meeting(&starts, Some(at(10)), Some(at(12))), 87..90);
    }
}
