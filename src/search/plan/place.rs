//! Which rows lie in a place.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::catalog::{Hits, Part, Region};

/// Rows above which a state for each footprint pays.
const MANY_ROWS: u32 = 4_096;

/// What the bisection of a list of rows costs, in rows looked at.
const BISECTION_COST: u64 = 8;

const OUTSIDE: u8 = 0;
const INSIDE: u8 = 1;
const UNTESTED: u8 = 2;

/// The footprints of a part that meet a region, as far as rectangles tell.
#[derive(Debug)]
pub(super) struct PlaceHits<'a> {
    part: &'a Part,
    region: &'a Region,
    hits: Hits,
    rows: u64,
}

impl<'a> PlaceHits<'a> {
    pub(super) fn new(part: &'a Part, region: &'a Region) -> Self {
        let space = part.space();
        let hits = space.hits(region);
        let inside = hits.inside.iter().map(|range| space.rows_in(range.clone()) as u64).sum::<u64>();
        let edge = hits.edge.iter().map(|footprint| space.rows_of(*footprint).len() as u64).sum::<u64>();
        Self { part, region, hits, rows: inside + edge }
    }

    /// Footprints that certainly meet the region, as ranges.
    pub(super) fn inside(&self) -> &[Range<u32>] {
        &self.hits.inside
    }

    /// Footprints whose shape decides.
    pub(super) fn edge(&self) -> &[u32] {
        &self.hits.edge
    }

    /// Rows of all these footprints.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// What it costs to find the rows of a range of time: each list of rows is narrowed by bisection, but where lists are
    /// short all of their rows are looked at.
    pub(super) fn narrowing_cost(&self) -> u64 {
        let space = self.part.space();
        let inside = self.hits.inside.iter().map(|range| {
            let rows = space.rows_in(range.clone()) as u64;
            rows.min(BISECTION_COST * u64::from(range.end - range.start))
        });
        inside.sum::<u64>() + BISECTION_COST * self.hits.edge.len() as u64
    }

    /// True when looking at all rows of these footprints costs less than a bisection for each.
    pub(super) fn has_short_lists(&self, footprints: &Range<u32>) -> bool {
        let rows = self.part.space().rows_in(footprints.clone()) as u64;
        rows < BISECTION_COST * u64::from(footprints.end - footprints.start)
    }

    /// True when the footprint's shape meets the region.
    pub(super) fn meets(&self, footprint: u32) -> bool {
        self.part.space().meets(footprint, self.region)
    }

    /// A test of rows one by one, for about so many of them.
    pub(super) fn test(&self, rows: u32) -> PlaceTest<'_> {
        if rows < MANY_ROWS {
            return PlaceTest { place: self, states: None };
        }
        let mut states: Vec<AtomicU8> = Vec::new();
        states.resize_with(self.part.space().len(), || AtomicU8::new(OUTSIDE));
        for range in &self.hits.inside {
            for state in &mut states[range.start as usize..range.end as usize] {
                *state.get_mut() = INSIDE;
            }
        }
        for footprint in &self.hits.edge {
            *states[*footprint as usize].get_mut() = UNTESTED;
        }
        PlaceTest { place: self, states: Some(states) }
    }
}

/// Tells of rows whether they lie in the place.
#[derive(Debug)]
pub(super) struct PlaceTest<'a> {
    place: &'a PlaceHits<'a>,
    /// By footprint; shapes are tested when first met.
    states: Option<Vec<AtomicU8>>,
}

impl PlaceTest<'_> {
    /// True when the row's footprint meets the region.
    pub(super) fn holds(&self, row: u32) -> bool {
        let Some(footprint) = self.place.part.space().footprint_of(row) else { return false };
        let Some(states) = &self.states else {
            let inside = &self.place.hits.inside;
            let at = inside.partition_point(|range| range.end <= footprint);
            return inside.get(at).is_some_and(|range| range.contains(&footprint))
                || (self.place.hits.edge.binary_search(&footprint).is_ok() && self.place.meets(footprint));
        };
        let state = &states[footprint as usize];
        match state.load(Ordering::Relaxed) {
            OUTSIDE => false,
            INSIDE => true,
            _ => {
                let meets = self.place.meets(footprint);
                state.store(if meets { INSIDE } else { OUTSIDE }, Ordering::Relaxed);
                meets
            }
        }
    }
}
