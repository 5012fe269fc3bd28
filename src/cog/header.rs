//! A file's header: its images and what is said of the first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::chunks::Chunks;
use super::error::ParseError;
use super::geo::Geo;
use super::ifd::Ifd;
use super::image::Image;
use super::metadata::{self, BandMeta};
use super::nodata::Nodata;
use super::prefetch;
use super::source::{ByteOrder, Source};
use super::tag;

/// Most directories of a file that are walked through.
pub(super) const MAX_IFDS: usize = 64;
/// Bits of `NewSubfileType`.
const REDUCED: u64 = 1;
const MASK: u64 = 4;

/// A resolution: an image and the mask of its valid pixels, if the file has one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Level {
    /// The pixels.
    pub image: Image,
    /// Of the same size; 0 is invalid, 255 (in masks of single bits) valid.
    pub mask: Option<Image>,
}

/// What a file says of itself before its pixels.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Header {
    /// Of all its numbers.
    pub byte_order: ByteOrder,
    /// True if its offsets have 64 bits.
    pub big_tiff: bool,
    /// The first image, at full resolution. Further ones that are not its overviews are not read.
    pub full: Level,
    /// The same pixels at lower resolutions, the largest first.
    pub overviews: Vec<Level>,
    /// Where the full image lies.
    pub geo: Geo,
    /// Of all bands.
    pub nodata: Option<Nodata>,
    /// Scale, offset and description of the bands, from 0, that have any.
    pub band_meta: BTreeMap<u16, BandMeta>,
    /// When it was made, as written (`YYYY:MM:DD HH:MM:SS` by TIFF 6.0).
    pub date_time: Option<String>,
    /// What it shows, as written.
    pub description: Option<String>,
}

/// Rasters up to this many pixels along a side need no overviews to be a COG, nor tiles.
const SMALL_PIXELS: u32 = 512;

impl Header {
    /// True when the file can be read in part: tiles and overviews, or so small that it needs neither.
    #[must_use]
    pub fn is_cloud_optimized(&self) -> bool {
        let image = &self.full.image;
        let is_small = image.width.max(image.height) <= SMALL_PIXELS;
        // Strips are as wide as the image.
        is_small || (image.block_width < image.width && !self.overviews.is_empty())
    }

