//! Columns from Items, or from Items and the rows of older columns, without ever holding more than the codes.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::Columns;
use super::growing::Growing;
use super::scalar::Cell;

/// Properties that get a column.
pub(crate) const MAX_COLUMNS: usize = 256;

/// What all columns together may cost for each Item. Sentinel-2 costs less than half of it; a catalogue of many unlike
/// collections more than one alone.
pub(crate) const MAX_BYTES_PER_ITEM: usize = 256;

/// Columns may always cost this much: dictionaries cost before they pay.
const FREE_BYTES: usize = 32 << 20;

/// Rows between two looks at the cost.
const ROWS_OF_LOOK: u32 = 1 << 16;

/// Takes properties row by row.
#[derive(Debug)]
pub(crate) struct ColumnsBuilder {
    columns: Vec<(Box<str>, Growing)>,
    by_name: HashTable<usize>,
    hasher: DefaultHashBuilder,
    /// The column after the one that was found last: Items that follow each other have the same properties.
    next: usize,
    next_look: u32,
    overflowed: bool,
}

impl ColumnsBuilder {
    /// Without any columns.
    pub(crate) fn new() -> Self {
        Self {
            columns: Vec::new(),
            by_name: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            next: 0,
            next_look: ROWS_OF_LOOK,
            overflowed: false,
        }
    }

    /// The index of a property's column, made when it is new. Past [`MAX_COLUMNS`] it is one that takes nothing.
    pub(crate) fn column(&mut self, name: &str) -> usize {
        if self.columns.get(self.next).is_some_and(|(next, _)| **next == *name) {
            self.next += 1;
            return self.next - 1;
        }
        let hash = self.hasher.hash_one(name);
        let found =
            self.by_name.find(hash, |at| self.columns.get(*at).is_some_and(|(other, _)| **other == *name));
        let at = match found {
            Some(at) => *at,
            None if self.columns.len() < MAX_COLUMNS => {
                let at = self.columns.len();
                self.columns.push((name.into(), Growing::new()));
                let Self { by_name, columns, hasher, .. } = self;
                let hash_at = |at: &usize| hasher.hash_one(columns.get(*at).map_or("", |(name, _)| name));
                by_name.insert_unique(hash, at, hash_at);
                at
            }
            None => {
                self.overflowed = true;
                usize::MAX
            }
        };
        self.next = at.saturating_add(1);
        at
    }

    /// The value of one row in a column. The rows of a column ascend; a row that is left out lacks the property, one that
    /// comes twice is left to its body. A text that may be a date-time is better given as `Cell::from(text)`.
    #[inline]
    pub(crate) fn push(&mut self, row: u32, column: usize, cell: Cell<'_>) {
        if row >= self.next_look {
            self.look(row);
        }
        if let Some((_, growing)) = self.columns.get_mut(column) {
            growing.push(row, cell);
        }
    }

    /// Rows of older columns, which become rows `start`, `start + 1` and so on, in the order of `rows`.
    ///
    /// What the older columns did not hold, the new ones do not either. Costs some 10 ns a cell.
    pub(crate) fn push_rows(&mut self, start: u32, from: &Columns, rows: &[u32]) {
        self.overflowed |= from.overflowed;
        for (name, column) in &from.list {
            let at = self.column(name);
            let Some((_, growing)) = self.columns.get_mut(at) else { continue };
            if column.is_elsewhere() {
                growing.give_up();
                continue;
            }
            for (row, old) in (start..).zip(rows) {
                growing.push(row, column.get(*old));
            }
        }
        self.look(start.saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX)));
    }

    /// Gives up the dearest columns until the rest costs no more than so many rows justify.
    fn look(&mut self, rows: u32) {
        self.next_look = rows.saturating_add(ROWS_OF_LOOK);
        let most = FREE_BYTES + MAX_BYTES_PER_ITEM * rows as usize;
        let mut sum: usize = self.columns.iter().map(|(_, growing)| growing.bytes()).sum();
        while sum > most {
            let Some((_, dearest)) = self.columns.iter_mut().max_by_key(|(_, growing)| growing.bytes())
            else {
                return;
            };
            sum -= dearest.bytes();
            dearest.give_up();
        }
    }

    /// The columns of the rows `order`: row `i` is the row `order[i]` of those that were pushed; one that is not in `order`
    /// is dropped. Takes one column at a time, so that only one is held twice.
    pub(crate) fn finish(mut self, order: &[u32]) -> Columns {
        let rows = u32::try_from(order.len()).unwrap_or(u32::MAX);
        self.look(rows);
        let mut columns = Vec::with_capacity(self.columns.len());
        for (name, growing) in self.columns {
            let column = growing.finish(order);
            if column.is_elsewhere() || column.rows_present().next().is_some() {
                columns.push((name, column));
            }
        }
        columns.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Columns { rows, list: columns, overflowed: self.overflowed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::columns::Holding;

    #[test]
    fn dictionaries_give_up_before_they_hold_millions_of_texts() {
        let mut builder = ColumnsBuilder::new();
        let at = builder.column("x");
        for row in 0..60_000 {
            builder.push(row, at, Cell::Text(&format!("{row:0>64}")));
        }
        assert!(matches!(builder.finish(&[0]).holding("x"), Holding::Elsewhere));
    }

    #[test]
    fn properties_past_the_last_column_are_left_to_the_bodies() {
        let mut builder = ColumnsBuilder::new();
        for i in 0..=MAX_COLUMNS {
            let at = builder.column(&format!("p{i}"));
            builder.push(0, at, Cell::Bool(true));
        }
        let columns = builder.finish(&[0]);
        assert_eq!(columns.iter().count(), MAX_COLUMNS);
        assert!(matches!(columns.holding("p256"), Holding::Elsewhere));
        assert!(matches!(columns.holding("nobody has it"), Holding::Elsewhere));
    }

    #[test]
    fn a_property_that_comes_twice_is_left_to_the_body() {
        let mut builder = ColumnsBuilder::new();
        let at = builder.column("x");
        for (row, number) in [(0, 1.0), (1, 2.0), (1, 3.0), (2, 4.0)] {
            builder.push(row, at, Cell::Number(number));
        }
        let columns = builder.finish(&[2, 1, 0]);
        let column = columns.find("x").expect("a column");
        assert_eq!(
            [0, 1, 2].map(|row| column.get(row)),
            [Cell::Number(4.0), Cell::Elsewhere, Cell::Number(1.0)]
        );
    }

    #[test]
    fn columns_that_cost_too_much_are_given_up() {
        let mut builder = ColumnsBuilder::new();
        let rows = 1 << 17_u32;
        let names: Vec<String> = (0..96).map(|i| format!("p{i}")).collect();
        for row in 0..rows {
            for name in &names {
                let at = builder.column(name);
                builder.push(row, at, Cell::Number(f64::from(row).sqrt()));
            }
        }
        let order: Vec<u32> = (0..rows).collect();
        let columns = builder.finish(&order);
        assert!(columns.bytes() < rows as usize * MAX_BYTES_PER_ITEM + (40 << 20), "{}", columns.bytes());
        assert!(columns.iter().count() > 20);
    }
}
