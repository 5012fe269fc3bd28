//! A finished column: the cell of any row in a few nanoseconds.

use std::cmp::Ordering;

use super::codes::{Codes, ELSEWHERE, MISSING, is_value};
use super::encoding::Encoding;
#[cfg(test)]
use super::encoding::float_value;
use super::presence::Presence;
use super::scalar::Cell;
use crate::stac::parse_instant;

/// One property of all Items.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(super) encoding: Encoding,
    pub(super) codes: Codes,
    pub(super) presence: Presence,
}

impl Column {
    pub(super) fn new(encoding: Encoding, codes: Codes, presence: Presence) -> Self {
        Self { encoding, codes, presence }
    }

    /// A column that holds nothing: only the bodies know.
    pub(super) fn elsewhere(rows: u32) -> Self {
        let codes = Codes::Same { code: ELSEWHERE, len: rows as usize };
        Self::new(Encoding::Nothing, codes, Presence::All(rows))
    }

    /// True when no row's cell is known.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!((&self.codes, &self.presence), (Codes::Same { code: ELSEWHERE, .. }, Presence::All(_)))
    }

    /// Number of rows.
    #[cfg(test)]
    pub(crate) fn rows(&self) -> u32 {
        self.presence.rows()
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let dictionary = if let Encoding::Text(dictionary) = &self.encoding { dictionary.bytes() } else { 0 };
        self.codes.bytes() + self.presence.bytes() + dictionary
    }

    #[inline]
    pub(super) fn code(&self, row: u32) -> u64 {
        self.presence.index(row).map_or(MISSING, |index| self.codes.get(index))
    }

    /// The row's cell.
    #[inline]
    pub(crate) fn get(&self, row: u32) -> Cell<'_> {
        self.encoding.cell(self.code(row))
    }

    /// The row's number, where it is one that the column holds.
    #[inline]
    #[cfg(test)]
    pub(crate) fn number(&self, row: u32) -> Option<f64> {
        let code = self.code(row);
        match &self.encoding {
            _ if !is_value(code) => None,
            Encoding::Decimal(integers) => Some(integers.number(code)),
            Encoding::Float => Some(float_value(code)),
            _ => None,
        }
    }

    /// The rows that have the property, `null` or not, ascending.
    pub(crate) fn rows_present(&self) -> impl Iterator<Item = u32> {
        self.presence
            .rows_present()
            .zip(self.codes.iter())
            .filter(|(_, code)| *code != MISSING)
            .map(|(row, _)| row)
    }

    /// Orders two rows by value, ascending; a row without a value, or with one that only its body knows, comes last.
    ///
    /// Numbers are in the order of `f64::total_cmp`, texts in that of their bytes.
    #[inline]
    pub(crate) fn compare(&self, a: u32, b: u32) -> Ordering {
        let key = |row| self.code(row).min(ELSEWHERE);
        key(a).cmp(&key(b))
    }

    /// As [`Column::compare`], or the other way round for values; a row without one comes last all the same.
    pub(crate) fn compare_directed(&self, a: u32, b: u32, descending: bool) -> Ordering {
        let both = is_value(self.code(a)) && is_value(self.code(b));
        if descending && both { self.compare(b, a) } else { self.compare(a, b) }
    }

    /// How the row's text stands to another; a row without a text is greater.
    pub(crate) fn compare_text(&self, row: u32, text: &str) -> Ordering {
        match self.get(row) {
            Cell::Text(own) => own.cmp(text),
            _ => Ordering::Greater,
        }
    }

    /// True when no row's value is known to its body only, and no text could stand for a date-time.
    pub(crate) fn is_complete(&self) -> bool {
        let is_plain = match &self.encoding {
            Encoding::Text(dictionary) => dictionary.iter().all(|text| parse_instant(text).is_err()),
            _ => true,
        };
        is_plain && self.codes.iter().all(|code| code != ELSEWHERE)
    }

    /// The rows that have a value, ascending by it, rows with the same value in their order; `None` when some value is
    /// known to its body only. Costs a sort, O(n log n), and 8 to 16 bytes a row while it runs.
    pub(crate) fn sort_order(&self) -> Option<Vec<u32>> {
        if self.codes.iter().any(|code| code == ELSEWHERE) {
            return None;
        }
        let cells = self.presence.rows_present().zip(self.codes.iter()).filter(|(_, code)| is_value(*code));
        if self.codes.width() <= 4 {
            // Code and row in one word; a code of four bytes leaves 32 bits.
            let same = matches!(self.codes, Codes::Same { .. });
            let word =
                |(row, code): (u32, u64)| if same { u64::from(row) } else { code << 32 | u64::from(row) };
            let mut words: Vec<u64> = cells.map(word).collect();
            words.sort_unstable();
            return Some(words.into_iter().map(row_of).collect());
        }
        let mut pairs: Vec<(u64, u32)> = cells.map(|(row, code)| (code, row)).collect();
        pairs.sort_unstable();
        Some(pairs.into_iter().map(|(_, row)| row).collect())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
fn row_of(word: u64) -> u32 {
    word as u32
}