    /// Reads the header of a file of `file_len` bytes of which some are fetched.
    ///
    /// Callers loop: on [`ParseError::Missing`] they fetch that range, insert it and try again. The range begins
    /// with a byte that is not among `chunks` and lies within the file, so the loop ends; 32 KiB at first
    /// make it end at once for most files. Each try costs what the directories hold, no pixel is read.
    ///
    /// # Errors
    /// Bytes are missing, or the file is no TIFF, corrupt, or of a kind that is not read here. A compression
    /// that is not supported is no error here, but in [`decode_block`](super::decode_block).
    pub fn parse(chunks: &Chunks, file_len: u64) -> Result<Self, ParseError> {
        let (source, first) = signature(chunks, file_len)?;
        prefetch::block_tables(source, first)?;
        let mut full: Option<(Image, Details)> = None;
        let mut overviews: Vec<Level> = Vec::new();
        let mut masks: Vec<Image> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut at = first;
        while at != 0 {
            let index = seen.len();
            if !seen.insert(at) {
                return Err(ParseError::Corrupt {
                    ifd: index,
                    what: "directory chain",
                    expected: "an offset not seen before".to_owned(),
                    found: format!("a loop back to offset {at}"),
                });
            }
            let ifd = Ifd::read(source, index, at)?;
            if index >= MAX_IFDS {
                return Err(ifd.unsupported("directory chain", "at most 64 images", "more"));
            }
            at = ifd.next;
            let Some((main, _)) = &full else {
                full = Some((Image::read(&ifd, false)?, Details::read(&ifd)?));
                continue;
            };
            if !is_wanted(&ifd)? {
                continue;
            }
            let kind = subfile_type(&ifd)?;
            match Image::read(&ifd, kind & MASK != 0) {
                Ok(mask) if kind & MASK != 0 => masks.push(mask),
                Ok(image) if image.bands == main.bands && image.data_type == main.data_type => {
                    overviews.push(Level { image, mask: None });
                }
                // A thumbnail, or an overview that cannot be used: the full image has all its pixels.
                Ok(_) | Err(ParseError::Unsupported { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let Some((image, details)) = full else {
            return Err(ParseError::Corrupt {
                ifd: 0,
                what: "first directory",
                expected: "an offset".to_owned(),
                found: "0".to_owned(),
            });
        };
        overviews.sort_by_key(|level| std::cmp::Reverse((level.image.width, level.image.height)));
        let mut full = Level { image, mask: None };
        for mask in masks {
            let same_size = std::iter::once(&mut full).chain(&mut overviews).find(|level| {
                level.mask.is_none() && (level.image.width, level.image.height) == (mask.width, mask.height)
            });
            if let Some(level) = same_size {
                level.mask = Some(mask);
            }
        }
        Ok(Self {
            byte_order: source.order,
            big_tiff: source.big,
            full,
            overviews,
            geo: details.geo,
            nodata: details.nodata,
            band_meta: details.band_meta,
            date_time: details.date_time,
            description: details.description,
        })
    }

    /// All resolutions, the full one first.
    pub fn levels(&self) -> impl Iterator<Item = &Level> {
        std::iter::once(&self.full).chain(&self.overviews)
    }

    /// Memory beyond the struct itself, to weigh it in a cache.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        let images = self.levels().flat_map(|level| std::iter::once(&level.image).chain(&level.mask));
        let bands = self.band_meta.values();
        images.map(Image::heap_bytes).sum::<usize>()
            + self.overviews.capacity() * size_of::<Level>()
            + bands.map(|band| size_of::<(u16, BandMeta)>() + text(&band.description)).sum::<usize>()
            + text(&self.geo.citation)
            + text(&self.date_time)
            + text(&self.description)
    }
}

/// What is said of the full image beside its layout.
struct Details {
    geo: Geo,
    nodata: Option<Nodata>,
    band_meta: BTreeMap<u16, BandMeta>,
    date_time: Option<String>,
    description: Option<String>,
}

impl Details {
    fn read(ifd: &Ifd<'_>) -> Result<Self, ParseError> {
        let nodata = ifd.text(tag::GDAL_NODATA, "nodata")?;
        let xml = ifd.text(tag::GDAL_METADATA, "GDAL metadata")?;
        Ok(Self {
            geo: Geo::read(ifd)?,
            nodata: nodata.as_deref().and_then(Nodata::from_text),
            band_meta: xml.as_deref().map(metadata::bands).unwrap_or_default(),
            date_time: ifd.text(tag::DATE_TIME, "date and time")?,
            description: ifd.text(tag::IMAGE_DESCRIPTION, "description")?,
        })
    }
}

/// Byte order, flavour and offset of the first directory.
fn signature(chunks: &Chunks, file_len: u64) -> Result<(Source<'_>, u64), ParseError> {
    let mut source = Source { chunks, file_len, order: ByteOrder::Little, big: false };
    let what = "signature";
    let head = source.bytes(0, what, 0, file_len.min(8))?;
    let not_tiff = || {
        let found = head.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        ParseError::NotTiff { found: if found.is_empty() { "no bytes".to_owned() } else { found } }
    };
    let (&[i, m, a, b], offset) = head.split_first_chunk().ok_or_else(not_tiff)?;
    source.order = match [i, m] {
        [b'I', b'I'] => ByteOrder::Little,
        [b'M', b'M'] => ByteOrder::Big,
        _ => return Err(not_tiff()),
    };
    match source.order.unsigned(&[a, b]) {
        42 if offset.len() == 4 => Ok((source, source.order.unsigned(offset))),
        43 => {
            source.big = true;
            // Width of an offset, then 0, then the offset.
            let widths = source.order.unsigned(source.bytes(0, what, 4, 2)?);
            let offset = source.bytes(0, what, 8, 8)?;
            if widths == 8 { Ok((source, source.order.unsigned(offset))) } else { Err(not_tiff()) }
        }
        _ => Err(not_tiff()),
    }
}

/// True of the first image, its overviews and masks.
pub(super) fn is_wanted(ifd: &Ifd<'_>) -> Result<bool, ParseError> {
    Ok(ifd.index == 0 || subfile_type(ifd)? & (REDUCED | MASK) != 0)
}

/// The bits of `NewSubfileType`, or what the older `SubfileType` says.
fn subfile_type(ifd: &Ifd<'_>) -> Result<u64, ParseError> {
    if let Some(bits) = ifd.integer(tag::NEW_SUBFILE_TYPE, "subfile type")? {
        return Ok(bits);
    }
    let old = ifd.integer(tag::SUBFILE_TYPE, "subfile type")?;
    Ok(if old == Some(2) { REDUCED } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::super::tiny::{Value::*, image, parse, tiff};
    use super::*;

    fn with(
        mut tags: Vec<(u16, super::super::tiny::Value)>,
        kind: u16,
    ) -> Vec<(u16, super::super::tiny::Value)> {
        tags.push((tag::NEW_SUBFILE_TYPE, Short(vec![kind])));
        tags
    }

    #[test]
    fn images_are_sorted_by_what_they_are_for() {
        let directories = [
            image(40, 30),
            with(image(10, 8), 1),
            with(image(20, 15), 1),
            with(image(40, 30), 4),
            with(image(10, 8), 5),
            image(40, 30),
        ];
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let file = tiff(order, &directories, 100);
            let header = parse(&file, 8).expect("sound");
            assert_eq!(header.byte_order, order);
            let sizes: Vec<_> =
                header.levels().map(|l| (l.image.width, l.image.height, l.mask.is_some())).collect();
            assert_eq!(sizes, [(40, 30, true), (20, 15, false), (10, 8, true)]);
        }
    }

    #[test]
    fn a_loop_of_directories_is_an_error() {
        let mut file = tiff(ByteOrder::Little, &[image(4, 4)], 100);
        let link = 8 + 2 + 12 * image(4, 4).len();
        file[link..link + 4].copy_from_slice(&8_u32.to_le_bytes());
        let error = parse(&file, 8).expect_err("a loop").to_string();
        assert_eq!(
            error,
            "image 1: directory chain: expected an offset not seen before, found a loop back to offset 8"
        );
    }

    #[test]
    fn a_file_of_too_many_images_is_refused() {
        let file = tiff(ByteOrder::Little, &vec![image(4, 4); MAX_IFDS], 100);
        assert!(parse(&file, 8).is_ok());
        let file = tiff(ByteOrder::Little, &vec![image(4, 4); MAX_IFDS + 1], 100);
        assert!(matches!(parse(&file, 8), Err(ParseError::Unsupported { ifd: MAX_IFDS, .. })));
    }

    #[test]
    fn what_is_no_tiff_is_told_by_its_first_bytes() {
        let error = parse(b"\x89PNG\r\n\x1a\n", 8).expect_err("a PNG").to_string();
        assert!(error.ends_with("found 89 50 4e 47 0d 0a 1a 0a"), "{error}");
        assert!(parse(b"", 8).expect_err("empty").to_string().ends_with("found no bytes"));
        assert!(matches!(parse(b"II*\0\0\0\0\0", 8), Err(ParseError::Corrupt { .. })));
    }

    #[test]
    fn texts_and_numbers_of_the_first_image_are_kept() {
        let mut tags = image(4, 4);
        tags.push((tag::DATE_TIME, Text("2026:06:01 10:20:30")));
        tags.push((tag::GDAL_NODATA, Text("0")));
        tags.push((tag::GDAL_METADATA, Text("<Item sample=\"0\" role=\"scale\">2</Item>")));
        let header = parse(&tiff(ByteOrder::Big, &[tags], 100), 8).expect("sound");
        assert_eq!(header.date_time.as_deref(), Some("2026:06:01 10:20:30"));
        assert_eq!(header.nodata, Some(Nodata::Integer(0)));
        assert_eq!(header.band_meta[&0].scale, Some(2.0));
    }
}
