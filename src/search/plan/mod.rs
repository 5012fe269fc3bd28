//! A checked question becomes rows: the planner.
//!
//! In: a [`Snapshot`] and a [`Question`]. Out: the rows of a page with the exact number of all that match, or all rows.
//!
//! Each part of the snapshot is asked by itself, and the answers are merged. In a part, time narrows the rows to a range
//! (rows are in the order of time). Then the cheapest source of candidates is taken: named ids, the rows of a Collection,
//! the rows that have a text in a column, the footprints that meet the place, or all rows of the range; whatever the source
//! has not settled is tested row by row, columns before shapes before documents ([`part`], [`condition`]). A question that
//! only the place narrows is counted without looking at rows, from the lengths of posting lists; its page is walked from
//! the newest row and stops when it is full ([`newest`]). An order other than the usual one walks the column's rows by value
//! where little else narrows, or selects the first few of the matches ([`sorted`]).

mod condition;
mod newest;
mod part;
mod place;
mod question;
mod record;
mod sorted;

use crate::catalog::{RowId, Snapshot};
use crate::search::backend::SearchError;
use crate::search::sort::Rank;
use crate::search::token::Token;
use part::Scan;

pub(super) use question::Question;

/// Rows that match.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Matches {
    /// The first rows of the page, at most `limit`.
    pub(super) rows: Vec<RowId>,
    /// Rows that match in all, those before the page too.
    pub(super) matched: u64,
    /// True when rows follow the page.
    pub(super) more: bool,
}

/// How one question will be answered from one snapshot.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    snapshot: &'a Snapshot,
    question: &'a Question<'a>,
    /// One for each part.
    scans: Vec<Scan<'a>>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, question: &'a Question<'a>) -> Self {
        let scans = snapshot.views().iter().map(|view| Scan::new(snapshot, view, question)).collect();
        Self { snapshot, question, scans }
    }

    /// About how many rows must be looked at.
    pub(super) fn cost(&self) -> u64 {
        self.scans.iter().map(Scan::cost).sum()
    }

    /// The page that begins after the search's token, and the number of all matches.
    pub(super) fn page(&self) -> Result<Matches, SearchError> {
        if self.question.search.sort.is_empty() { self.newest() } else { self.sorted() }
    }

    /// All rows that match, in the order of answers.
    pub(super) fn all(&self) -> Result<Vec<RowId>, SearchError> {
        let mut rows = Vec::new();
        for (part, scan) in (0..).zip(&self.scans) {
            rows.extend(scan.matches()?.into_iter().map(|row| RowId { part, row }));
        }
        if !self.question.search.sort.is_empty() {
            return self.in_order(&rows);
        }
        // Each part's rows are in order already.
        if self.scans.len() > 1 {
            rows.sort_by(|a, b| self.snapshot.compare(*a, *b));
        }
        Ok(rows)
    }

    /// All rows that match, in any order.
    pub(super) fn gather(&self) -> Result<Vec<RowId>, SearchError> {
        let mut rows = Vec::new();
        for (part, scan) in (0..).zip(&self.scans) {
            rows.extend(scan.gather()?.into_iter().map(|row| RowId { part, row }));
        }
        Ok(rows)
    }

    /// The page in the usual order.
    fn newest(&self) -> Result<Matches, SearchError> {
        let limit = self.question.search.limit;
        let mut found = Matches::default();
        for (part, scan) in (0..).zip(&self.scans) {
            let from = self.question.search.token.as_ref().map_or(0, |token| self.follows(part, token));
            let own = scan.newest(from, limit)?;
            found.matched += own.matched;
            found.more |= own.more;
            found.rows.extend(own.rows.into_iter().map(|row| RowId { part, row }));
        }
        if self.scans.len() > 1 {
            found.rows.sort_by(|a, b| self.snapshot.compare(*a, *b));
            found.more |= found.rows.len() > limit;
            found.rows.truncate(limit);
        }
        Ok(found)
    }

    /// The first row of a part that comes after the token's Item, which may be gone.
    fn follows(&self, part: u32, token: &Token) -> u32 {
        let snapshot = self.snapshot;
        let is_after = |row: u32| {
            let at = RowId { part, row };
            token
                .start
                .cmp(&snapshot.start(at))
                .then_with(|| snapshot.id(at).as_str().cmp(&token.id))
                .then_with(|| snapshot.collection_id(at).cmp(&token.collection))
                .is_gt()
        };
        // Ids are dear to read: time decides between nearly all rows.
        let at_that_time =
            self.scans[part as usize].part().times().rows_between(Some(token.start), Some(token.start));
        let (mut low, mut high) = (at_that_time.start, at_that_time.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_after(middle) { high = middle } else { low = middle + 1 }
        }
        low
    }

    /// Where an Item stands in the answer.
    pub(super) fn rank(&self, at: RowId) -> Result<Rank, SearchError> {
        let mut record = record::RowRecord::new(self.snapshot, self.snapshot.part(at), self.question);
        record.at(at.row);
        let keys = &self.question.search.sort;
        let values = keys.iter().map(|key| record.sort_value(key)).collect::<Result<_, _>>()?;
        Ok(Rank {
            values,
            start: self.snapshot.start(at),
            id: self.snapshot.id(at),
            collection: self.snapshot.collection_id(at).to_owned(),
        })
    }
}
