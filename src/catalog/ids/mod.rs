//! The ids of all Items in some twenty bytes each instead of fifty to seventy, and the order that they have.
//!
//! Ids are kept sorted, then by collection. In runs of [`BLOCK`] the first is written whole, each further one as what it
//! changes in the middle of the one before: `S2B_MSIL2A_20241203T174629_R098_T13TDE_…` and its neighbour share all but a
//! few letters. Reading one takes some 100 ns; to find one, a binary search over blocks, under a microsecond. Eight
//! bytes an Item lead from rows to places in the order and back.

mod builder;
mod change;

use std::io::{self, Write};

use super::parts::{PartsError, Reader, write_list};
use change::read_change;

pub(crate) use builder::IdsBuilder;

/// Ids of a block: a longer one saves memory and takes longer to read.
const BLOCK: usize = 16;

/// The place of each row.
fn inverse(rows: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; rows.len()];
    for (rank, row) in (0..).zip(rows) {
        ranks[*row as usize] = rank;
    }
    ranks
}

/// The ids of all rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ids {
    data: Vec<u8>,
    /// Where each block starts in `data`.
    blocks: Vec<u64>,
    /// The row at each place of the order by id.
    rows: Vec<u32>,
    /// The place of each row.
    ranks: Vec<u32>,
}

impl Ids {
    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.data.capacity() + self.blocks.capacity() * 8 + (self.rows.capacity() + self.ranks.capacity()) * 4
    }

    /// The row's id.
    pub(crate) fn get(&self, row: u32) -> String {
        let rank = self.ranks[row as usize] as usize;
        let mut id = Vec::with_capacity(80);
        let mut data = self.block(rank / BLOCK);
        for _ in 0..=rank % BLOCK {
            data = read_change(data, &mut id).unwrap_or_default();
        }
        text(id)
    }

    /// The row's place in the order by id, then by collection.
    #[cfg(test)]
    pub(crate) fn rank_of(&self, row: u32) -> u32 {
        self.ranks[row as usize]
    }

    /// The row at a place in that order.
    #[cfg(test)]
    pub(crate) fn row_at(&self, rank: u32) -> u32 {
        self.rows[rank as usize]
    }

    /// All rows with their ids, in that order.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (String, u32)> {
        self.starting_with(0).map(|(id, row)| (text(id), row))
    }

    /// The rows that have the id, in the order of their collections.
    pub(crate) fn rows_with_id(&self, id: &str) -> impl Iterator<Item = u32> {
        let id = id.as_bytes().to_vec();
        let same = self.starting_with(self.block_before(&id)).skip_while({
            let id = id.clone();
            move |(other, _)| *other < id
        });
        same.take_while(move |(other, _)| *other == id).map(|(_, row)| row)
    }

    /// The first place in the order whose id is not before `id`.
    #[cfg(test)]
    pub(crate) fn first_rank_from(&self, id: &str) -> u32 {
        let block = self.block_before(id.as_bytes());
        let before = self.starting_with(block).take_while(|(other, _)| **other < *id.as_bytes()).count();
        u32::try_from(block * BLOCK + before).unwrap_or(u32::MAX)
    }

    fn block(&self, block: usize) -> &[u8] {
        let start = self.blocks.get(block).and_then(|start| usize::try_from(*start).ok());
        start.and_then(|start| self.data.get(start..)).unwrap_or_default()
    }

    /// The last block that starts before the id, or the first.
    fn block_before(&self, id: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.blocks.len());
        let mut first = Vec::new();
        while low < high {
            let middle = low + (high - low) / 2;
            first.clear();
            let is_read = read_change(self.block(middle), &mut first).is_some();
            if is_read && *first < *id { low = middle + 1 } else { high = middle }
        }
        low.saturating_sub(1)
    }

    fn starting_with(&self, block: usize) -> impl Iterator<Item = (Vec<u8>, u32)> {
        let mut data = self.block(block);
        let mut id = Vec::new();
        let rows = self.rows.iter().enumerate().skip(block * BLOCK);
        rows.map_while(move |(rank, row)| {
            if rank.is_multiple_of(BLOCK) {
                id.clear();
            }
            data = read_change(data, &mut id)?;
            Some((id.clone(), *row))
        })
    }

    /// Writes all ids and their order.
    ///
    /// # Errors
    /// When `out` does not take them.
    pub(crate) fn to_parts(&self, out: &mut impl Write) -> io::Result<()> {
        write_list(&self.rows, out)?;
        write_list(&self.blocks, out)?;
        write_list(&self.data, out)
    }

    /// Reads what [`Ids::to_parts`] wrote for so many rows, and reads through all ids once.
    ///
    /// # Errors
    /// When the bytes are not such ids.
    pub(crate) fn from_parts(rows: u32, parts: &mut Reader<'_>) -> Result<Self, PartsError> {
        let invalid = |expected| PartsError::Invalid { what: "ids", expected };
        let order: Vec<u32> = parts.counted("ids")?;
        let blocks: Vec<u64> = parts.counted("ids")?;
        let data: Vec<u8> = parts.counted("ids")?;
        if order.len() != rows as usize || blocks.len() != order.len().div_ceil(BLOCK) {
            return Err(invalid("an id for each Item"));
        }
        if order.iter().any(|row| *row >= rows) {
            return Err(invalid("rows that there are"));
        }
        let ranks = inverse(&order);
        if (0..).zip(&order).any(|(rank, row)| ranks[*row as usize] != rank) {
            return Err(invalid("each row once"));
        }
        let mut rest = &data[..];
        let (mut id, mut before) = (Vec::new(), Vec::new());
        for rank in 0..order.len() {
            if rank.is_multiple_of(BLOCK) {
                id.clear();
                if blocks[rank / BLOCK] != (data.len() - rest.len()) as u64 {
                    return Err(invalid("blocks that follow each other"));
                }
            }
            rest = read_change(rest, &mut id).ok_or(invalid("changes to the id before"))?;
            if std::str::from_utf8(&id).is_err() || before > id {
                return Err(invalid("texts in their order"));
            }
            before.clone_from(&id);
        }
        if !rest.is_empty() {
            return Err(invalid("an id for each Item"));
        }
        Ok(Self { data, blocks, rows: order, ranks })
    }
}

