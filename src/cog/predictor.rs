//! Undoing predictors, in place, and bringing samples to little-endian order in the same pass.
//!
//! Loops are over fixed numbers of samples and bytes, so that the compiler keeps the running sums in registers and
//! checks no index.

use super::source::ByteOrder;

/// Reverses the bytes of each big-endian sample.
pub(super) fn swap(data: &mut [u8], sample_size: usize, order: ByteOrder) {
    fn reverse<const B: usize>(data: &mut [u8]) {
        data.as_chunks_mut::<B>().0.iter_mut().for_each(|sample| sample.reverse());
    }
    if order == ByteOrder::Little {
        return;
    }
    match sample_size {
        2 => reverse::<2>(data),
        4 => reverse::<4>(data),
        8 => reverse::<8>(data),
        _ => {}
    }
}

/// Predictor 2: each row of `row_bytes` holds differences of whole pixels of `samples` samples.
pub(super) fn undo_horizontal(
    data: &mut [u8],
    row_bytes: usize,
    samples: usize,
    sample_size: usize,
    order: ByteOrder,
) {
    let rows = data.chunks_exact_mut(row_bytes);
    match (sample_size, order) {
        (1, _) => rows.for_each(|row| add_row::<1>(row, samples, u8_sum)),
        (2, ByteOrder::Little) => rows.for_each(|row| add_row::<2>(row, samples, u16_sum)),
        (4, ByteOrder::Little) => rows.for_each(|row| add_row::<4>(row, samples, u32_sum)),
        (_, ByteOrder::Little) => rows.for_each(|row| add_row::<8>(row, samples, u64_sum)),
        (2, ByteOrder::Big) => rows.for_each(|row| add_row::<2>(row, samples, u16_swapped_sum)),
        (4, ByteOrder::Big) => rows.for_each(|row| add_row::<4>(row, samples, u32_swapped_sum)),
        (_, ByteOrder::Big) => rows.for_each(|row| add_row::<8>(row, samples, u64_swapped_sum)),
    }
}

