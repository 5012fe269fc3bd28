//! A column of small whole numbers, one for each row, in as few bytes as the largest takes.

use std::io::{self, Write};

use super::parts::{PartsError, Reader};

/// Numbers by row: nothing at all where all are the same.
#[derive(Debug, Clone)]
pub(crate) enum Codes {
    /// Every row has this number.
    Same(u32),
    /// Below 2⁸.
    Bytes(Vec<u8>),
    /// Below 2¹⁶.
    Shorts(Vec<u16>),
    /// All others.
    Words(Vec<u32>),
}

impl Codes {
    /// The column of these numbers.
    pub(super) fn new(numbers: Vec<u32>) -> Self {
        let Some(first) = numbers.first().copied() else { return Self::Same(0) };
        let (low, high) = numbers.iter().fold((first, first), |(low, high), n| (low.min(*n), high.max(*n)));
        if low == high {
            return Self::Same(low);
        }
        match (u8::try_from(high), u16::try_from(high)) {
            (Ok(_), _) => Self::Bytes(numbers.iter().map(|n| u8::try_from(*n).unwrap_or(u8::MAX)).collect()),
            (_, Ok(_)) => {
                Self::Shorts(numbers.iter().map(|n| u16::try_from(*n).unwrap_or(u16::MAX)).collect())
            }
            _ => Self::Words(numbers),
        }
    }

    /// The number of that row.
    pub(crate) fn get(&self, row: u32) -> u32 {
        let row = row as usize;
        match self {
            Self::Same(number) => *number,
            Self::Bytes(numbers) => numbers[row].into(),
            Self::Shorts(numbers) => numbers[row].into(),
            Self::Words(numbers) => numbers[row],
        }
    }

    /// Memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Same(_) => 0,
            Self::Bytes(numbers) => numbers.len(),
            Self::Shorts(numbers) => 2 * numbers.len(),
            Self::Words(numbers) => 4 * numbers.len(),
        }
    }

    /// Writes the column for the snapshot on disk.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (width, same, bytes): (u8, u32, &[u8]) = match self {
            Self::Same(number) => (0, *number, &[]),
            Self::Bytes(numbers) => (1, 0, numbers),
            Self::Shorts(numbers) => (2, 0, bytemuck::cast_slice(numbers)),
            Self::Words(numbers) => (4, 0, bytemuck::cast_slice(numbers)),
        };
        out.write_all(&[width])?;
        out.write_all(&same.to_le_bytes())?;
        out.write_all(bytes)
    }

    /// Reads the column of `rows` rows, each number below `limit`.
    pub(super) fn read(from: &mut Reader<'_>, rows: usize, limit: u32) -> Result<Self, PartsError> {
        const WHAT: &str = "a column of numbers";
        let width = from.u8(WHAT)?;
        let same = from.u32(WHAT)?;
        let codes = match width {
            0 => Self::Same(same),
            1 => Self::Bytes(from.list(rows, WHAT)?),
            2 => Self::Shorts(from.list(rows, WHAT)?),
            4 => Self::Words(from.list(rows, WHAT)?),
            _ => return Err(PartsError::Invalid { what: WHAT, expected: "a width of 0, 1, 2 or 4 bytes" }),
        };
        let in_bounds = match &codes {
            Self::Same(number) => rows == 0 || *number < limit,
            Self::Bytes(numbers) => numbers.iter().all(|n| u32::from(*n) < limit),
            Self::Shorts(numbers) => numbers.iter().all(|n| u32::from(*n) < limit),
            Self::Words(numbers) => numbers.iter().all(|n| *n < limit),
        };
        if in_bounds {
            Ok(codes)
        } else {
            Err(PartsError::Invalid { what: WHAT, expected: "a known number" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_gives_back_what_was_put_in_and_survives_the_disk() {
        for numbers in [vec![], vec![7, 7], vec![1, 200], vec![1, 60_000], vec![5, 70_000, 4_000_000]] {
            let codes = Codes::new(numbers.clone());
            let mut out = Vec::new();
            codes.write(&mut out).expect("written");
            let back = Codes::read(&mut Reader::new(&out), numbers.len(), 5_000_000).expect("read");
            for (row, number) in (0..).zip(&numbers) {
                assert_eq!((codes.get(row), back.get(row)), (*number, *number));
            }
            if numbers.iter().any(|n| *n > 4) {
                assert!(Codes::read(&mut Reader::new(&out), numbers.len(), 5).is_err(), "out of bounds");
            }
        }
    }
}
