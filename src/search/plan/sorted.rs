//! Pages in the order of a property.

use std::cmp::Ordering;
use std::sync::Arc;

use super::part::Scan;
use super::question::Question;
use super::record::{RowRecord, holding};
use super::{Matches, Plan};
use crate::catalog::{Column, Holding, Part, RowId, Snapshot};
use crate::search::backend::SearchError;
use crate::search::sort::{Rank, SortKey, SortValue};

/// A walk by value pays when the page is expected within this share of the rows that a selection would look at.
const WALK_SHARE: u64 = 16;

/// Where a page begins in a part.
struct After<'a> {
    /// The Item of the token.
    rank: &'a Rank,
    /// The first row that comes after it among those with the same values.
    from: u32,
}

impl Plan<'_> {
    /// The page after the search's token.
    pub(super) fn sorted(&self) -> Result<Matches, SearchError> {
        let (keys, limit) = (&self.question.search.sort, self.question.search.limit);
        let last = self.question.search.token.as_ref().map(|token| (token, token.rank()));
        let mut found = Matches::default();
        let mut rows: Vec<(Rank, RowId)> = Vec::new();
        for (part, scan) in (0..).zip(&self.scans) {
            let after = last.as_ref().map(|(token, rank)| After { rank, from: self.follows(part, token) });
            let (own, matched) = if let Some(found) = by_value(scan, after.as_ref())? {
                found
            } else {
                let own = scan.gather()?;
                let matched = own.len() as u64;
                let values = KeyValues::new(self.snapshot, scan.part(), self.question);
                (values.first(own, after.as_ref(), limit + 1)?, matched)
            };
            found.matched += matched;
            for row in own {
                let at = RowId { part, row };
                rows.push((self.rank(at)?, at));
            }
        }
        rows.sort_by(|(a, _), (b, _)| a.compare(b, keys));
        found.more = rows.len() > limit;
        rows.truncate(limit);
        found.rows = rows.into_iter().map(|(_, at)| at).collect();
        Ok(found)
    }

    /// Rows in the order that the question asks for.
    pub(super) fn in_order(&self, rows: &[RowId]) -> Result<Vec<RowId>, SearchError> {
        let mut parts: Vec<Vec<RowId>> = Vec::new();
        for (part, scan) in (0..).zip(&self.scans) {
            let values = KeyValues::new(self.snapshot, scan.part(), self.question);
            let own: Vec<u32> = rows.iter().filter(|at| at.part == part).map(|at| at.row).collect();
            parts.push(values.sort(own)?.into_iter().map(|row| RowId { part, row }).collect());
        }
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let mut ranked = Vec::new();
        for at in parts.into_iter().flatten() {
            ranked.push((self.rank(at)?, at));
        }
        ranked.sort_by(|(a, _), (b, _)| a.compare(b, &self.question.search.sort));
        Ok(ranked.into_iter().map(|(_, at)| at).collect())
    }
}

/// Walks the rows by the value of the one key, and stops when the page is full. Nothing when that does not pay: other
/// conditions must be tested of every row for the count anyway, or few rows are left.
fn by_value(scan: &Scan<'_>, after: Option<&After<'_>>) -> Result<Option<(Vec<u32>, u64)>, SearchError> {
    let (keys, limit) = (&scan.question.search.sort, scan.question.search.limit);
    let [key] = keys.as_slice() else { return Ok(None) };
    // Rows without a value come last: the column's order does not have them.
    if after.is_some_and(|after| after.rank.values.contains(&SortValue::Missing)) {
        return Ok(None);
    }
    let part = scan.part();
    let all = u64::from(part.len());
    if !scan.is_plain() || scan.cost() * WALK_SHARE < all {
        return Ok(None);
    }
    let Holding::Column(column) = holding(part, &key.property) else { return Ok(None) };
    let matched = scan.count_place()?;
    let steps = (limit as u64 + 1) * all / matched.max(1);
    if steps * WALK_SHARE > all {
        return Ok(None);
    }
    let may_make = !scan.question.is_hasty;
    let Some(order) = part.order(&key.property, column, may_make) else { return Ok(None) };
    let test = scan.place.as_ref().map(|place| place.test(u32::try_from(steps).unwrap_or(u32::MAX)));
    let mut record = RowRecord::new(scan.snapshot, part, scan.question);
    let mut rows = Vec::new();
    let mut walk = ByValue { order: &order, column, descending: key.descending, left: 0..order.len() };
    let tied = walk.skip_to(scan, key, after)?;
    let mut is_first = true;
    while rows.len() <= limit {
        let Some(run) = walk.next() else {
            // Rows without a value come last: all of them would have to be looked at.
            return Ok(None);
        };
        // Rows of one value are in the order of ties.
        let from = if is_first && tied { after.map_or(0, |after| after.from) } else { 0 };
        is_first = false;
        let run = &order[run];
        for row in &run[run.partition_point(|row| *row < from)..] {
            if scan.is_match(*row, test.as_ref(), &mut record)? {
                rows.push(*row);
                if rows.len() > limit {
                    break;
                }
            }
        }
    }
    Ok(Some((rows, matched)))
}

/// The rows of a column by value, one run of equal values after the other.
struct ByValue<'a> {
    order: &'a Arc<[u32]>,
    column: &'a Column,
    descending: bool,
    left: std::ops::Range<usize>,
}

