//! The block tables of all images of a file, asked for in one go.
//!
//! In GDAL's COG layout all directories come first, then all block tables: so the second request has whatever of them the first
//! has not, however many there are. Nothing more is to be had from the notes that GDAL leaves behind the signature
//! (`GDAL_STRUCTURAL_METADATA_SIZE`): they are not read, and so need not be distrusted where a file was edited. Directories
//! say where the tables are, and whether blocks and their masks lie beside each other their offsets do; reading lengths from
//! the blocks' leaders instead of the table would spare no request.

use std::ops::Range;

use super::error::ParseError;
use super::header::{MAX_IFDS, is_wanted};
use super::ifd::Ifd;
use super::layout::Layout;
use super::source::Source;
use super::table::MAX_BLOCKS;

/// Tables no farther apart than this are fetched together, in bytes.
const NEAR_BYTES: u64 = 16 << 10;

/// Asks for the tables of all images that will be read, as far as they lie together and one of them is not here. What is wrong
/// with the directories is not said here.
pub(super) fn block_tables(source: Source<'_>, first: u64) -> Result<(), ParseError> {
    let mut places = Vec::new();
    let mut at = first;
    for index in 0..MAX_IFDS {
        if at == 0 {
            break;
        }
        match places_of(source, index, at, &mut places) {
            Ok(next) => at = next,
            Err(ParseError::Missing(range)) => return Err(ParseError::Missing(range)),
            Err(_) => break,
        }
    }
    places.sort_by_key(|place: &Range<u64>| place.start);
    let mut absent = places.into_iter().filter(|place| source.chunks.get(place.clone()).is_none());
    let Some(nearest) = absent.next() else { return Ok(()) };
    let from = source.chunks.first_absent(nearest.start);
    let together = absent.try_fold(nearest.end, |to, place| {
        if place.start <= to.saturating_add(NEAR_BYTES) { Ok(to.max(place.end)) } else { Err(to) }
    });
    Err(ParseError::Missing(from..together.unwrap_or_else(|to| to)))
}

/// Adds where the tables of the directory at `at` lie, and says where the next one does.
fn places_of(
    source: Source<'_>,
    index: usize,
    at: u64,
    places: &mut Vec<Range<u64>>,
) -> Result<u64, ParseError> {
    let ifd = Ifd::read(source, index, at)?;
    if is_wanted(&ifd)? {
        let layout = Layout::read(&ifd)?;
        let blocks = layout.blocks().filter(|blocks| *blocks <= MAX_BLOCKS).unwrap_or(0);
        let (offsets, counts) = layout.table_tags();
        let tables = [offsets, counts].into_iter().filter_map(|tag| ifd.place(tag, blocks));
        places.extend(tables.filter(|place| place.start < place.end && place.end <= source.file_len));
    }
    Ok(ifd.next)
}
