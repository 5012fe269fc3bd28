//! Which rows have a cell in a column.
//!
//! A column that most Items lack, because another collection brought it, holds codes of the few only. Finding the code of
//! a row costs a bit test and a count of bits, or a binary search where fewer than one row in 64 has one.

use std::io::{self, Write};

use super::super::parts::{PartsError, Reader, write_list};

/// Words of the bitmap between two counts.
const WORDS_OF_RANK: usize = 4;

/// The rows of a column's codes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Presence {
    /// All rows up to a number: code and row have the same index.
    All(u32),
    /// A bit for each row, and before each four words the number of bits so far.
    Bits { words: Vec<u64>, ranks: Vec<u32>, rows: u32 },
    /// The rows, ascending.
    List { list: Vec<u32>, rows: u32 },
}

impl Presence {
    /// From a bit for each row.
    pub(super) fn from_words(mut words: Vec<u64>, rows: u32) -> Self {
        words.resize((rows as usize).div_ceil(64), 0);
        if let (Some(last), part @ 1..) = (words.last_mut(), rows % 64) {
            *last &= u64::MAX >> (64 - part);
        }
        words.shrink_to_fit();
        let mut sum = 0;
        let ranks = words.chunks(WORDS_OF_RANK).map(|chunk| {
            let before = sum;
            sum += chunk.iter().map(|w| w.count_ones()).sum::<u32>();
            before
        });
        let ranks = ranks.collect();
        let bits = Self::Bits { words, ranks, rows };
        if sum >= rows {
            Self::All(rows)
        } else if sum < rows / 64 {
            Self::List { list: bits.rows_present().collect(), rows }
        } else {
            bits
        }
    }

    /// Number of rows, with and without a cell.
    #[cfg(test)]
    pub(super) fn rows(&self) -> u32 {
        match self {
            Self::All(rows) | Self::Bits { rows, .. } | Self::List { rows, .. } => *rows,
        }
    }

    /// Number of rows that have a cell.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::All(rows) => *rows as usize,
            Self::Bits { words, .. } => words.iter().map(|w| w.count_ones() as usize).sum(),
            Self::List { list, .. } => list.len(),
        }
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::All(_) => 0,
            Self::Bits { words, ranks, .. } => words.capacity() * 8 + ranks.capacity() * 4,
            Self::List { list, .. } => list.capacity() * 4,
        }
    }

    /// Where the row's code is.
    #[inline]
    pub(super) fn index(&self, row: u32) -> Option<usize> {
        match self {
            Self::All(rows) => (row < *rows).then_some(row as usize),
            Self::Bits { words, ranks, .. } => {
                let at = row as usize / 64;
                let word = *words.get(at)?;
                if word >> (row % 64) & 1 == 0 {
                    return None;
                }
                let start = at / WORDS_OF_RANK;
                let before: u32 = words[start * WORDS_OF_RANK..at].iter().map(|w| w.count_ones()).sum();
                let within = (word & !(u64::MAX << (row % 64))).count_ones();
                Some((ranks[start] + before + within) as usize)
            }
            Self::List { list, .. } => list.binary_search(&row).ok(),
        }
    }

    /// The rows that have a cell, ascending: in the order of the codes.
    pub(super) fn rows_present(&self) -> impl Iterator<Item = u32> {
        let (all, words, list) = match self {
            Self::All(rows) => (0..*rows, &[][..], &[][..]),
            Self::Bits { words, .. } => (0..0, &words[..], &[][..]),
            Self::List { list, .. } => (0..0, &[][..], &list[..]),
        };
        let bits = (0_u32..).zip(words).flat_map(|(at, word)| {
            let rest = std::iter::successors(Some(*word), |rest| Some(rest & rest.wrapping_sub(1)));
            rest.take_while(|rest| *rest != 0).map(move |rest| at * 64 + rest.trailing_zeros())
        });
        all.chain(bits).chain(list.iter().copied())
    }

    /// Writes the kind, then bits or rows.
    pub(super) fn to_parts(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::All(_) => out.write_all(&[0]),
            Self::Bits { words, .. } => {
                out.write_all(&[1])?;
                write_list(words, out)
            }
            Self::List { list, .. } => {
                out.write_all(&[2])?;
                write_list(list, out)
            }
        }
    }

    /// Reads what [`Presence::to_parts`] wrote of so many rows.
    pub(super) fn from_parts(rows: u32, parts: &mut Reader<'_>) -> Result<Self, PartsError> {
        let what = "rows of a column";
        match parts.u8(what)? {
            0 => Ok(Self::All(rows)),
            1 => {
                let words: Vec<u64> = parts.counted(what)?;
                if words.len() != (rows as usize).div_ceil(64) {
                    return Err(PartsError::Invalid { what, expected: "a bit for each row" });
                }
                Ok(Self::from_words(words, rows))
            }
            2 => {
                let list: Vec<u32> = parts.counted(what)?;
                if !list.is_sorted_by(|a, b| a < b) || list.last().is_some_and(|last| *last >= rows) {
                    return Err(PartsError::Invalid { what, expected: "ascending rows" });
                }
                Ok(Self::List { list, rows })
            }
            _ => Err(PartsError::Invalid { what, expected: "0, 1 or 2" }),
        }
    }
}