/// Ids were texts when they were written, and were looked at when they were read.
fn text(id: Vec<u8>) -> String {
    String::from_utf8(id).unwrap_or_else(|damaged| String::from_utf8_lossy(damaged.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids() -> impl Strategy<Value = Vec<(String, u32)>> {
        let id = prop_oneof![
            "[ab]{0,3}",
            ".{0,8}",
            "[äöé🌍]{0,4}",
            "S2[AB]_MSIL2A_2024010[1-3]T1746[0-9]{2}_T13T[A-D]E",
            "x{120,400}[yz]{0,300}",
        ];
        prop::collection::vec((id, 0_u32..3), 0..90)
    }

    fn build(ids: &[(String, u32)], order: &[u32]) -> Ids {
        let mut builder = IdsBuilder::new();
        for (id, _) in ids {
            builder.push(id);
        }
        assert!((0..).zip(ids).all(|(index, (id, _))| builder.get(index) == id));
        builder.finish(order, |row| ids[order[row as usize] as usize].1)
    }

    fn backwards(ids: &[(String, u32)]) -> Vec<u32> {
        (0..u32::try_from(ids.len()).expect("few")).rev().collect()
    }

    proptest! {
        #[test]
        fn ids_come_back_and_are_found(ids in ids(), other in ".{0,3}") {
            let order = backwards(&ids);
            let built = build(&ids, &order);
            let of_row = |row: u32| &ids[order[row as usize] as usize];
            let mut sorted: Vec<u32> = (0..).zip(&ids).map(|(row, _)| row).collect();
            sorted.sort_by_key(|row| of_row(*row));
            prop_assert!(built.iter().eq(sorted.iter().map(|row| (of_row(*row).0.clone(), *row))));
            for (rank, row) in (0..).zip(&sorted) {
                let (id, _) = of_row(*row);
                prop_assert_eq!(&built.get(*row), id);
                prop_assert_eq!((built.rank_of(*row), built.row_at(rank)), (rank, *row));
                let same: Vec<u32> = sorted.iter().copied().filter(|r| of_row(*r).0 == *id).collect();
                prop_assert_eq!(built.rows_with_id(id).collect::<Vec<_>>(), same);
            }
            let before = sorted.iter().filter(|row| *of_row(**row).0 < *other).count();
            prop_assert_eq!(built.first_rank_from(&other) as usize, before);
            let there = ids.iter().filter(|(id, _)| *id == other).count();
            prop_assert_eq!(built.rows_with_id(&other).count(), there);
        }

        #[test]
        fn bytes_come_back_and_damage_does_no_harm(ids in ids(), at: prop::sample::Index, flip in 1_u8..) {
            let built = build(&ids, &backwards(&ids));
            let rows = u32::try_from(ids.len()).expect("few");
            let mut bytes = Vec::new();
            built.to_parts(&mut bytes).expect("memory");
            prop_assert_eq!(Ids::from_parts(rows, &mut Reader::new(&bytes)), Ok(built));
            let at = at.index(bytes.len());
            prop_assert!(Ids::from_parts(rows, &mut Reader::new(&bytes[..at])).is_err());
            bytes[at] ^= flip;
            if let Ok(damaged) = Ids::from_parts(rows, &mut Reader::new(&bytes)) {
                for row in 0..rows {
                    let id = damaged.get(row);
                    prop_assert!(damaged.rows_with_id(&id).any(|r| r == row));
                }
            }
        }
    }
}
