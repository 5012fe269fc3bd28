//! How the rows and columns of a source fall on a window's. Pure arithmetic.

use std::ops::Range;

use super::grid::EDGE_PX;

/// How a raster falls on a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Fall {
    /// Rows.
    pub rows: Axis,
    /// Columns.
    pub cols: Axis,
}

impl Fall {
    /// True when the source's pixels are the window's, one by one.
    #[must_use]
    pub fn is_shift(&self) -> bool {
        self.rows.is_shift() && self.cols.is_shift()
    }
}

/// How the source's pixels fall on the window's along one axis: ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Window pixels that have a source pixel.
    pub covered: Range<usize>,
    /// For each of them, the source pixel.
    source: Source,
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    /// One after the other from here.
    From(u32),
    /// One for each covered pixel.
    Each(Vec<u32>),
}

impl Axis {
    /// `first` is the source pixel of window pixel 0.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the window first"
    )]
    pub(super) fn shifted(len: u32, first: f64, source_len: u32) -> Self {
        let start = (-first).clamp(0.0, f64::from(len));
        let end = (f64::from(source_len) - first).clamp(start, f64::from(len));
        let from = (first + start).clamp(0.0, f64::from(source_len));
        Self { covered: start as usize..end as usize, source: Source::From(from as u32) }
    }

    /// Window pixel i has its middle at source coordinate `first + (i + ½) × ratio`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "only pixels within the source are kept"
    )]
    pub(super) fn scaled(len: u32, first: f64, ratio: f64, source_len: u32) -> Self {
        let mut covered = 0..0;
        let mut each = Vec::new();
        for pixel in 0..len {
            // Middles that fall on an edge, as they do at even ratios, must not waver with rounding.
            let at = (first + (f64::from(pixel) + 0.5) * ratio + EDGE_PX).floor();
            if at >= 0.0 && at < f64::from(source_len) {
                if each.is_empty() {
                    covered.start = pixel as usize;
                }
                covered.end = pixel as usize + 1;
                each.push(at as u32);
            }
        }
        Self { covered, source: Source::Each(each) }
    }

    /// True when no window pixel has a source pixel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.covered.is_empty()
    }

    /// The source pixel of a covered window pixel.
    #[must_use]
    pub fn source_of(&self, pixel: usize) -> u32 {
        let nth = pixel.saturating_sub(self.covered.start);
        match &self.source {
            Source::From(first) => first + u32::try_from(nth).unwrap_or(u32::MAX),
            Source::Each(each) => each.get(nth).copied().unwrap_or(u32::MAX),
        }
    }

    /// True when source pixels follow each other as the window's do.
    #[must_use]
    pub fn is_shift(&self) -> bool {
        matches!(self.source, Source::From(_))
    }

    /// The covered window pixels, cut where the source's blocks of `block_len` pixels are: (block, window pixels).
    #[must_use]
    pub fn by_block(&self, block_len: u32) -> Vec<(u32, Range<usize>)> {
        let mut runs: Vec<(u32, Range<usize>)> = Vec::new();
        let mut at = self.covered.start;
        while at < self.covered.end {
            let block = self.source_of(at) / block_len;
            let end = match &self.source {
                Source::From(_) => {
                    let rest = block_len - self.source_of(at) % block_len;
                    (at + rest as usize).min(self.covered.end)
                }
                Source::Each(each) => {
                    let from = at - self.covered.start;
                    let same = each[from..].partition_point(|source| source / block_len == block);
                    at + same.max(1)
                }
            };
            runs.push((block, at..end));
            at = end;
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_cover_the_covered_pixels_once(
            len in 1u32..300, first in -400i32..400, source_len in 1u32..500, block in 1u32..70, scale in 0usize..4
        ) {
            let axis = match scale {
                0 => Axis::shifted(len, f64::from(first), source_len),
                s => Axis::scaled(len, f64::from(first), [0.5, 2.0, 0.37][s - 1], source_len),
            };
            let mut at = axis.covered.start;
            for (block_index, run) in axis.by_block(block) {
                prop_assert_eq!(run.start, at);
                at = run.end;
                for pixel in run {
                    prop_assert_eq!(axis.source_of(pixel) / block, block_index);
                    prop_assert!(axis.source_of(pixel) < source_len);
                }
            }
            prop_assert_eq!(at, axis.covered.end.max(axis.covered.start));
        }
    }
}