/// The rows of a column that grows: they come ascending.
#[derive(Debug, Clone, Default)]
pub(super) struct Growing {
    /// One past the last row.
    end: u32,
    /// A bit for each row, once a row was left out.
    words: Option<Vec<u64>>,
}

impl Growing {
    /// One past the last row that was added.
    pub(super) fn end(&self) -> u32 {
        self.end
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.words.as_ref().map_or(0, |words| words.capacity() * 8)
    }

    /// Adds a row that is not below [`Growing::end`].
    #[inline]
    pub(super) fn push(&mut self, row: u32) {
        if row > self.end && self.words.is_none() {
            let mut words = vec![u64::MAX; self.end as usize / 64];
            if !self.end.is_multiple_of(64) {
                words.push(!(u64::MAX << (self.end % 64)));
            }
            self.words = Some(words);
        }
        if let Some(words) = &mut self.words {
            let at = row as usize / 64;
            if words.len() <= at {
                words.reserve_exact((at + 1 - words.len()).max(words.len() / 4));
                words.resize(at + 1, 0);
            }
            words[at] |= 1 << (row % 64);
        }
        self.end = row.saturating_add(1);
    }

    /// What finds the codes of the rows so far.
    pub(super) fn finish(self) -> Presence {
        match self.words {
            None => Presence::All(self.end),
            Some(words) => Presence::from_words(words, self.end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn rows_are_found_as_in_a_set(
            start in 0_u32..300,
            picked in prop_oneof![
                prop::collection::btree_set(0_u32..1000, 0..300),
                prop::collection::btree_set(0_u32..9000, 0..20),
                Just(BTreeSet::new()),
            ],
            after in 0_u32..200,
        ) {
            let set: BTreeSet<u32> = (0..start).chain(picked).collect();
            let mut growing = Growing::default();
            for row in &set {
                growing.push(*row);
            }
            let end = growing.end();
            let grown = growing.clone().finish();
            let words = growing.words.unwrap_or_else(|| vec![u64::MAX; 10]);
            let rows = end + if words.len() == 10 { 0 } else { after };
            for presence in [grown, Presence::from_words(words, rows)] {
                prop_assert_eq!(presence.count(), set.len());
                prop_assert!(presence.rows_present().eq(set.iter().copied()));
                for row in 0..presence.rows() + 70 {
                    let expected = set.contains(&row).then(|| set.range(..row).count());
                    prop_assert_eq!(presence.index(row), expected);
                }
                let mut bytes = Vec::new();
                presence.to_parts(&mut bytes).expect("memory");
                let read = Presence::from_parts(presence.rows(), &mut Reader::new(&bytes));
                prop_assert_eq!(read, Ok(presence));
            }
        }
    }
}
