//! `WebP` blocks → samples, as libtiff's `tif_webp.c` lays them out: red, green, blue, and opacity if there is a fourth band.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::decode::MAX_BLOCK_BYTES;
use super::error::DecodeError;
use super::image::Image;
use super::inflate;

/// Decodes a whole block; `out` gets all rows that it has, at least `rows`.
pub(super) fn decode(image: &Image, raw: &[u8], rows: u32, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    decode_rows(image, raw, rows, out).map_err(|reason| DecodeError::Corrupt {
        codec: image.codec,
        length: raw.len(),
        reason,
    })
}

fn decode_rows(image: &Image, raw: &[u8], rows: u32, out: &mut Vec<u8>) -> Result<(), String> {
    let mut decoder = WebPDecoder::new(Cursor::new(raw)).map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    if width != image.block_width || !(rows..=image.block_height).contains(&height) {
        return Err(format!(
            "expected {} columns and {rows} to {} rows, found {width} and {height}",
            image.block_width, image.block_height
        ));
    }
    if decoder.is_animated() {
        return Err("it is an animation".to_owned());
    }
    let samples = usize::from(image.samples_per_block_pixel());
    if !(3..=4).contains(&samples) {
        return Err(format!("expected 3 or 4 bands, found {samples}"));
    }
    decoder.set_memory_limit(usize::try_from(MAX_BLOCK_BYTES).unwrap_or(usize::MAX));
    let has_alpha = decoder.has_alpha();
    let pixels = width as usize * height as usize;
    let found = if has_alpha { 4 } else { 3 };
    inflate::resize(out, pixels * found.max(samples));
    out.truncate(pixels * found);
    decoder.read_image(out).map_err(|error| error.to_string())?;
    match (found, samples) {
        (4, 3) => {
            for pixel in 0..pixels {
                out.copy_within(pixel * 4..pixel * 4 + 3, pixel * 3);
            }
            out.truncate(pixels * 3);
        }
        (3, 4) => {
            // An encoder leaves opacity out where all is opaque.
            out.resize(pixels * 4, u8::MAX);
            for pixel in (0..pixels).rev() {
                out.copy_within(pixel * 3..pixel * 3 + 3, pixel * 4);
            }
            out.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = u8::MAX);
        }
        _ => {}
    }
    Ok(())
}