impl ByValue<'_> {
    fn next(&mut self) -> Option<std::ops::Range<usize>> {
        if self.left.is_empty() {
            return None;
        }
        let run = if self.descending {
            let last = self.order[self.left.end - 1];
            let rows = &self.order[self.left.clone()];
            let from = rows.partition_point(|row| self.column.compare(*row, last).is_lt());
            self.left.start + from..self.left.end
        } else {
            let first = self.order[self.left.start];
            let rows = &self.order[self.left.clone()];
            let to = rows.partition_point(|row| self.column.compare(*row, first).is_le());
            self.left.start..self.left.start + to
        };
        if self.descending {
            self.left.end = run.start;
        } else {
            self.left.start = run.end;
        }
        Some(run)
    }

    /// Leaves out the values that come before the token's; true when the next run has the token's own value.
    fn skip_to(
        &mut self,
        scan: &Scan<'_>,
        key: &SortKey,
        after: Option<&After<'_>>,
    ) -> Result<bool, SearchError> {
        let Some(value) = after.and_then(|after| after.rank.values.first()) else { return Ok(false) };
        let mut record = RowRecord::new(scan.snapshot, scan.part(), scan.question);
        let mut own = |at: usize| {
            record.at(self.order[at]);
            record.sort_value(key)
        };
        let (mut low, mut high) = (self.left.start, self.left.end);
        while low < high {
            let middle = low + (high - low) / 2;
            let order = own(middle)?.compare(value);
            let before = if self.descending { order.is_le() } else { order.is_lt() };
            if before { low = middle + 1 } else { high = middle }
        }
        let next = if self.descending {
            self.left.end = low;
            low.checked_sub(1)
        } else {
            self.left.start = low;
            (low < self.left.end).then_some(low)
        };
        next.map_or(Ok(false), |at| Ok(own(at)?.compare(value).is_eq()))
    }
}

/// Compares rows of a part by the keys of a question.
struct KeyValues<'a> {
    snapshot: &'a Snapshot,
    part: &'a Part,
    question: &'a Question<'a>,
    /// The columns of all keys, where columns hold them all.
    columns: Option<Vec<(&'a Column, bool)>>,
}

impl<'a> KeyValues<'a> {
    fn new(snapshot: &'a Snapshot, part: &'a Part, question: &'a Question<'a>) -> Self {
        let keys = &question.search.sort;
        let column = |key: &SortKey| match holding(part, &key.property) {
            Holding::Column(column) if part.is_complete(&key.property, column) => {
                Some((column, key.descending))
            }
            _ => None,
        };
        Self { snapshot, part, question, columns: keys.iter().map(column).collect() }
    }

    fn sort(&self, mut rows: Vec<u32>) -> Result<Vec<u32>, SearchError> {
        if let Some(columns) = &self.columns {
            rows.sort_unstable_by(|a, b| by_columns(columns, *a, *b));
            return Ok(rows);
        }
        let keys = &self.question.search.sort;
        let mut valued = self.valued(&rows)?;
        valued.sort_by(|a, b| by_values(keys, a, b));
        Ok(valued.into_iter().map(|(_, row)| row).collect())
    }

    /// The first `count` rows after the token's Item, in order.
    fn first(
        &self,
        mut rows: Vec<u32>,
        after: Option<&After<'_>>,
        count: usize,
    ) -> Result<Vec<u32>, SearchError> {
        let keys = &self.question.search.sort;
        let follows = |own: &dyn Fn(usize) -> SortValue, row: u32| {
            after.is_none_or(|after| {
                let values = keys.iter().zip(&after.rank.values).enumerate();
                let mut orders = values.map(|(at, (key, value))| key.compare(&own(at), value));
                orders.find(|order| order.is_ne()).map_or(row >= after.from, Ordering::is_gt)
            })
        };
        if let Some(columns) = &self.columns {
            rows.retain(|row| follows(&|at| SortValue::of_cell(columns[at].0.get(*row)), *row));
            return Ok(select(rows, count, |a, b| by_columns(columns, *a, *b)));
        }
        let mut valued = self.valued(&rows)?;
        valued.retain(|(values, row)| follows(&|at| values[at].clone(), *row));
        Ok(select(valued, count, |a, b| by_values(keys, a, b)).into_iter().map(|(_, row)| row).collect())
    }

    fn valued(&self, rows: &[u32]) -> Result<Vec<(Vec<SortValue>, u32)>, SearchError> {
        let mut record = RowRecord::new(self.snapshot, self.part, self.question);
        let keys = &self.question.search.sort;
        rows.iter()
            .map(|row| {
                record.at(*row);
                let values = keys.iter().map(|key| record.sort_value(key)).collect::<Result<_, _>>()?;
                Ok((values, *row))
            })
            .collect()
    }
}

/// The smallest `count` things, in order.
fn select<T>(mut all: Vec<T>, count: usize, compare: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    if all.len() > count && count > 0 {
        all.select_nth_unstable_by(count - 1, &compare);
        all.truncate(count);
    }
    all.sort_unstable_by(compare);
    all
}

fn by_columns(columns: &[(&Column, bool)], a: u32, b: u32) -> Ordering {
    for (column, descending) in columns {
        let order = column.compare_directed(a, b, *descending);
        if order.is_ne() {
            return order;
        }
    }
    a.cmp(&b)
}

fn by_values(keys: &[SortKey], a: &(Vec<SortValue>, u32), b: &(Vec<SortValue>, u32)) -> Ordering {
    let values = keys.iter().zip(a.0.iter().zip(&b.0));
    values.map(|(key, (a, b))| key.compare(a, b)).find(|o| o.is_ne()).unwrap_or_else(|| a.1.cmp(&b.1))
}
