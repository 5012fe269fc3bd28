//! LERC blobs → samples, as libtiff's `tif_lerc.c` lays them out.
//!
//! A block is one blob of pixels of several values, or (floats only) a blob per band one after the other. Pixels that
//! a blob's mask leaves out are NaN in floats, transparent in `uint8` whose last band is opacity, and 0 elsewhere.

use std::borrow::Cow;

use bytemuck::Pod;
use lerc::bitmask::BitMask;

use super::codec::Codec;
use super::error::DecodeError;
use super::image::Image;
use super::samples::ExtraSample;
use super::{inflate, layout::Planar};
use crate::stac::DataType;

/// Bytes of a blob's header, and some more.
const BLOB_HEADER_BYTES: usize = 256;

/// A sample type that LERC and the output share.
trait Sample: lerc::Sample + Pod {
    /// What a pixel becomes that the blob's mask leaves out.
    const ABSENT: Self;
}

macro_rules! samples {
    ($($type:ty: $absent:expr;)*) => { $(
        impl Sample for $type {
            const ABSENT: Self = $absent;
        }
    )* };
}

samples! { u8: 0; i8: 0; u16: 0; i16: 0; u32: 0; i32: 0; f32: f32::NAN; f64: f64::NAN; }

/// Decodes a whole block of `full` bytes; `out` gets all rows that the blob has, at least `rows`.
pub(super) fn decode(
    image: &Image,
    raw: &[u8],
    rows: u32,
    full: usize,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let block = Block { image, length: raw.len(), rows };
    let blob = block.unwrapped(raw, full)?;
    match image.data_type {
        DataType::U8 => block.samples::<u8>(&blob, out),
        DataType::I8 => block.samples::<i8>(&blob, out),
        DataType::U16 => block.samples::<u16>(&blob, out),
        DataType::I16 => block.samples::<i16>(&blob, out),
        DataType::U32 => block.samples::<u32>(&blob, out),
        DataType::I32 => block.samples::<i32>(&blob, out),
        DataType::F32 => block.samples::<f32>(&blob, out),
        DataType::F64 => block.samples::<f64>(&blob, out),
        DataType::U64 | DataType::I64 | DataType::F16 => {
            Err(block.corrupt(format!("it has no samples of type {}", image.data_type)))
        }
    }
}

/// What a blob is checked against.
struct Block<'a> {
    image: &'a Image,
    /// Compressed bytes.
    length: usize,
    /// Rows asked for.
    rows: u32,
}

