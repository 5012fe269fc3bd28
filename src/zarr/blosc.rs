//! Chunks as Blosc holds them: bytes of samples regrouped by their significance, which zstd then packs far better.
//!
//! Source: `README_CHUNK_FORMAT.rst` of c-blosc 1.21, format version 2. Each chunk is one block that is not split.

use std::io;

use serde_json::{Value, json};

const HEADER_BYTES: usize = 16;
const FORMAT: u8 = 2;
/// The first version of zstd's own format within.
const ZSTD_FORMAT: u8 = 1;
const SHUFFLED: u8 = 0x01;
const STORED: u8 = 0x02;
const NOT_SPLIT: u8 = 0x10;
const ZSTD: u8 = 4 << 5;

/// How samples are packed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blosc {
    /// From 1 to 9.
    pub(crate) level: u8,
    /// Bytes of a sample.
    pub(crate) sample_bytes: u8,
}

impl Blosc {
    /// Levels that can be asked for.
    pub(crate) const LEVELS: std::ops::RangeInclusive<u32> = 1..=9;

    /// The entry of an array's `codecs`.
    pub(crate) fn codec(self) -> Value {
        let shuffle = if self.sample_bytes > 1 { "shuffle" } else { "noshuffle" };
        json!({"name": "blosc", "configuration": {
            "cname": "zstd", "clevel": self.level, "shuffle": shuffle, "typesize": self.sample_bytes, "blocksize": 0,
        }})
    }

    /// Packs whole samples, of less than 2 GiB.
    pub(crate) fn pack(self, samples: &[u8]) -> io::Result<Vec<u8>> {
        let size = usize::from(self.sample_bytes);
        let level = i32::from(self.level);
        let zstd_level = if level < 9 { level * 2 - 1 } else { 22 };
        let packed = if size > 1 {
            zstd::bulk::compress(&shuffled(samples, size), zstd_level)?
        } else {
            zstd::bulk::compress(samples, zstd_level)?
        };
        let length = |count: usize| {
            let count = i32::try_from(count).map_err(|_too_long| io::ErrorKind::FileTooLarge)?;
            Ok::<_, io::Error>(count.to_le_bytes())
        };
        // The place of the only block, and the length of its only part.
        let within = 8 + packed.len();
        let is_stored = within >= samples.len();
        let total = HEADER_BYTES + if is_stored { samples.len() } else { within };
        let flags = match (is_stored, size > 1) {
            (true, _) => STORED,
            (false, true) => SHUFFLED,
            (false, false) => 0,
        };
        let mut chunk = Vec::with_capacity(total);
        chunk.extend([FORMAT, ZSTD_FORMAT, flags | NOT_SPLIT | ZSTD, self.sample_bytes]);
        chunk.extend(length(samples.len())?);
        chunk.extend(length(samples.len())?);
        chunk.extend(length(total)?);
        if is_stored {
            chunk.extend_from_slice(samples);
        } else {
            chunk.extend(length(HEADER_BYTES + 4)?);
            chunk.extend(length(packed.len())?);
            chunk.extend_from_slice(&packed);
        }
        Ok(chunk)
    }
}

/// First bytes of all samples, then second bytes, and so on.
fn shuffled(samples: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(samples.len());
    for nth in 0..size {
        bytes.extend(samples.iter().skip(nth).step_by(size));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_shrinks_and_noise_is_stored_as_it_is() {
        let blosc = Blosc { level: 5, sample_bytes: 2 };
        let ramp: Vec<u8> = (0..5000_u16).flat_map(u16::to_le_bytes).collect();
        let packed = blosc.pack(&ramp).expect("packed");
        assert!(packed.len() < ramp.len() / 10, "{}", packed.len());
        assert_eq!(packed[2], 0x91);
        assert_eq!(zstd::bulk::decompress(&packed[24..], ramp.len()).expect("zstd"), shuffled(&ramp, 2));
        let few = [7, 1, 9, 3];
        let stored = blosc.pack(&few).expect("packed");
        assert_eq!((stored[2], &stored[16..]), (0x92, &few[..]));
    }
}
