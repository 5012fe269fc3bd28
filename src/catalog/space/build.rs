//! Footprints as they come in, each kept once, until the order of the rows is known.
//!
//! An add costs the record of the geometry, its hash and one look into a table. Memory while building is that of the
//! records and about 20 bytes for each distinct one.

use std::hash::{BuildHasher, RandomState};

use geo::{Geometry, Rect};
use hashbrown::HashTable;

use super::{Bounds, NO_FOOTPRINT, Records, Space, SpaceError, antimeridian, count, hilbert, is_wide};
use super::{parts, record};
use crate::stac::Bbox;

/// Takes footprints and gives them provisional numbers.
#[derive(Debug)]
pub(crate) struct SpaceBuilder {
    records: Records,
    /// Half of a record's hash and its number.
    known: HashTable<(u32, u32)>,
    hasher: RandomState,
    /// The record that is being written.
    draft: Vec<u32>,
}

impl SpaceBuilder {
    /// Without any footprint.
    pub(crate) fn new() -> Self {
        let records = Records::default();
        Self { records, known: HashTable::new(), hasher: RandomState::new(), draft: Vec::new() }
    }

    /// Takes an Item's geometry and what its `bbox` says. Gives the footprint's provisional number, which is that of
    /// every equal one, or [`NO_FOOTPRINT`] where there are no positions.
    ///
    /// # Errors
    /// When the geometry or the sum of all is too large to be kept.
    pub(crate) fn add(&mut self, geometry: Option<Geometry>, bbox: Option<Bbox>) -> Result<u32, SpaceError> {
        let Some(geometry) = geometry.and_then(|geometry| antimeridian::on_plane(geometry, bbox)) else {
            return Ok(NO_FOOTPRINT);
        };
        let mut draft = std::mem::take(&mut self.draft);
        draft.clear();
        let number = record::write(&geometry, &mut draft).and_then(|()| self.add_record(&draft));
        self.draft = draft;
        number
    }

    /// Takes a footprint that another space had.
    pub(super) fn add_record(&mut self, record: &[u32]) -> Result<u32, SpaceError> {
        let half = self.half_hash(record);
        let same = |(other, number): &(u32, u32)| *other == half && self.records.get(*number) == record;
        if let Some((_, number)) = self.known.find(spread(half), same) {
            return Ok(*number);
        }
        let limit = u32::MAX as usize;
        let number = self.records.len();
        if self.records.words.len() + record.len() > limit || number >= limit {
            return Err(SpaceError::TooLarge { limit_bytes: u64::from(u32::MAX) * 4 });
        }
        self.records.words.extend_from_slice(record);
        self.records.starts.push(count(self.records.words.len()));
        let number = count(number);
        self.known.insert_unique(spread(half), (half, number), |(half, _)| spread(*half));
        Ok(number)
    }

    /// Orders the footprints that rows have, given each row's provisional number.
    pub(crate) fn finish(self, mut of_row: Vec<u32>) -> Space {
        let Self { records, known, .. } = self;
        drop(known);
        let (narrow, wide) = order(&records, &of_row);

        let used = narrow.iter().chain(&wide).map(|number| records.get(*number).len()).sum();
        let mut sorted = Records::default();
        sorted.words.reserve_exact(used);
        sorted.starts.reserve_exact(narrow.len() + wide.len());
        let mut numbers = vec![NO_FOOTPRINT; records.len()];
        let mut rects = Vec::with_capacity(narrow.len() + narrow.len() / 15 + 8);
        let mut wide_rects = Vec::new();
        for (number, old) in (0u32..).zip(narrow.iter().chain(&wide)) {
            let record = records.get(*old);
            if (number as usize) < narrow.len() {
                rects.extend(whole_rect(record).map(|rect| Bounds::around(&rect).0));
            } else {
                wide_rects.extend(self::wide_rects(record).iter().map(|r| (Bounds::around(r), number)));
            }
            sorted.words.extend_from_slice(record);
            sorted.starts.push(count(sorted.words.len()));
            numbers[*old as usize] = number;
        }
        drop(records);
        for footprint in &mut of_row {
            *footprint = numbers.get(*footprint as usize).copied().unwrap_or(NO_FOOTPRINT);
        }
        drop(numbers);
        wide_rects.sort_by_key(|(rect, _)| hilbert::place(*rect));
        let wide = wide_rects.into_iter().map(|(rect, number)| (rect.0, number)).unzip();
        Space::assemble(of_row, sorted, rects, wide)
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of it")]
    fn half_hash(&self, record: &[u32]) -> u32 {
        self.hasher.hash_one(bytemuck::cast_slice::<u32, u8>(record)) as u32
    }
}

/// The table looks at both ends of a hash.
fn spread(half: u32) -> u64 {
    (u64::from(half) << 32) | u64::from(half)
}

/// The footprints that rows have, those of one rectangle and those of several, both along the curve.
fn order(records: &Records, of_row: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut is_used = vec![false; records.len()];
    for footprint in of_row {
        if let Some(used) = is_used.get_mut(*footprint as usize) {
            *used = true;
        }
    }
    let mut narrow: Vec<(u32, u32)> = Vec::new();
    let mut wide: Vec<(u32, u32)> = Vec::new();
    for (number, _) in (0u32..).zip(is_used).filter(|(_, used)| *used) {
        let record = records.get(number);
        let Some(rect) = whole_rect(record) else { continue };
        let has_one = !is_wide(&rect) || wide_rects(record).len() == 1;
        let list = if has_one { &mut narrow } else { &mut wide };
        list.push((hilbert::place(Bounds::around(&rect)), number));
    }
    (along(narrow), along(wide))
}

fn along(mut places: Vec<(u32, u32)>) -> Vec<u32> {
    places.sort_unstable();
    places.into_iter().map(|(_, number)| number).collect()
}

pub(super) fn whole_rect(record: &[u32]) -> Option<Rect> {
    let mut whole: Option<Rect> = None;
    parts::any(record, |part| {
        if let Some(rect) = part.rect() {
            whole = Some(whole.map_or(rect, |whole| {
                parts::rect_around([whole.min(), whole.max(), rect.min(), rect.max()].into_iter())
                    .unwrap_or(whole)
            }));
        }
        false
    });
    whole
}

/// A rectangle around each part.
pub(super) fn wide_rects(record: &[u32]) -> Vec<Rect> {
    let mut rects = Vec::new();
    parts::any(record, |part| {
        rects.extend(part.rect());
        false
    });
    rects
}

#[cfg(test)]
mod tests {
    use super::super::{Hits, Region};
    use super::*;
    use geo::{Point, polygon};

