//! A scan's bits → planes of samples, one per component.

use super::frame::{Component, Frame, Tables, ZIGZAG};
use super::huffman::{Bits, Huffman};
use super::idct;

/// What the blocks of a component are decoded with.
struct Coding<'a> {
    quantization: &'a [u16; 64],
    dc: &'a Huffman,
    ac: &'a Huffman,
    /// The value that the next block's first coefficient is a difference to.
    last: i32,
}

/// The planes of the first `mcu_rows` rows of MCUs, padded to whole MCUs.
pub(super) fn planes(
    frame: &Frame,
    tables: &Tables,
    entropy: &[u8],
    mcu_rows: usize,
) -> Result<Vec<Vec<u8>>, String> {
    let mut codings = frame
        .components
        .iter()
        .map(|part| Coding::of(part, tables).ok_or("a table that a scan needs is not there"))
        .collect::<Result<Vec<_>, _>>()?;
    let mut planes: Vec<Vec<u8>> =
        frame.components.iter().map(|part| vec![0; part.stride(frame) * part.rows(mcu_rows)]).collect();
    let mut bits = Bits::new(entropy);
    let mut coefficients = [0; 64];
    let mut until_restart = tables.restart_interval;
    for mcu_row in 0..mcu_rows {
        for mcu_col in 0..frame.mcus_across() {
            if tables.restart_interval > 0 {
                if until_restart == 0 {
                    bits.restart()?;
                    for coding in &mut codings {
                        coding.last = 0;
                    }
                    until_restart = tables.restart_interval;
                }
                until_restart -= 1;
            }
            for ((part, coding), plane) in frame.components.iter().zip(&mut codings).zip(&mut planes) {
                let stride = part.stride(frame);
                for block in 0..part.across * part.down {
                    coding.block(&mut bits, &mut coefficients)?;
                    let row = (mcu_row * part.down + block / part.across) * 8;
                    let col = (mcu_col * part.across + block % part.across) * 8;
                    let place = plane.get_mut(row * stride + col..).unwrap_or_default();
                    idct::samples(&mut coefficients, place, stride);
                }
            }
            if bits.is_beyond_end() {
                return Err("its data end too early".to_owned());
            }
        }
    }
    Ok(planes)
}

impl<'a> Coding<'a> {
    fn of(part: &Component, tables: &'a Tables) -> Option<Self> {
        Some(Self {
            quantization: tables.quantization.get(part.quantization)?.as_ref()?,
            dc: tables.dc.get(part.dc)?.as_ref()?,
            ac: tables.ac.get(part.ac)?.as_ref()?,
            last: 0,
        })
    }

    /// The next block's coefficients, multiplied by their factors.
    fn block(&mut self, bits: &mut Bits<'_>, coefficients: &mut [i16; 64]) -> Result<(), String> {
        coefficients.fill(0);
        let size = bits.code(self.dc)?;
        if size > 15 {
            return Err(format!("expected a coefficient of at most 15 bits, found {size}"));
        }
        self.last = self.last.wrapping_add(bits.number(size));
        let mut put = |at: usize, value: i32| {
            // As libjpeg's vector code has it, products wrap.
            coefficients[at] = low_i16(value).wrapping_mul(self.quantization[at].cast_signed());
        };
        put(0, self.last);
        let mut at = 1;
        while at < 64 {
            let code = bits.code(self.ac)?;
            let (run, size) = (usize::from(code >> 4), code & 15);
            match (run, size) {
                (15, 0) => at += 16,
                (_, 0) => break,
                _ => {
                    at += run;
                    let place = ZIGZAG.get(at).ok_or("a block has more than 64 coefficients")?;
                    put(*place, bits.number(size));
                    at += 1;
                }
            }
        }
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "wraps, as libjpeg stores coefficients")]
fn low_i16(value: i32) -> i16 {
    value as i16
}
