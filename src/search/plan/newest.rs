//! The page in the usual order of one part, and how many rows match.

use super::part::{Scan, Source, shared};
use super::record::RowRecord;
use crate::search::backend::SearchError;

/// What one part answers.
#[derive(Debug, Default)]
pub(super) struct Newest {
    /// The first rows of the page, ascending, at most `limit`.
    pub(super) rows: Vec<u32>,
    /// Rows that match in all.
    pub(super) matched: u64,
    /// True when rows follow.
    pub(super) more: bool,
}

/// What looking at one row of a walk costs, in rows of a posting list.
const WALK_COST: u64 = 8;

impl<'a> Scan<'a> {
    /// The first `limit` rows from row `from` on, newest first, and the number of all.
    pub(super) fn newest(&self, from: u32, limit: usize) -> Result<Newest, SearchError> {
        if !self.is_plain() {
            let rows = self.gather()?;
            return Ok(first(rows, from, limit));
        }
        let Some(place) = &self.place else {
            // Only time narrows: rows are in its order.
            let (mut rows, start) = (Vec::new(), from.max(self.rows.start));
            let mut shown = (start..self.rows.end).filter(|row| self.view.shows(*row));
            rows.extend(shown.by_ref().take(limit));
            let more = shown.next().is_some();
            return Ok(Newest { rows, matched: self.count_place()?, more });
        };
        let all = u64::from(self.part().len()).max(1);
        let steps_among = |matches: u64| limit as u64 * all / matches.max(1);
        // With fewer matches a walk takes more steps: what does not pay for the most there can be pays for none.
        let pays = |matches: u64| steps_among(matches) * WALK_COST <= matches;
        if (matches!(self.source, Source::Walk) && !self.is_whole()) || !pays(place.rows()) {
            return Ok(first(self.gather()?, from, limit));
        }
        let matches = self.count_place()?;
        if !pays(matches) {
            return Ok(first(self.gather()?, from, limit));
        }
        let steps = steps_among(matches);
        // Matches are dense: a short walk fills the page.
        let test = place.test(u32::try_from(steps).unwrap_or(u32::MAX));
        let mut rows = Vec::new();
        let mut more = false;
        for row in from.max(self.rows.start)..self.rows.end {
            if test.holds(row) && self.view.shows(row) {
                if rows.len() == limit {
                    more = true;
                    break;
                }
                rows.push(row);
            }
        }
        Ok(Newest { rows, matched: matches, more })
    }

    /// True when time does not narrow.
    pub(super) fn is_whole(&self) -> bool {
        self.rows.len() == self.part().len() as usize
    }

    /// How many rows lie in the place and the range of time, from the lengths of posting lists.
    pub(super) fn count_place(&self) -> Result<u64, SearchError> {
        let Some(place) = &self.place else {
            let hidden = self.view.hidden.iter().filter(|row| self.rows.contains(row)).count();
            return Ok((self.rows.len() - hidden) as u64);
        };
        let space = self.part().space();
        let whole = self.is_whole();
        let mut count = 0;
        for range in place.inside() {
            count += if whole {
                space.rows_in(range.clone()) as u64
            } else if place.has_short_lists(range) {
                let rows = space.rows_of_all(range.clone());
                rows.iter().filter(|row| self.rows.contains(row)).count() as u64
            } else {
                range.clone().map(|footprint| self.in_time(space.rows_of(footprint)).len() as u64).sum()
            };
        }
        let edge = place.edge();
        let counts = shared(edge.len(), |piece| {
            let rows = |footprint: &u32| self.in_time(space.rows_of(*footprint)).len() as u64;
            let met = edge[piece].iter().filter(|f| rows(f) > 0 && place.meets(**f)).map(rows);
            Ok(vec![met.sum::<u64>()])
        })?;
        count += counts.iter().sum::<u64>();
        if self.view.hidden.is_empty() {
            return Ok(count);
        }
        let test = place.test(u32::try_from(self.view.hidden.len()).unwrap_or(u32::MAX));
        let gone = self.view.hidden.iter().filter(|row| self.rows.contains(row) && test.holds(**row)).count();
        Ok(count - gone as u64)
    }

    /// True when the row matches, whatever the source of candidates.
    pub(super) fn is_match(
        &self,
        row: u32,
        place: Option<&super::place::PlaceTest<'_>>,
        record: &mut RowRecord<'a>,
    ) -> Result<bool, SearchError> {
        Ok(self.rows.contains(&row)
            && place.is_none_or(|test| test.holds(row))
            && self.passes(row, record)?)
    }
}

/// The page among rows in any order.
fn first(mut rows: Vec<u32>, from: u32, limit: usize) -> Newest {
    let matched = rows.len() as u64;
    rows.retain(|row| *row >= from);
    let more = rows.len() > limit;
    if more {
        rows.select_nth_unstable(limit - 1);
        rows.truncate(limit);
    }
    rows.sort_unstable();
    Newest { rows, matched, more }
}
