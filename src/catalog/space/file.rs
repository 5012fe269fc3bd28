//! A space as bytes, for the file of a snapshot.
//!
//! A head, then arrays as they are in memory, in the byte order of the machine that wrote them: what the rows of a
//! footprint are and the nodes of the trees is worked out again, which costs less than reading it. Whoever keeps the bytes
//! keeps a checksum with them. Reading trusts nothing all the same: damaged bytes that pass the checksum give an error or
//! wrong answers, and never harm.

use std::io::{self, Write};

use bytemuck::{Pod, Zeroable};

use super::{Bounds, NO_FOOTPRINT, Records, Space, SpaceError, parts};

/// With the version of the layout at its end.
const MAGIC: [u8; 8] = *b"CAIRNSP1";

/// Reads as another number in the other byte order.
const BYTE_ORDER: u64 = 0x0102_0304_0506_0708;

/// Byte order, rows, footprints, words of records, footprints of one rectangle, rectangles of the others.
type Head = [u64; 6];

impl Space {
    /// Writes all of it.
    ///
    /// # Errors
    /// As the writer says.
    pub(crate) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        let head: Head = [
            BYTE_ORDER,
            self.of_row.len() as u64,
            self.records.len() as u64,
            self.records.words.len() as u64,
            u64::from(self.tree.len()),
            u64::from(self.wide.len()),
        ];
        out.write_all(&MAGIC)?;
        out.write_all(bytemuck::cast_slice(&head))?;
        for words in [&self.of_row, &self.records.starts, &self.records.words, &self.wide_of] {
            out.write_all(bytemuck::cast_slice(words))?;
        }
        for tree in [&self.tree, &self.wide] {
            out.write_all(bytemuck::cast_slice(tree.leaves()))?;
        }
        Ok(())
    }

    /// Reads what [`Space::write_to`] wrote.
    ///
    /// # Errors
    /// When the bytes are those of something else, too few, too many, or cannot be.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, SpaceError> {
        let mut rest = bytes.strip_prefix(&MAGIC).ok_or(SpaceError::NotASpace)?;
        let Some((head, arrays)) = rest.split_at_checked(size_of::<Head>()) else {
            return Err(SpaceError::NotASpace);
        };
        rest = arrays;
        let [order, rows, footprints, words, narrow, wide] = bytemuck::pod_read_unaligned::<Head>(head);
        if order != BYTE_ORDER {
            return Err(SpaceError::NotASpace);
        }
        let starts = footprints.saturating_add(1);
        let numbers = [rows, starts, words, wide].into_iter().fold(0u64, u64::saturating_add);
        let rects = narrow.saturating_add(wide);
        let expected = numbers.saturating_mul(4).saturating_add(rects.saturating_mul(16));
        if expected != rest.len() as u64 {
            let head = (bytes.len() - rest.len()) as u64;
            return Err(SpaceError::Length {
                expected: expected.saturating_add(head),
                found: bytes.len() as u64,
            });
        }
        let of_row: Vec<u32> = array(&mut rest, rows);
        let starts: Vec<u32> = array(&mut rest, starts);
        let words: Vec<u32> = array(&mut rest, words);
        let wide_of: Vec<u32> = array(&mut rest, wide);
        let narrow_rects: Vec<[f32; 4]> = array(&mut rest, narrow);
        let wide_rects: Vec<[f32; 4]> = array(&mut rest, wide);

        check(rows < u64::from(u32::MAX), "the number of rows", "below that of 32 bits")?;
        check(footprints < u64::from(u32::MAX), "the number of footprints", "below that of 32 bits")?;
        check(narrow <= footprints, "the number of rectangles", "up to that of footprints")?;
        let known = |number: u32| u64::from(number) < footprints;
        let has_known = of_row.iter().all(|number| *number == NO_FOOTPRINT || known(*number));
        check(has_known, "a row's footprint", "one of those there are")?;
        let has_wide = wide_of.iter().all(|number| u64::from(*number) >= narrow && known(*number));
        check(has_wide, "a rectangle's footprint", "one of several rectangles")?;
        let mut all = narrow_rects.iter().chain(&wide_rects);
        check(all.all(|rect| Bounds(*rect).is_sound()), "a rectangle", "finite and in order")?;
        let covers = starts.first() == Some(&0)
            && starts.last().is_some_and(|last| *last as usize == words.len())
            && starts.is_sorted();
        check(covers, "where geometries start", "ascending, from the first word to the last")?;
        let records = Records { words, starts };
        let mut sound = records.starts.windows(2);
        let is_sound = sound.all(|pair| parts::is_sound(&records.words[pair[0] as usize..pair[1] as usize]));
        check(is_sound, "a geometry", "one whole record of finite positions")?;
        Ok(Self::assemble(of_row, records, narrow_rects, (wide_rects, wide_of)))
    }
}

