//! The plan for one part: where candidates come from, and what is tested of each.

use std::ops::Range;
use std::sync::Arc;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::condition::{Condition, conditions};
use super::place::{PlaceHits, PlaceTest};
use super::question::Question;
use super::record::RowRecord;
use crate::catalog::{Part, Snapshot, View};
use crate::search::backend::SearchError;

/// Rows looked at in one piece when several threads share the work.
const PIECE_ROWS: usize = 16 * 1024;

/// Candidates above which threads share the work.
const SHARED_ROWS: usize = 4 * PIECE_ROWS;

/// Where candidates come from. All rows are within the range of time.
#[derive(Debug)]
pub(super) enum Source {
    /// Named one by one, ascending, each once.
    Rows(Vec<u32>),
    /// Runs of a list of rows, each ascending.
    Runs(Arc<[u32]>, Vec<Range<usize>>),
    /// The posting lists of the place's footprints.
    Place,
    /// All rows in the range of time.
    Walk,
}

/// A question put to one part.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) view: &'a View,
    pub(super) question: &'a Question<'a>,
    /// Rows whose time can match.
    pub(super) rows: Range<u32>,
    pub(super) place: Option<PlaceHits<'a>>,
    /// What must hold besides time and place, cheap ones first.
    pub(super) conditions: Vec<Condition<'a>>,
    pub(super) source: Source,
    cost: u64,
}

