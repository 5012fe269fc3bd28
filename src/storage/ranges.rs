//! Byte ranges near each other become one read. Pure.

use std::ops::Range;

/// The longest read that further ranges are added to, in bytes: several reads at once are faster than one that is longer.
const LONGEST_RUN: u64 = 8 << 20;

/// A gap that is always read over, in bytes: it costs next to nothing anywhere.
pub(super) const LEAST_GAP: u64 = 16 << 10;

/// A range to read, and the indexes of the wanted ranges within it.
pub type Run = (Range<u64>, Vec<usize>);

/// Merges ranges into reads, ascending. Two are read as one when the gap between them is at most `gap_bytes`, which is what
/// another request would cost; but at most half of a run is gaps, short ones not counted.
#[must_use]
pub fn merge(ranges: &[Range<u64>], gap_bytes: u64) -> Vec<Run> {
    let mut order: Vec<usize> = (0..ranges.len()).collect();
    order.sort_by_key(|index| ranges[*index].start);
    let mut merged: Vec<Run> = Vec::new();
    // Of the last run: bytes in gaps that are no longer free.
    let mut waste = 0;
    for index in order {
        let range = &ranges[index];
        if let Some((run, members)) = merged.last_mut() {
            let gap = range.start.saturating_sub(run.end);
            let paid = if gap > LEAST_GAP { gap } else { 0 };
            let joined = range.end.max(run.end) - run.start;
            let is_near = gap <= gap_bytes.max(LEAST_GAP);
            let is_cheap = (waste + paid).saturating_mul(2) <= joined;
            if is_near && is_cheap && joined <= LONGEST_RUN {
                waste += paid;
                run.end = run.end.max(range.end);
                members.push(index);
                continue;
            }
        }
        waste = 0;
        merged.push((range.clone(), vec![index]));
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEAST: u64 = LEAST_GAP;

    #[test]
    fn near_ranges_are_one_read() {
        let far = 1 << 20;
        let merged = merge(&[far..far + 10, 0..100, 100 + LEAST..200 + LEAST], LEAST);
        assert_eq!(merged, [(0..200 + LEAST, vec![1, 2]), (far..far + 10, vec![0])]);
    }

    #[test]
    fn a_far_store_is_worth_longer_gaps_as_long_as_they_are_not_most_of_the_read() {
        let block = 100 << 10;
        let ranges = [0..block, 2 * block..3 * block, 100 * block..101 * block];
        assert_eq!(merge(&ranges, LEAST).len(), 3);
        assert_eq!(merge(&ranges, 1 << 30).len(), 2);
    }

    proptest! {
        #[test]
        fn every_range_lies_in_the_run_that_claims_it_and_little_else_is_read(
            starts in proptest::collection::vec((0u64..1 << 24, 1u64..1 << 16), 0..50),
            gap in 0u64..1 << 22,
        ) {
            let ranges: Vec<Range<u64>> = starts.into_iter().map(|(s, n)| s..s + n).collect();
            let mut seen = vec![0; ranges.len()];
            let runs = merge(&ranges, gap);
            for (run, members) in &runs {
                let mut inside: Vec<&Range<u64>> = members.iter().map(|index| &ranges[*index]).collect();
                inside.sort_by_key(|range| range.start);
                let mut end = run.start;
                let mut waste = 0;
                for range in &inside {
                    let gap = range.start.saturating_sub(end);
                    waste += if gap > LEAST { gap } else { 0 };
                    end = end.max(range.end);
                }
                prop_assert_eq!(end, run.end);
                prop_assert!(waste * 2 <= run.end - run.start);
                for index in members {
                    seen[*index] += 1;
                    prop_assert!(run.start <= ranges[*index].start && ranges[*index].end <= run.end);
                }
            }
            prop_assert!(seen.iter().all(|n| *n == 1));
            prop_assert!(runs.is_sorted_by_key(|(run, _)| run.start));
        }
    }
}