impl Block<'_> {
    fn corrupt(&self, reason: String) -> DecodeError {
        DecodeError::Corrupt { codec: self.image.codec, length: self.length, reason }
    }

    /// The blob without what was put around it. It can be larger than the samples, by masks and headers.
    fn unwrapped<'b>(&self, raw: &'b [u8], full: usize) -> Result<Cow<'b, [u8]>, DecodeError> {
        let most = full + full / 3 + BLOB_HEADER_BYTES * usize::from(self.image.samples_per_block_pixel());
        let mut blob = Vec::new();
        let found = match self.image.codec {
            Codec::LercDeflate => {
                let most = most.min(raw.len().saturating_mul(1032));
                inflate::deflate(raw, most, most, &mut blob)
            }
            Codec::LercZstd => {
                let most = most.min(raw.len().saturating_mul(43_691));
                inflate::zstd(raw, most, most, &mut blob)
            }
            _ => return Ok(Cow::Borrowed(raw)),
        };
        blob.truncate(found.map_err(|reason| self.corrupt(reason))?);
        Ok(Cow::Owned(blob))
    }

    fn samples<T: Sample>(&self, blob: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let info = lerc::decode_info(blob).map_err(|error| self.corrupt(error.to_string()))?;
        let samples = u32::from(self.image.samples_per_block_pixel());
        let (width, most_rows) = (self.image.block_width, self.image.block_height);
        if info.width != width || !(self.rows..=most_rows).contains(&info.height) {
            return Err(self.corrupt(format!(
                "expected {width} columns and {} to {most_rows} rows, found {} and {}",
                self.rows, info.width, info.height
            )));
        }
        // The size is checked by now, and fits in memory.
        let (pixels, samples) = (width as usize * info.height as usize, samples as usize);
        match (info.depth as usize, info.bands as usize) {
            (depth, 1) if depth == samples => {
                self.fill::<T>(blob, pixels, depth, out)?;
            }
            (1, bands) if bands == samples && self.image.data_type.is_float() => {
                self.bands::<T>(blob, pixels, samples, out)?;
            }
            (depth, 1) if depth + 1 == samples && self.has_alpha() => {
                let mask = self.fill::<T>(blob, pixels, depth, out)?;
                out.resize(pixels * samples, 0);
                for pixel in (0..pixels).rev() {
                    out.copy_within(pixel * depth..(pixel + 1) * depth, pixel * samples);
                    let alpha = if mask.is_valid(pixel) { u8::MAX } else { 0 };
                    if let Some(last) = out.get_mut(pixel * samples + depth) {
                        *last = alpha;
                    }
                }
            }
            (depth, bands) => {
                let found = format!("found {depth} in {bands} blobs");
                return Err(self.corrupt(format!("expected {samples} values a pixel, {found}")));
            }
        }
        Ok(())
    }

    /// True if the mask stands for the last band.
    fn has_alpha(&self) -> bool {
        self.image.data_type == DataType::U8
            && self.image.planar == Planar::Chunky
            && self.image.extra_samples.last() == Some(&ExtraSample::UnassociatedAlpha)
    }

    /// Decodes one blob of `depth` values a pixel into `out`, and says which pixels it has.
    fn fill<T: Sample>(
        &self,
        blob: &[u8],
        pixels: usize,
        depth: usize,
        out: &mut Vec<u8>,
    ) -> Result<BitMask, DecodeError> {
        let count = pixels * depth;
        // Room for samples to begin where their type may lie.
        inflate::resize(out, count * T::BYTES + align_of::<T>());
        out.truncate(count * T::BYTES + align_of::<T>());
        let (before, values, _) = bytemuck::pod_align_to_mut::<u8, T>(out);
        let skipped = before.len();
        let values = values.get_mut(..count).unwrap_or_default();
        let decoded = lerc::decode_into(blob, values).map_err(|error| self.corrupt(error.to_string()))?;
        let Some(mask) = decoded.valid_masks.into_iter().next() else {
            return Err(self.corrupt("it has no mask".to_owned()));
        };
        absent(values, depth, &mask);
        out.copy_within(skipped..skipped + count * T::BYTES, 0);
        out.truncate(count * T::BYTES);
        Ok(mask)
    }

    /// Decodes a blob per band, and puts the bands of a pixel together.
    fn bands<T: Sample>(
        &self,
        blob: &[u8],
        pixels: usize,
        samples: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let mut planes = vec![T::ABSENT; pixels * samples];
        let decoded =
            lerc::decode_into(blob, &mut planes).map_err(|error| self.corrupt(error.to_string()))?;
        for (plane, mask) in planes.chunks_exact_mut(pixels).zip(&decoded.valid_masks) {
            absent(plane, 1, mask);
        }
        out.clear();
        out.reserve_exact(pixels * samples * T::BYTES);
        for pixel in 0..pixels {
            for value in planes.iter().skip(pixel).step_by(pixels) {
                out.extend_from_slice(bytemuck::bytes_of(value));
            }
        }
        Ok(())
    }
}

/// Gives the pixels that a mask leaves out the value of their type for that.
fn absent<T: Sample>(values: &mut [T], samples: usize, mask: &BitMask) {
    if mask.is_all_valid() {
        return;
    }
    for (pixel, values) in values.chunks_exact_mut(samples).enumerate() {
        if !mask.is_valid(pixel) {
            values.fill(T::ABSENT);
        }
    }
}
