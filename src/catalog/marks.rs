//! A mark for each row, in one bit.

/// Rows that are marked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    words: Vec<u64>,
}

impl Marks {
    /// Room for that many rows, none marked.
    pub(crate) fn new(rows: u32) -> Self {
        Self { words: vec![0; (rows as usize).div_ceil(64)] }
    }

    /// Marks a row; false when it was marked already.
    pub(crate) fn set(&mut self, row: u32) -> bool {
        let word = &mut self.words[row as usize / 64];
        let before = *word;
        *word |= 1 << (row % 64);
        before != *word
    }

    /// Takes the mark from a row.
    pub(crate) fn clear(&mut self, row: u32) {
        self.words[row as usize / 64] &= !(1 << (row % 64));
    }

    /// True when the row is marked.
    pub(crate) fn get(&self, row: u32) -> bool {
        self.words[row as usize / 64] & (1 << (row % 64)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_marked_one_by_one() {
        let mut marks = Marks::new(130);
        assert!(marks.set(64) && marks.set(129) && !marks.set(64));
        marks.clear(64);
        assert_eq!((0..130).filter(|row| marks.get(*row)).collect::<Vec<_>>(), [129]);
    }
}
