//! Ids from the order that they are loaded in to the order that they sort in.

use rayon::slice::ParallelSliceMut;

use super::change::{MAX_ID_BYTES, write_change};
use super::{BLOCK, Ids, inverse};

/// Ids of a page of the builder.
const PAGE: usize = 256;

/// Ids in the order that they are loaded.
#[derive(Debug, Default)]
pub(crate) struct IdsBuilder {
    /// The texts of [`PAGE`] ids each: a long list that never moves.
    pages: Vec<String>,
    /// Where each id ends in its page.
    ends: Vec<u32>,
}

impl IdsBuilder {
    /// Without any ids.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds the id of the next Item, of at most 16 MiB.
    pub(crate) fn push(&mut self, id: &str) {
        debug_assert!(id.len() < MAX_ID_BYTES, "documents of Items are shorter");
        if self.ends.len().is_multiple_of(PAGE) {
            if let Some(page) = self.pages.last_mut() {
                page.shrink_to_fit();
            }
            self.pages.push(String::new());
        }
        if let Some(page) = self.pages.last_mut() {
            page.push_str(id);
            self.ends.push(u32::try_from(page.len()).unwrap_or(u32::MAX));
        }
    }

    /// The id of the Item that came as number `index`.
    pub(crate) fn get(&self, index: u32) -> &str {
        let index = index as usize;
        let start = if index.is_multiple_of(PAGE) { 0 } else { self.ends[index - 1] };
        &self.pages[index / PAGE][start as usize..self.ends[index] as usize]
    }

    /// The ids of the rows `order`, row `i` being the Item that came as number `order[i]`, and `collection_of(i)` its
    /// collection. Costs a sort on all threads of the pool that it is called on.
    pub(crate) fn finish(self, order: &[u32], collection_of: impl Fn(u32) -> u32 + Sync) -> Ids {
        let id = |row: u32| self.get(order[row as usize]);
        let mut rows: Vec<u32> = (0..).zip(order).map(|(row, _)| row).collect();
        rows.par_sort_unstable_by(|a, b| {
            id(*a).cmp(id(*b)).then_with(|| collection_of(*a).cmp(&collection_of(*b))).then(a.cmp(b))
        });
        let mut data = Vec::new();
        let mut blocks = Vec::with_capacity(rows.len().div_ceil(BLOCK));
        let mut before: &[u8] = &[];
        for (rank, row) in rows.iter().enumerate() {
            let next = id(*row).as_bytes();
            if data.capacity() - data.len() < next.len() + 32 {
                data.reserve_exact(data.len() / 8 + next.len() + 4096);
            }
            if rank.is_multiple_of(BLOCK) {
                blocks.push(data.len() as u64);
                before = &[];
            }
            write_change(before, next, &mut data);
            before = next;
        }
        drop(self);
        data.shrink_to_fit();
        let ranks = inverse(&rows);
        Ids { data, blocks, rows, ranks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_ids_than_a_page_keep_their_places() {
        let mut builder = IdsBuilder::new();
        for i in 0..1000 {
            builder.push(&format!("item-{i}"));
        }
        let order: Vec<u32> = (0..1000).collect();
        let ids = builder.finish(&order, |_| 0);
        for row in 0..1000 {
            assert_eq!(ids.get(row), format!("item-{row}"));
        }
    }
}