    fn triangle(x: f64) -> Geometry {
        polygon![(x: x, y: 0.0), (x: x + 1.0, y: 0.0), (x: x, y: 1.0)].into()
    }

    #[test]
    fn equal_footprints_are_one() {
        let mut builder = SpaceBuilder::new();
        let mut add = |x| builder.add(Some(triangle(x)), None).expect("a footprint");
        let rows = vec![add(3.0), add(5.0), add(3.0), add(5.0), add(3.0)];
        let space = builder.finish(rows);
        assert_eq!(space.len(), 2);
        let footprint = space.footprint_of(0).expect("a footprint");
        assert_eq!(space.rows_of(footprint), [0, 2, 4]);
        assert_eq!(space.rows_in(0..2), 5);
        assert_eq!(space.geometry(footprint), triangle(3.0));
    }

    #[test]
    fn what_no_row_has_is_dropped() {
        let mut builder = SpaceBuilder::new();
        let first = builder.add(Some(triangle(3.0)), None).expect("a footprint");
        builder.add(Some(triangle(5.0)), None).expect("a footprint");
        let none = builder.add(None, None).expect("nothing");
        let space = builder.finish(vec![none, first]);
        assert_eq!(space.len(), 1);
        assert_eq!(space.footprint_of(0), None);
        assert_eq!(space.rows_of(0), [1]);
    }

    #[test]
    fn a_box_that_crosses_makes_another_footprint() {
        let long: Geometry =
            polygon![(x: 179.0, y: 0.0), (x: -179.0, y: 0.0), (x: -179.0, y: 1.0), (x: 179.0, y: 2.0)].into();
        let crossing = Bbox { west: 179.0, south: 0.0, east: -179.0, north: 2.0 };
        let mut builder = SpaceBuilder::new();
        let plain = builder.add(Some(long.clone()), None).expect("a footprint");
        let across = builder.add(Some(long), Some(crossing)).expect("a footprint");
        assert_ne!(plain, across);
        let space = builder.finish(vec![plain, across]);
        let greenwich = Region::of_geometry(&Point::new(0.0, 0.5).into());
        assert!(space.meets(space.footprint_of(0).expect("one"), &greenwich));
        assert!(!space.meets(space.footprint_of(1).expect("one"), &greenwich));
        assert_eq!(space.bounds(1).len(), 2);
    }

    #[test]
    fn a_space_is_built_from_another() {
        let mut builder = SpaceBuilder::new();
        let rows: Vec<u32> = (0..40)
            .map(|x| builder.add(Some(triangle(f64::from(x % 20))), None).expect("a footprint"))
            .collect();
        let old = builder.finish(rows);
        let mut builder = SpaceBuilder::new();
        let rows = (0..20)
            .map(|row| old.add_from(old.footprint_of(row).expect("one"), &mut builder).expect("room"))
            .collect();
        let new = builder.finish(rows);
        for row in 0..20 {
            let shape = |space: &Space| space.geometry(space.footprint_of(row).expect("one"));
            assert_eq!(shape(&new), shape(&old));
        }
    }

    #[test]
    fn one_footprint_for_all_is_one_list() {
        let mut builder = SpaceBuilder::new();
        let number = builder.add(Some(triangle(3.0)), None).expect("a footprint");
        let space = builder.finish(vec![number; 1000]);
        assert_eq!(space.len(), 1);
        let around = Region::of_bbox(&Bbox { west: 0.0, south: -1.0, east: 9.0, north: 9.0 });
        assert_eq!(space.hits(&around), Hits { inside: std::iter::once(0..1).collect(), edge: Vec::new() });
        assert_eq!(space.count(&around), 1000);
    }
}
