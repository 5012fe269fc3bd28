//! Decompression: a block's bytes → the stored bytes of its first rows.
//!
//! Each function gives exactly the `needed` bytes or an error, and stops soon after them. The decoders' tables are
//! kept per thread, as making them costs as much as a small block. Bytes after the needed ones are not judged.

use std::cell::RefCell;

use libdeflater::{DecompressionError, Decompressor};
use weezl::{BitOrder, LzwStatus, decode};
use zstd::zstd_safe::{self, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::codec::Codec;
use super::error::DecodeError;

/// How far libdeflate may stop before the end of a buffer that is too small: it never copies a part of a stored
/// block (65,535 bytes at most) or of a match (258).
const DEFLATE_SLACK_BYTES: usize = 66 << 10;
/// Largest window of a Zstandard stream decoded piece by piece, as memory is kept for it (2^24 = 16 MiB).
/// Level 19 has 2^23; blocks with larger ones are decoded whole.
const ZSTD_WINDOW_LOG_MAX: u32 = 24;

/// The most that one piece of a Zstandard stream becomes (RFC 8878, 3.1.1.2.4).
const ZSTD_PIECE_BYTES: u64 = 128 << 10;

/// What is read beyond an even share of a block: this part of it, and some bytes.
const LIKELY_EXCESS: u64 = 16;
const LIKELY_SLACK_BYTES: u64 = 1024;

thread_local! {
    static DEFLATE: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    static ZSTD: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
    static LZW: RefCell<decode::Decoder> = RefCell::new(
        decode::Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
            .with_yield_on_full_buffer(true)
            .build(),
    );
    static OLD_LZW: RefCell<decode::Decoder> = RefCell::new(
        decode::Configuration::new(BitOrder::Lsb, 8).with_yield_on_full_buffer(true).build(),
    );
}

/// How much of a block's `stored` bytes its first `needed` of `full` bytes probably take: what compresses evenly over the
/// block does not take more.
pub(super) fn likely_bytes(codec: Codec, stored: u64, needed: u64, full: u64) -> u64 {
    let reached = match codec {
        Codec::Deflate => needed.saturating_add(DEFLATE_SLACK_BYTES as u64),
        // What a piece of a stream becomes is there all at once.
        Codec::Zstd => needed.next_multiple_of(ZSTD_PIECE_BYTES),
        _ => return stored,
    };
    if full == 0 || reached >= full {
        return stored;
    }
    let share = u128::from(stored) * u128::from(reached) / u128::from(full);
    u64::try_from(share)
        .map_or(stored, |share| (share + share / LIKELY_EXCESS + LIKELY_SLACK_BYTES).min(stored))
}

/// The first `needed` bytes of a block of `full` bytes (the last strip of an image may have fewer).
pub(super) fn inflate(
    codec: Codec,
    raw: &[u8],
    needed: usize,
    full: usize,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let possible = (raw.len() as u64).saturating_mul(codec.max_ratio());
    let short = |found: u64| DecodeError::Short { codec, expected: needed as u64, found };
    if possible < needed as u64 {
        return Err(short(possible));
    }
    let corrupt = |reason: String| DecodeError::Corrupt { codec, length: raw.len(), reason };
    let found = match codec {
        Codec::Lerc
        | Codec::LercDeflate
        | Codec::LercZstd
        | Codec::Jpeg
        | Codec::Webp
        | Codec::Unsupported(_) => {
            return Err(DecodeError::Unsupported { codec });
        }
        Codec::None => {
            out.clear();
            out.extend_from_slice(raw.get(..needed).unwrap_or(raw));
            out.len()
        }
        Codec::Deflate => deflate(raw, needed, full, out).map_err(corrupt)?,
        Codec::Zstd => zstd(raw, needed, full, out).map_err(corrupt)?,
        Codec::Lzw => lzw(raw, needed, out).map_err(corrupt)?,
        Codec::PackBits => pack_bits(raw, needed, out),
    };
    if found < needed {
        return Err(short(found as u64));
    }
    out.truncate(needed);
    Ok(())
}

/// Makes room; what was there before is not cleared, as all of it is overwritten or cut off.
pub(super) fn resize(out: &mut Vec<u8>, len: usize) {
    if out.capacity() < len {
        // The old buffer goes first: never two at once. Then zeroed pages from the system, nothing copied, no doubling.
        *out = Vec::new();
        *out = vec![0; len];
    } else {
        out.resize(len, 0);
    }
}

/// The first `needed` bytes, or all if there are fewer; returns how many.
pub(super) fn deflate(raw: &[u8], needed: usize, full: usize, out: &mut Vec<u8>) -> Result<usize, String> {
    let with_slack = needed + DEFLATE_SLACK_BYTES;
    DEFLATE.with_borrow_mut(|decompressor| {
        resize(out, with_slack.min(full));
        let mut result = decompressor.zlib_decompress(raw, out);
        if result == Err(DecompressionError::InsufficientSpace) && out.len() < with_slack {
            // More data than the block should have: libtiff ignores them too.
            resize(out, with_slack);
            result = decompressor.zlib_decompress(raw, out);
        }
        match result {
            Ok(found) => Ok(found),
            Err(DecompressionError::InsufficientSpace) => Ok(needed),
            Err(DecompressionError::BadData) => Err("no valid zlib stream".to_owned()),
        }
    })
}

/// The first `needed` bytes, or all if there are fewer; returns how many.
pub(super) fn zstd(raw: &[u8], needed: usize, full: usize, out: &mut Vec<u8>) -> Result<usize, String> {
    let name = |code| zstd_safe::get_error_name(code).to_owned();
    ZSTD.with_borrow_mut(|slot| {
        let context = match slot {
            Some(context) => context,
            None => slot.insert(DCtx::try_create().ok_or("no memory for a decoder")?),
        };
        if needed == full {
            resize(out, full);
            // Straight into `out`, without a window; fails if there are more data than needed.
            if let Ok(found) = context.decompress(out.as_mut_slice(), raw) {
                return Ok(found);
            }
        }
        resize(out, needed);
        context.reset(ResetDirective::SessionOnly).map_err(name)?;
        context.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX)).map_err(name)?;
        let mut input = InBuffer::around(raw);
        let mut output = OutBuffer::around(out.as_mut_slice());
        loop {
            let before = (input.pos(), output.pos());
            match context.decompress_stream(&mut output, &mut input) {
                Ok(_) if output.pos() == needed => return Ok(needed),
                Ok(_) if (input.pos(), output.pos()) == before => return Ok(output.pos()),
                Ok(_) => {}
                Err(code) if needed < full && output.pos() == 0 => {
                    // Perhaps the window is too large.
                    resize(out, full);
                    return context.decompress(out.as_mut_slice(), raw).map_err(|_whole| name(code));
                }
                Err(code) => return Err(name(code)),
            }
        }
    })
}

