//! A block's bytes → its pixels.

use super::codec::Codec;
use super::error::DecodeError;
use super::image::{Image, Predictor};
use super::{inflate, jpeg, lerc, predictor, webp};
use crate::stac::DataType;

/// Largest block that is decoded at once, in bytes: 3,500 pixels square of two bytes, 12 times the usual.
pub const MAX_BLOCK_BYTES: u64 = 48 << 20;

/// Decodes the first `rows` rows of a block from its compressed bytes `raw`.
///
/// `out` is overwritten (give the same one again to save its allocation) with `rows × block_width ×
/// samples_per_block_pixel` little-endian samples of the image's data type, in that order, without gaps; samples of
/// single bits become bytes of 0 and 255. Decompression stops soon after the rows asked for, so the fewer, the
/// cheaper; of an uncompressed block, `raw` may end with the last of them. Rows beyond an image's last
/// ([`Image::rows_in_block`]) need not be in its last strip, so do not ask for them.
///
/// # Errors
/// The codec is not supported, the block is larger than [`MAX_BLOCK_BYTES`], or its bytes are corrupt or too few for
/// the rows. Damage after the rows asked for may go unseen.
pub fn decode_block(image: &Image, raw: &[u8], rows: u32, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    if rows > image.block_height {
        return Err(DecodeError::NoSuchRows { rows, block_height: image.block_height });
    }
    if !image.codec.is_supported() {
        return Err(DecodeError::Unsupported { codec: image.codec });
    }
    let row_bytes = image.row_bytes();
    let needed = row_bytes.saturating_mul(rows.into());
    let full = row_bytes.saturating_mul(image.block_height.into());
    let pixels = u64::from(image.block_width).saturating_mul(rows.into());
    // What must fit in memory: of an uncompressed block the rows only, else all of it.
    let bytes = match image.codec {
        Codec::None if image.one_bit => pixels,
        Codec::None => needed,
        _ if image.one_bit => full.saturating_mul(8),
        // Blob, planes of bytes and samples at once.
        Codec::Lerc | Codec::LercDeflate | Codec::LercZstd | Codec::Webp => full.saturating_mul(3),
        // Output and planes.
        Codec::Jpeg => full.saturating_mul(2),
        // A row is sorted beside its block.
        _ if image.predictor == Predictor::Float => full.saturating_add(row_bytes),
        _ => full,
    };
    let limit = MAX_BLOCK_BYTES;
    let (Ok(needed), Ok(full), Ok(row_bytes), true) =
        (usize::try_from(needed), usize::try_from(full), usize::try_from(row_bytes), bytes <= limit)
    else {
        return Err(DecodeError::TooLarge { bytes, limit });
    };
    match image.codec {
        Codec::Lerc | Codec::LercDeflate | Codec::LercZstd => {
            lerc::decode(image, raw, rows, full, out)?;
            out.truncate(needed);
            // libtiff brings samples to the file's order before LERC sees them.
            predictor::swap(out, image.data_type.size(), image.order);
            return Ok(());
        }
        Codec::Jpeg | Codec::Webp if image.one_bit || image.data_type != DataType::U8 => {
            let reason = format!("expected samples of 8 bits, found {}", image.data_type);
            return Err(DecodeError::Corrupt { codec: image.codec, length: raw.len(), reason });
        }
        Codec::Jpeg => return jpeg::decode(image, raw, rows, out),
        Codec::Webp => {
            webp::decode(image, raw, rows, out)?;
            out.truncate(needed);
            return Ok(());
        }
        codec => inflate::inflate(codec, raw, needed, full, out)?,
    }
    if image.one_bit {
        unpack_bits(out, row_bytes, image.block_width as usize);
        return Ok(());
    }
    let samples = usize::from(image.samples_per_block_pixel());
    let size = image.data_type.size();
    match image.predictor {
        Predictor::None => predictor::swap(out, size, image.order),
        Predictor::Horizontal => {
            predictor::undo_horizontal(out, row_bytes, samples, size, image.order);
        }
        Predictor::Float => predictor::undo_float(out, row_bytes, samples, size),
    }
    Ok(())
}

/// How many of a block's `stored` bytes its first `rows` rows probably take. [`decode_block`] may find them too few.
#[must_use]
pub fn likely_bytes(image: &Image, stored: u64, rows: u32) -> u64 {
    let of = |rows: u32| image.row_bytes().saturating_mul(rows.into());
    inflate::likely_bytes(image.codec, stored, of(rows), of(image.block_height))
}

/// Bits, the highest first, rows padded to bytes → bytes of 0 and 255.
fn unpack_bits(out: &mut Vec<u8>, row_bytes: usize, width: usize) {
    let bits = |byte: &u8| {
        let byte = *byte;
        (0..8).rev().map(move |bit| if byte >> bit & 1 == 1 { 255 } else { 0 })
    };
    let mut unpacked = Vec::with_capacity(out.len() / row_bytes.max(1) * width);
    for row in out.chunks_exact(row_bytes) {
        unpacked.extend(row.iter().flat_map(bits).take(width));
    }
    *out = unpacked;
}

#[cfg(test)]
mod tests {
    use super::unpack_bits;

    #[test]
    fn bits_become_bytes_without_the_padding_of_rows() {
        let mut out = vec![0b1010_0000, 0b1000_0000, 0b0000_0001, 0];
        unpack_bits(&mut out, 2, 9);
        let on: Vec<usize> = out.iter().enumerate().filter(|(_, v)| **v == 255).map(|(i, _)| i).collect();
        assert_eq!((out.len(), on), (18, vec![0, 2, 8, 16]));
    }
}