/// The next array. Its length was checked before, and it lies at any address: thus the copy.
fn array<T: Pod + Zeroable>(rest: &mut &[u8], length: u64) -> Vec<T> {
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len() / size_of::<T>());
    let (own, others) = rest.split_at(length * size_of::<T>());
    *rest = others;
    let mut array = vec![T::zeroed(); length];
    bytemuck::cast_slice_mut(&mut array).copy_from_slice(own);
    array
}

fn check(holds: bool, part: &'static str, expected: &'static str) -> Result<(), SpaceError> {
    if holds { Ok(()) } else { Err(SpaceError::Damaged { part, expected }) }
}

#[cfg(test)]
mod tests {
    use super::super::{Region, SpaceBuilder};
    use super::*;
    use crate::stac::Bbox;
    use geo::{Geometry, polygon};
    use proptest::prelude::*;

    fn space() -> Space {
        let mut builder = SpaceBuilder::new();
        let mut rows: Vec<u32> = (0..60)
            .map(|n| {
                let x = f64::from(n) * 7.0 - 170.0;
                let triangle: Geometry =
                    polygon![(x: x, y: 0.0), (x: x + 1.0, y: 0.0), (x: x, y: 1.0)].into();
                builder.add(Some(triangle), None).expect("a footprint")
            })
            .collect();
        rows.push(NO_FOOTPRINT);
        builder.finish(rows)
    }

    fn bytes_of(space: &Space) -> Vec<u8> {
        let mut bytes = Vec::new();
        space.write_to(&mut bytes).expect("memory takes all");
        bytes
    }

    #[test]
    fn a_space_comes_back() {
        for space in [space(), Space::default(), SpaceBuilder::new().finish(vec![NO_FOOTPRINT; 3])] {
            let bytes = bytes_of(&space);
            let again = Space::from_bytes(&bytes).expect("the same space");
            assert_eq!(bytes_of(&again), bytes);
            assert_eq!(again.postings, space.postings);
            let region = Region::of_bbox(&Bbox { west: -10.0, south: -1.0, east: 30.0, north: 9.0 });
            assert_eq!(again.hits(&region), space.hits(&region));
        }
    }

    #[test]
    fn faults_are_named() {
        let bytes = bytes_of(&space());
        assert_eq!(Space::from_bytes(b"something else").expect_err("a fault"), SpaceError::NotASpace);
        let short = Space::from_bytes(&bytes[..bytes.len() - 1]).expect_err("a fault");
        assert!(matches!(short, SpaceError::Length { .. }));
        let mut wrong_row = bytes.clone();
        wrong_row[56..60].copy_from_slice(&9999u32.to_ne_bytes());
        assert!(matches!(
            Space::from_bytes(&wrong_row),
            Err(SpaceError::Damaged { part: "a row's footprint", .. })
        ));
        let mut swapped = bytes;
        swapped[8..16].reverse();
        assert_eq!(Space::from_bytes(&swapped).expect_err("a fault"), SpaceError::NotASpace);
    }

    proptest! {
        #[test]
        fn damage_does_no_harm(
            hurt in prop::collection::vec((0usize..4000, any::<u8>()), 1..6),
            length in prop::option::of(0usize..4000),
        ) {
            let mut bytes = bytes_of(&space());
            for (at, value) in hurt {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            bytes.truncate(length.unwrap_or(usize::MAX));
            if let Ok(space) = Space::from_bytes(&bytes) {
                let region = Region::of_bbox(&Bbox { west: -10.0, south: -1.0, east: 30.0, north: 9.0 });
                prop_assert!(space.count(&region) <= space.row_count());
                for footprint in 0..super::super::count(space.len()) {
                    space.geometry(footprint);
                    space.bounds(footprint);
                }
            }
        }
    }
}