impl<'a> Scan<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, view: &'a View, question: &'a Question<'a>) -> Self {
        let part: &Part = &view.part;
        let rows = question.rows_in_time(part);
        let place = question.region.as_ref().map(|region| PlaceHits::new(part, region));
        let mut scan = Self {
            snapshot,
            view,
            question,
            rows,
            place,
            conditions: conditions(snapshot, part, question),
            source: Source::Walk,
            cost: 0,
        };
        scan.choose();
        scan
    }

    pub(super) fn part(&self) -> &'a Part {
        &self.view.part
    }

    /// About how many rows must be looked at.
    pub(super) fn cost(&self) -> u64 {
        self.cost
    }

    /// Takes the source with the fewest candidates. Random access costs three times what a walk does.
    fn choose(&mut self) {
        let part = self.part();
        if let Some(ids) = &self.question.search.ids {
            let mut rows: Vec<u32> = ids
                .iter()
                .flat_map(|id| part.ids().rows_with_id(id))
                .filter(|row| self.rows.contains(row))
                .collect();
            rows.sort_unstable();
            rows.dedup();
            self.cost = rows.len() as u64;
            self.source = Source::Rows(rows);
            return;
        }
        self.cost = u64::from(self.rows.end - self.rows.start);
        let share = |rows: u64| {
            let all = u64::from(part.len()).max(1);
            rows * u64::from(self.rows.end - self.rows.start) / all
        };
        if let Some(place) = &self.place {
            let lists = if self.is_whole() { 8 * place.edge().len() as u64 } else { place.narrowing_cost() };
            let cost = 3 * share(place.rows()) + lists;
            if cost < self.cost {
                (self.cost, self.source) = (cost, Source::Place);
            }
        }
        for condition in &self.conditions {
            let Some((list, runs)) = condition.candidates(part, self.cost, !self.question.is_hasty) else {
                continue;
            };
            let runs: Vec<Range<usize>> = runs.into_iter().map(|run| self.within(&list, run)).collect();
            let cost = 4 * runs.iter().map(|run| run.len() as u64).sum::<u64>() + 1;
            if cost < self.cost {
                (self.cost, self.source) = (cost, Source::Runs(list, runs));
            }
        }
    }

    /// The piece of an ascending run whose rows are in the range of time.
    fn within(&self, list: &[u32], run: Range<usize>) -> Range<usize> {
        let rows = &list[run.clone()];
        let from = rows.partition_point(|row| *row < self.rows.start);
        let to = rows.partition_point(|row| *row < self.rows.end);
        run.start + from..run.start + to.max(from)
    }

    /// True when nothing but time and place must hold.
    pub(super) fn is_plain(&self) -> bool {
        self.conditions.is_empty() && matches!(self.source, Source::Place | Source::Walk)
    }

    /// True when the row meets all conditions but time and place.
    pub(super) fn passes(&self, row: u32, record: &mut RowRecord<'a>) -> Result<bool, SearchError> {
        if !self.view.shows(row) {
            return Ok(false);
        }
        record.at(row);
        for condition in &self.conditions {
            if !condition.holds(row, record)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// All rows that match, ascending.
    pub(super) fn matches(&self) -> Result<Vec<u32>, SearchError> {
        let mut rows = self.gather()?;
        if matches!(self.source, Source::Runs(..) | Source::Place) {
            rows.sort_unstable();
        }
        Ok(rows)
    }

    /// All rows that match, in any order.
    pub(super) fn gather(&self) -> Result<Vec<u32>, SearchError> {
        match &self.source {
            Source::Rows(rows) => self.filter(rows.iter().copied(), self.place_test(rows.len()).as_ref()),
            Source::Runs(list, runs) => {
                let test = self.place_test(runs.iter().map(Range::len).sum());
                let mut found = Vec::new();
                for run in runs {
                    found.extend(shared(run.len(), |piece| {
                        let rows = &list[run.start + piece.start..run.start + piece.end];
                        self.filter(rows.iter().copied(), test.as_ref())
                    })?);
                }
                Ok(found)
            }
            Source::Place => self.gather_place(),
            Source::Walk => {
                let test = self.place_test(self.rows.len());
                shared(self.rows.len(), |piece| {
                    let row = |at: usize| self.rows.start + u32::try_from(at).unwrap_or(u32::MAX);
                    self.filter(row(piece.start)..row(piece.end), test.as_ref())
                })
            }
        }
    }

    fn place_test(&self, rows: usize) -> Option<PlaceTest<'_>> {
        self.place.as_ref().map(|place| place.test(u32::try_from(rows).unwrap_or(u32::MAX)))
    }

    fn filter(
        &self,
        rows: impl Iterator<Item = u32>,
        place: Option<&PlaceTest<'_>>,
    ) -> Result<Vec<u32>, SearchError> {
        let mut record = RowRecord::new(self.snapshot, self.part(), self.question);
        let mut found = Vec::new();
        for row in rows {
            // Documents are read only of rows in the place.
            if place.is_none_or(|test| test.holds(row)) && self.passes(row, &mut record)? {
                found.push(row);
            }
        }
        Ok(found)
    }

    /// The rows of the place's footprints. A shape is tested once, and only when one of its rows passes all else.
    fn gather_place(&self) -> Result<Vec<u32>, SearchError> {
        let Some(place) = &self.place else { return Ok(Vec::new()) };
        let space = self.part().space();
        let whole = self.is_whole();
        let mut found = Vec::new();
        for range in place.inside() {
            if whole {
                let rows = space.rows_of_all(range.clone());
                found.extend(shared(rows.len(), |piece| self.filter(rows[piece].iter().copied(), None))?);
                continue;
            }
            if place.has_short_lists(range) {
                let rows = space.rows_of_all(range.clone());
                found.extend(shared(rows.len(), |piece| {
                    let in_time = rows[piece].iter().copied().filter(|row| self.rows.contains(row));
                    self.filter(in_time, None)
                })?);
                continue;
            }
            let footprints = range.end - range.start;
            found.extend(shared(footprints as usize, |piece| {
                let number = |at: usize| range.start + u32::try_from(at).unwrap_or(u32::MAX);
                let rows = (number(piece.start)..number(piece.end))
                    .flat_map(|footprint| self.in_time(space.rows_of(footprint)).iter().copied());
                self.filter(rows, None)
            })?);
        }
        let edge = place.edge();
        found.extend(shared(edge.len(), |piece| {
            let mut record = RowRecord::new(self.snapshot, self.part(), self.question);
            let mut own = Vec::new();
            for footprint in &edge[piece] {
                let before = own.len();
                for row in self.in_time(space.rows_of(*footprint)) {
                    if self.passes(*row, &mut record)? {
                        own.push(*row);
                    }
                }
                if own.len() > before && !place.meets(*footprint) {
                    own.truncate(before);
                }
            }
            Ok(own)
        })?);
        Ok(found)
    }

    /// The rows of an ascending list that are in the range of time.
    pub(super) fn in_time<'r>(&self, rows: &'r [u32]) -> &'r [u32] {
        let from = rows.partition_point(|row| *row < self.rows.start);
        let rest = &rows[from..];
        &rest[..rest.partition_point(|row| *row < self.rows.end)]
    }
}

/// Shares work on `len` things among threads when there are many; the findings keep their order.
pub(super) fn shared<T: Send>(
    len: usize,
    work: impl Fn(Range<usize>) -> Result<Vec<T>, SearchError> + Sync,
) -> Result<Vec<T>, SearchError> {
    if len <= SHARED_ROWS {
        return work(0..len);
    }
    let pieces: Vec<Vec<T>> = (0..len.div_ceil(PIECE_ROWS))
        .into_par_iter()
        .map(|piece| work(piece * PIECE_ROWS..((piece + 1) * PIECE_ROWS).min(len)))
        .collect::<Result<_, _>>()?;
    let mut all = Vec::with_capacity(pieces.iter().map(Vec::len).sum());
    for piece in pieces {
        all.extend(piece);
    }
    Ok(all)
}
