//! JPEG blocks → samples, bit for bit as libjpeg gives them: Huffman-coded sequential images of 8 bits, as libtiff writes them.
//!
//! Tables come from the header's `JPEGTables` or from the block. A block costs a plane of bytes per component beside
//! the output; of its rows, only those asked for are decoded, and those that smoothing colours needs below them.

mod colour;
mod frame;
mod huffman;
mod idct;
mod scan;

use super::error::DecodeError;
use super::image::Image;
use super::samples::Photometric;
use frame::{Frame, Tables};

/// Most memory for the planes of a block: its output takes as much again.
const MAX_PLANE_BYTES: usize = 24 << 20;

/// A number that is a byte.
fn low_byte(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// Decodes the first `rows` rows of a block into `out`.
pub(super) fn decode(image: &Image, raw: &[u8], rows: u32, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    decode_rows(image, raw, rows as usize, out).map_err(|reason| DecodeError::Corrupt {
        codec: image.codec,
        length: raw.len(),
        reason,
    })
}

fn decode_rows(image: &Image, raw: &[u8], rows: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let mut tables = Tables::default();
    if let Some(shared) = &image.jpeg_tables {
        tables.read(shared).map_err(|reason| format!("in the shared tables: {reason}"))?;
    }
    let Some((frame, entropy)) = tables.read(raw)? else {
        return Err("it has no scan".to_owned());
    };
    let (width, samples) = (image.block_width as usize, usize::from(image.samples_per_block_pixel()));
    if frame.width != width || !(rows..=image.block_height as usize).contains(&frame.height) {
        return Err(format!(
            "expected {width} columns and {rows} to {} rows, found {} and {}",
            image.block_height, frame.width, frame.height
        ));
    }
    if frame.components.len() != samples {
        return Err(format!("expected {samples} components, found {}", frame.components.len()));
    }
    let mcu_rows = mcu_rows(&frame, rows);
    let bytes = frame.components.iter().map(|part| part.stride(&frame) * part.rows(mcu_rows));
    let bytes: usize = bytes.sum();
    if bytes > MAX_PLANE_BYTES {
        return Err(format!("its planes take {bytes} bytes, more than the limit of {MAX_PLANE_BYTES}"));
    }
    let planes = scan::planes(&frame, &tables, entropy, mcu_rows)?;
    let is_ycbcr = image.photometric == Photometric::YCbCr && samples == 3;
    out.clear();
    out.reserve_exact(rows * width * samples);
    let mut lines = vec![vec![0; width]; samples];
    for row in 0..rows {
        for ((line, plane), part) in lines.iter_mut().zip(&planes).zip(&frame.components) {
            colour::upsample(&frame, part, plane, row, line)?;
        }
        match lines.as_mut_slice() {
            [y, cb, cr] if is_ycbcr => colour::to_rgb(y, cb, cr, out),
            [line] => out.extend_from_slice(line),
            lines => (0..width).for_each(|col| out.extend(lines.iter().filter_map(|line| line.get(col)))),
        }
    }
    Ok(())
}

/// Rows of MCUs that hold the first `rows` rows, and the next if colours are smoothed with it.
fn mcu_rows(frame: &Frame, rows: usize) -> usize {
    let all = frame.height.div_ceil(frame.mcu_height());
    let is_smoothed = frame.components.iter().any(|part| part.down < frame.most_down);
    (rows.div_ceil(frame.mcu_height()) + usize::from(is_smoothed)).min(all)
}