fn lzw(raw: &[u8], needed: usize, out: &mut Vec<u8>) -> Result<usize, String> {
    // The clear code that comes first, 256 in nine bits, tells the bit order (as in libtiff).
    let is_old = matches!(raw, [0, second, ..] if second & 1 == 1);
    let decoder = if is_old { &OLD_LZW } else { &LZW };
    resize(out, needed);
    decoder.with_borrow_mut(|decoder| {
        decoder.reset();
        let (mut input, mut found) = (raw, 0);
        while let Some(rest) = out.get_mut(found..).filter(|rest| !rest.is_empty()) {
            let result = decoder.decode_bytes(input, rest);
            found += result.consumed_out;
            input = input.get(result.consumed_in..).unwrap_or_default();
            match result.status {
                Ok(LzwStatus::Ok) => {}
                Ok(LzwStatus::Done | LzwStatus::NoProgress) => break,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(found)
    })
}

fn pack_bits(raw: &[u8], needed: usize, out: &mut Vec<u8>) -> usize {
    // The last run may go beyond.
    if out.capacity() < needed + 128 {
        *out = Vec::new();
        *out = Vec::with_capacity(needed + 128);
    }
    out.clear();
    let mut rest = raw;
    while out.len() < needed {
        let Some((&control, tail)) = rest.split_first() else { break };
        rest = match control {
            0..=127 => {
                let (literal, tail) = tail.split_at((usize::from(control) + 1).min(tail.len()));
                out.extend_from_slice(literal);
                tail
            }
            128 => tail,
            129..=255 => {
                let Some((&byte, tail)) = tail.split_first() else { break };
                out.resize(out.len() + 257 - usize::from(control), byte);
                tail
            }
        };
    }
    out.len()
}

#[cfg(test)]
mod tests {
    use libdeflater::{CompressionLvl, Compressor};
    use proptest::prelude::*;

    use super::*;

    /// Runs, repeats and noise, so that streams have matches, literals and stored blocks.
    fn data() -> impl Strategy<Value = Vec<u8>> {
        let noise = prop::collection::vec(any::<u8>(), 0..5_000);
        let run = (any::<u8>(), 0_usize..90_000).prop_map(|(byte, len)| vec![byte; len]);
        let noise_seed = (any::<u64>(), 0_usize..100_000).prop_map(|(seed, len)| {
            let mut state = seed | 1;
            let next = move |_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_be_bytes()[0]
            };
            (0..len).map(next).collect()
        });
        prop::collection::vec(prop_oneof![noise, run, noise_seed], 1..6).prop_map(|parts| parts.concat())
    }

    fn zlib(data: &[u8], level: i32) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::new(level).expect("a level"));
        let mut out = vec![0; compressor.zlib_compress_bound(data.len())];
        let len = compressor.zlib_compress(data, &mut out).expect("room");
        out.truncate(len);
        out
    }

    /// zlib data of stored blocks only, each of `block` bytes.
    fn stored(data: &[u8], block: usize) -> Vec<u8> {
        let mut out = vec![0x78, 0x01];
        let mut parts = data.chunks(block).peekable();
        while let Some(part) = parts.next() {
            let len = u16::try_from(part.len()).expect("at most 65,535");
            out.push(u8::from(parts.peek().is_none()));
            out.extend(len.to_le_bytes());
            out.extend((!len).to_le_bytes());
            out.extend(part);
        }
        out.extend(libdeflater::adler32(data).to_be_bytes());
        out
    }

    fn pack(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for run in data.chunk_by(|a, b| a == b) {
            for part in run.chunks(128) {
                if part.len() == 1 {
                    out.extend([0, part[0]]);
                } else {
                    out.extend([u8::try_from(257 - part.len()).expect("129 to 255"), part[0]]);
                }
            }
        }
        out
    }

    fn check(codec: Codec, raw: &[u8], data: &[u8], needed: usize, full: usize) {
        // Stale bytes of the block before must never come through.
        let mut out = vec![0xAA; 300_000];
        inflate(codec, raw, needed, full, &mut out).expect("sound data");
        assert!(out == data[..needed], "{codec} {needed} of {}", data.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]
        #[test]
        fn the_first_bytes_of_a_block_are_those_of_the_whole(
            data in data(), share in 0.0_f64..=1.0, level in 0_i32..=12, stored_len in 1_usize..=65_535,
        ) {
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss,
                reason = "a share of a small number")]
            let needed = (data.len() as f64 * share) as usize;
            let full = data.len();
            let lzw = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8)
                .encode(&data).expect("bytes");
            let zstd = zstd::bulk::compress(&data, level).expect("room");
            for (needed, full) in [(needed, full), (full, full), (needed, needed), (needed, full + 9)] {
                check(Codec::Deflate, &zlib(&data, level), &data, needed, full);
                check(Codec::Deflate, &stored(&data, stored_len), &data, needed, full);
                check(Codec::Zstd, &zstd, &data, needed, full);
                check(Codec::Lzw, &lzw, &data, needed, full);
                check(Codec::PackBits, &pack(&data), &data, needed, full);
                check(Codec::None, &data, &data, needed, full);
            }
        }

        #[test]
        fn cut_off_data_are_an_error(data in data(), cut in 0.0_f64..1.0) {
            let lzw = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8)
                .encode(&data).expect("bytes");
            let zstd = zstd::bulk::compress(&data, 3).expect("room");
            for (codec, raw) in [
                (Codec::Deflate, zlib(&data, 6)), (Codec::Zstd, zstd), (Codec::Lzw, lzw),
                (Codec::PackBits, pack(&data)), (Codec::None, data.clone()),
            ] {
                #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation,
                    clippy::cast_sign_loss, reason = "a share of a small number")]
                let kept = (raw.len() as f64 * cut) as usize;
                let mut out = Vec::new();
                // The last bytes of a stream may be a checksum or an end mark.
                let wanted = data.len();
                let result = inflate(codec, &raw[..kept], wanted, wanted, &mut out);
                prop_assert!(result.is_err() || out == data, "{} {} of {}", codec, kept, raw.len());
            }
        }
    }

    proptest! {
        #[test]
        fn the_likely_part_of_a_block_gives_its_first_bytes_or_an_error(
            data in data(), share in 0.0_f64..1.0, level in 1_i32..10,
        ) {
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss,
                reason = "a share of a small number")]
            let needed = (data.len() as f64 * share) as usize;
            let zstd = zstd::bulk::compress(&data, level).expect("room");
            for (codec, raw) in [(Codec::Deflate, zlib(&data, level)), (Codec::Zstd, zstd)] {
                let likely = likely_bytes(codec, raw.len() as u64, needed as u64, data.len() as u64);
                let likely = offset(likely);
                prop_assert!(likely <= raw.len());
                let mut out = Vec::new();
                let result = inflate(codec, &raw[..likely], needed, data.len(), &mut out);
                prop_assert!(result.is_err() || out == data[..needed], "{} {} of {}", codec, likely, raw.len());
            }
        }
    }

    #[test]
    fn half_of_an_even_block_takes_little_more_than_half_of_its_bytes() {
        let mut state = 1_u64;
        let next = move |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0] & 15
        };
        let data: Vec<u8> = (0..2 << 20).map(next).collect();
        let zstd = zstd::bulk::compress(&data, 9).expect("room");
        for (codec, raw) in [(Codec::Deflate, zlib(&data, 6)), (Codec::Zstd, zstd)] {
            let likely = likely_bytes(codec, raw.len() as u64, 1 << 20, 2 << 20);
            assert!(likely * 10 < raw.len() as u64 * 6, "{codec}: {likely} of {}", raw.len());
            let mut out = Vec::new();
            inflate(codec, &raw[..offset(likely)], 1 << 20, 2 << 20, &mut out).expect("enough of them");
            assert!(out == data[..1 << 20]);
        }
    }

    fn offset(bytes: u64) -> usize {
        usize::try_from(bytes).expect("a length")
    }

    #[test]
    fn a_claim_beyond_any_ratio_allocates_nothing() {
        for codec in [Codec::Deflate, Codec::Zstd, Codec::Lzw, Codec::PackBits, Codec::None] {
            let mut out = Vec::new();
            let result = inflate(codec, &[0x78; 90], 40 << 20, 40 << 20, &mut out);
            assert!(matches!(result, Err(DecodeError::Short { .. })), "{codec}: {result:?}");
            assert_eq!(out.capacity(), 0);
        }
    }
}
