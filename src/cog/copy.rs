//! Cropping: one band's window of a decoded block → a place in a larger array.

use std::ops::Range;

/// A decoded block: rows of `width` pixels of `samples` samples of `sample_size` bytes, without gaps.
#[derive(Debug, Clone, Copy)]
pub struct BlockView<'a> {
    /// What [`decode_block`](super::decode_block) gave.
    pub data: &'a [u8],
    /// Pixels in a row.
    pub width: usize,
    /// Samples in a pixel: the bands of the image, or 1 if they are separate.
    pub samples: usize,
    /// Bytes in a sample: 1, 2, 4 or 8.
    pub sample_size: usize,
}

impl BlockView<'_> {
    /// Copies one sample of the pixels in a window (half-open, in the block's pixels) to `dst`, whose rows begin
    /// `dst_row_bytes` apart; the window's first sample goes to its start, each row without gaps.
    ///
    /// Windows that are not in the block or do not fit `dst` are cut to what is there: a caller that asks for more has
    /// planned wrongly, which debug builds tell by a panic.
    pub fn copy_band(
        &self,
        sample: usize,
        rows: Range<usize>,
        cols: Range<usize>,
        dst: &mut [u8],
        dst_row_bytes: usize,
    ) {
        let pixel = self.samples * self.sample_size;
        debug_assert!(sample < self.samples && cols.end <= self.width);
        debug_assert!(rows.end * self.width * pixel <= self.data.len());
        if pixel == 0 || self.width == 0 || dst_row_bytes == 0 {
            return;
        }
        let sources = self.data.chunks_exact(self.width * pixel).skip(rows.start).take(rows.len());
        for (from, to) in sources.zip(dst.chunks_mut(dst_row_bytes)) {
            let from = from.get(cols.start * pixel..cols.end * pixel).unwrap_or_default();
            let len = (cols.len() * self.sample_size).min(to.len());
            let to = to.get_mut(..len).unwrap_or_default();
            debug_assert_eq!(to.len(), cols.len() * self.sample_size);
            match (self.samples, self.sample_size) {
                (1, _) => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
                (samples, 1) => pick::<1>(from, samples, sample, to),
                (samples, 2) => pick::<2>(from, samples, sample, to),
                (samples, 4) => pick::<4>(from, samples, sample, to),
                (samples, _) => pick::<8>(from, samples, sample, to),
            }
        }
    }
}

/// Every `samples`th sample of `B` bytes.
fn pick<const B: usize>(from: &[u8], samples: usize, sample: usize, to: &mut [u8]) {
    let (from, to) = (from.as_chunks::<B>().0, to.as_chunks_mut::<B>().0);
    match samples {
        2 => pick_of::<B, 2>(from, sample, to),
        3 => pick_of::<B, 3>(from, sample, to),
        4 => pick_of::<B, 4>(from, sample, to),
        _ => {
            let from = from.get(sample..).unwrap_or_default();
            for (to, from) in to.iter_mut().zip(from.iter().step_by(samples)) {
                *to = *from;
            }
        }
    }
}

/// The same with a stride that the compiler knows.
fn pick_of<const B: usize, const S: usize>(from: &[[u8; B]], sample: usize, to: &mut [[u8; B]]) {
    let sample = sample.min(S - 1);
    for (to, from) in to.iter_mut().zip(from.as_chunks::<S>().0) {
        *to = from[sample];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_window_of_a_band_lands_in_its_place(
            samples in 1_usize..7,
            size in prop::sample::select(vec![1_usize, 2, 4, 8]),
            (width, col, cols) in (1_usize..12).prop_flat_map(|w| (Just(w), 0..w))
                .prop_flat_map(|(w, c)| (Just(w), Just(c), 0..=w - c)),
            (height, row, rows) in (1_usize..6).prop_flat_map(|h| (Just(h), 0..h))
                .prop_flat_map(|(h, r)| (Just(h), Just(r), 0..=h - r)),
            gap in 0_usize..9,
        ) {
            let data: Vec<u8> = (0..=250).cycle().take(width * height * samples * size).collect();
            let block = BlockView { data: &data, width, samples, sample_size: size };
            for sample in 0..samples {
                let stride = cols * size + gap;
                let mut dst = vec![0xEE; stride * rows];
                block.copy_band(sample, row..row + rows, col..col + cols, &mut dst, stride);
                for (r, line) in dst.chunks(stride.max(1)).enumerate() {
                    for (c, got) in line[..cols * size].chunks(size).enumerate() {
                        let at = (((row + r) * width + col + c) * samples + sample) * size;
                        prop_assert_eq!(got, &data[at..at + size]);
                    }
                    prop_assert!(line[cols * size..].iter().all(|byte| *byte == 0xEE));
                }
            }
        }
    }
}
