//! Planes of a lower resolution → rows of pixels, and their colours, with libjpeg's filters and roundings.

use super::frame::{Component, Frame};
use super::low_byte;

/// Row `row` of the image of one component: repeated samples, or at half resolution the triangle filter.
pub(super) fn upsample(
    frame: &Frame,
    part: &Component,
    plane: &[u8],
    row: usize,
    out: &mut [u8],
) -> Result<(), String> {
    let (across, down) = (frame.most_across / part.across, frame.most_down / part.down);
    if across * part.across != frame.most_across || down * part.down != frame.most_down {
        return Err("expected sampling factors that divide each other".to_owned());
    }
    let width = part.width(frame);
    let line = |row: usize| {
        let start = row * part.stride(frame);
        plane.get(start..start + width).unwrap_or_default()
    };
    let here = line(row / down);
    let is_smooth = across == 1 || width > 2;
    // The nearer of the rows above and below, of which the first and last image row have one.
    let other = |row: usize| match row % 2 {
        0 => line((row / 2).saturating_sub(1)),
        _ => line((row / 2 + 1).min(part.height(frame) - 1)),
    };
    match (across, down) {
        (1, 1) => out.copy_from_slice(here),
        (2, 1) if is_smooth => widen(here.len(), |at| u32::from(here[at]), [1, 2], 2, out),
        (2, 2) if is_smooth => {
            let there = other(row);
            widen(here.len(), |at| 3 * u32::from(here[at]) + u32::from(there[at]), [8, 7], 4, out);
        }
        (1, 2) => {
            let bias = if row.is_multiple_of(2) { 1 } else { 2 };
            for ((to, here), there) in out.iter_mut().zip(here).zip(other(row)) {
                *to = low_byte((3 * u32::from(*here) + u32::from(*there) + bias) >> 2);
            }
        }
        _ => {
            for (to, from) in out.chunks_mut(across).zip(here) {
                to.fill(*from);
            }
        }
    }
    Ok(())
}

/// Twice as many samples: each is three parts the nearer and one part the next, which the ends have not.
fn widen(len: usize, sample: impl Fn(usize) -> u32, bias: [u32; 2], bits: u32, out: &mut [u8]) {
    for (at, to) in out.chunks_mut(2).take(len).enumerate() {
        let here = sample(at);
        let left = if at == 0 { here } else { sample(at - 1) };
        let right = if at + 1 == len { here } else { sample(at + 1) };
        for ((to, next), bias) in to.iter_mut().zip([left, right]).zip(bias) {
            *to = low_byte((3 * here + next + bias) >> bits);
        }
    }
}

/// Luminance and colour differences → red, green, blue (JFIF 1.02), in 16 bits behind the point.
pub(super) fn to_rgb(y: &[u8], cb: &[u8], cr: &[u8], out: &mut Vec<u8>) {
    const HALF: i32 = 1 << 15;
    for ((y, cb), cr) in y.iter().zip(cb).zip(cr) {
        let (y, cb, cr) = (i32::from(*y), i32::from(*cb) - 128, i32::from(*cr) - 128);
        let red = y + ((91_881 * cr + HALF) >> 16);
        let green = y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16);
        let blue = y + ((116_130 * cb + HALF) >> 16);
        out.extend([red, green, blue].map(|value| low_byte(value.clamp(0, 255).cast_unsigned())));
    }
}