/// One row: sums up each sample of the pixels, by fixed numbers of samples where that pays.
#[inline(always)]
#[expect(clippy::inline_always, reason = "`sum` must be inlined into the loops")]
fn add_row<const B: usize>(row: &mut [u8], samples: usize, sum: impl Fn([u8; B], [u8; B]) -> [u8; B]) {
    let row = row.as_chunks_mut::<B>().0;
    match samples {
        1 => add_pixels::<B, 1>(row, sum),
        2 => add_pixels::<B, 2>(row, sum),
        3 => add_pixels::<B, 3>(row, sum),
        4 => add_pixels::<B, 4>(row, sum),
        _ => {
            let mut pixels = row.chunks_exact_mut(samples);
            let Some(mut left) = pixels.next() else { return };
            for sample in left.iter_mut() {
                *sample = sum([0; B], *sample);
            }
            for pixel in pixels {
                for (to, from) in pixel.iter_mut().zip(left.iter()) {
                    *to = sum(*from, *to);
                }
                left = pixel;
            }
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "`sum` must be inlined into the loops")]
fn add_pixels<const B: usize, const S: usize>(
    row: &mut [[u8; B]],
    sum: impl Fn([u8; B], [u8; B]) -> [u8; B],
) {
    let mut left = [[0; B]; S];
    for pixel in row.as_chunks_mut::<S>().0 {
        for (to, left) in pixel.iter_mut().zip(&mut left) {
            *left = sum(*left, *to);
            *to = *left;
        }
    }
}

fn u8_sum([left]: [u8; 1], [difference]: [u8; 1]) -> [u8; 1] {
    [left.wrapping_add(difference)]
}

/// Little-endian sums of a little-endian left sample and a difference in the file's order.
macro_rules! sums {
    ($($type:ty: $sum:ident, $swapped:ident;)*) => { $(
        #[inline]
        fn $sum(left: [u8; size_of::<$type>()], difference: [u8; size_of::<$type>()])
            -> [u8; size_of::<$type>()] {
            <$type>::from_le_bytes(left).wrapping_add(<$type>::from_le_bytes(difference)).to_le_bytes()
        }

        #[inline]
        fn $swapped(left: [u8; size_of::<$type>()], difference: [u8; size_of::<$type>()])
            -> [u8; size_of::<$type>()] {
            <$type>::from_le_bytes(left).wrapping_add(<$type>::from_be_bytes(difference)).to_le_bytes()
        }
    )* };
}

sums! {
    u16: u16_sum, u16_swapped_sum;
    u32: u32_sum, u32_swapped_sum;
    u64: u64_sum, u64_swapped_sum;
}

/// Predictor 3 (Adobe's TIFF Technical Note 3): each row holds byte-wise differences at a distance of `samples`; summed
/// up, first the highest bytes of all its samples, and the lowest last, whatever the file's byte order.
pub(super) fn undo_float(data: &mut [u8], row_bytes: usize, samples: usize, sample_size: usize) {
    let mut sorted = vec![0; row_bytes];
    for row in data.chunks_exact_mut(row_bytes) {
        add_row::<1>(row, samples, u8_sum);
        sorted.copy_from_slice(row);
        match sample_size {
            2 => gather::<2>(&sorted, row),
            4 => gather::<4>(&sorted, row),
            _ => gather::<8>(&sorted, row),
        }
    }
}

/// Puts the bytes of each sample together again, the lowest first.
fn gather<const B: usize>(sorted: &[u8], row: &mut [u8]) {
    let row = row.as_chunks_mut::<B>().0;
    for (plane, bytes) in sorted.chunks_exact(row.len().max(1)).take(B).enumerate() {
        for (sample, byte) in row.iter_mut().zip(bytes) {
            sample[B - 1 - plane] = *byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Predictor 2 by the book: sample by sample, on numbers.
    fn by_the_book(data: &[u8], row: usize, samples: usize, size: usize, order: ByteOrder) -> Vec<u8> {
        let mut numbers: Vec<u64> = data.chunks(size).map(|sample| order.unsigned(sample)).collect();
        for row in numbers.chunks_mut(row / size) {
            for at in samples..row.len() {
                row[at] = row[at].wrapping_add(row[at - samples]);
            }
        }
        numbers.iter().flat_map(|number| number.to_le_bytes()[..size].to_vec()).collect()
    }

    /// The forward transform of predictor 3 on little-endian samples.
    fn sort_and_difference(data: &[u8], row: usize, samples: usize, size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for row in data.chunks(row) {
            let mut sorted: Vec<u8> =
                (0..size).rev().flat_map(|byte| row.chunks(size).map(move |sample| sample[byte])).collect();
            for at in (samples..sorted.len()).rev() {
                sorted[at] = sorted[at].wrapping_sub(sorted[at - samples]);
            }
            out.extend(sorted);
        }
        out
    }

    proptest! {
        #[test]
        fn horizontal_sums_agree_with_the_book(
            seed in prop::collection::vec(any::<u8>(), 1..200),
            samples in 1_usize..7, width in 1_usize..20, rows in 1_usize..4,
        ) {
            for (size, order) in [1, 2, 4, 8].into_iter()
                .flat_map(|size| [ByteOrder::Little, ByteOrder::Big].map(|order| (size, order)))
            {
                let row = width * samples * size;
                let data: Vec<u8> = seed.iter().copied().cycle().take(row * rows).collect();
                let mut undone = data.clone();
                undo_horizontal(&mut undone, row, samples, size, order);
                prop_assert_eq!(undone, by_the_book(&data, row, samples, size, order));
            }
        }

        #[test]
        fn floats_come_back(
            seed in prop::collection::vec(any::<u8>(), 1..200),
            samples in 1_usize..7, width in 1_usize..20, rows in 1_usize..4,
        ) {
            for size in [2, 4, 8] {
                let row = width * samples * size;
                let data: Vec<u8> = seed.iter().copied().cycle().take(row * rows).collect();
                let mut undone = sort_and_difference(&data, row, samples, size);
                undo_float(&mut undone, row, samples, size);
                prop_assert_eq!(undone, data);
            }
        }
    }
}
