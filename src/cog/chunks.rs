//! The parts of a file fetched so far.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

/// Byte ranges of one file, in any order and overlapping at will; ranges that touch become one.
#[derive(Debug, Clone, Default)]
pub struct Chunks {
    /// Start → bytes. No two of them overlap or touch.
    parts: BTreeMap<u64, Bytes>,
}

impl Chunks {
    /// Nothing fetched yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what was read at `offset`. Bytes that touch known ones are copied together with them.
    pub fn insert(&mut self, offset: u64, bytes: Bytes) {
        let Some(end) = offset.checked_add(bytes.len() as u64) else { return };
        if bytes.is_empty() || self.get(offset..end).is_some() {
            return;
        }
        let touching: Vec<u64> = self
            .parts
            .range(..=end)
            .filter(|(start, part)| **start + part.len() as u64 >= offset)
            .map(|(start, _)| *start)
            .collect();
        if touching.is_empty() {
            self.parts.insert(offset, bytes);
            return;
        }
        let mut pieces: Vec<(u64, Bytes)> = touching
            .into_iter()
            .filter_map(|start| self.parts.remove(&start).map(|part| (start, part)))
            .collect();
        pieces.push((offset, bytes));
        pieces.sort_by_key(|(start, _)| *start);
        let first = pieces.first().map_or(offset, |(start, _)| *start);
        let mut joined = Vec::with_capacity(pieces.iter().map(|(_, part)| part.len()).sum());
        for (start, part) in pieces {
            let known = first + joined.len() as u64 - start;
            let fresh = usize::try_from(known).ok().and_then(|known| part.get(known..));
            joined.extend_from_slice(fresh.unwrap_or_default());
        }
        self.parts.insert(first, joined.into());
    }

    /// The bytes of `range`, if all of them are here.
    #[must_use]
    pub fn get(&self, range: Range<u64>) -> Option<&[u8]> {
        let (start, part) = self.parts.range(..=range.start).next_back()?;
        let from = usize::try_from(range.start - start).ok()?;
        let to = usize::try_from(range.end.checked_sub(*start)?).ok()?;
        part.get(from..to)
    }

    /// The first byte at or after `offset` that is not here.
    pub(super) fn first_absent(&self, offset: u64) -> u64 {
        let before = self.parts.range(..=offset).next_back();
        before.map_or(offset, |(start, part)| offset.max(start + part.len() as u64))
    }

    /// Bytes held in all.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.parts.values().map(|part| part.len() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_inserted_in_any_order_read_back_as_the_file(
            ranges in prop::collection::vec((0_usize..300, 0_usize..60), 1..30),
        ) {
            let file: Vec<u8> = (0..=255).cycle().take(360).collect();
            let mut chunks = Chunks::new();
            let mut known = vec![false; file.len()];
            for (start, len) in ranges {
                chunks.insert(start as u64, Bytes::copy_from_slice(&file[start..start + len]));
                known[start..start + len].fill(true);
            }
            for (at, is_known) in known.iter().enumerate() {
                let offset = at as u64;
                prop_assert_eq!(chunks.get(offset..offset + 1).is_some(), *is_known);
                let run = known[at..].iter().take_while(|k| **k).count();
                prop_assert_eq!(chunks.first_absent(offset), offset + run as u64);
                if run > 0 {
                    let got = chunks.get(offset..offset + run as u64);
                    prop_assert_eq!(got, Some(&file[at..at + run]));
                }
            }
            prop_assert_eq!(chunks.held_bytes(), known.iter().filter(|k| **k).count() as u64);
        }
    }
}
