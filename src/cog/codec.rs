//! Compressions, by the numbers of TIFF tag 259.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::ParseError;
use super::ifd::Ifd;
use super::tag;

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// Not at all.
    None,
    /// LZW, in its present or its oldest (bit-reversed) form.
    Lzw,
    /// zlib streams (8, or 32946 of old).
    Deflate,
    /// Byte run lengths.
    PackBits,
    /// Zstandard frames.
    Zstd,
    /// LERC blobs: integers, or numbers within a maximal error.
    Lerc,
    /// LERC blobs, compressed once more by zlib.
    LercDeflate,
    /// LERC blobs, compressed once more by Zstandard.
    LercZstd,
    /// JPEG images of 8 bits, whose tables may lie in the header.
    Jpeg,
    /// `WebP` images.
    Webp,
    /// Known or unknown, but not decoded here; the number of the tag.
    Unsupported(u16),
}

impl Codec {
    /// The codec of a directory.
    pub(super) fn read(ifd: &Ifd<'_>) -> Result<Self, ParseError> {
        let code = ifd.integer(tag::COMPRESSION, "compression")?.unwrap_or(1);
        let codec = u16::try_from(code)
            .map(Self::from_code)
            .map_err(|_too_large| ifd.corrupt("compression", "a 16-bit number", code))?;
        if codec != Self::Lerc {
            return Ok(codec);
        }
        // Version of the format, which each blob tells too, and what is around the blob.
        let what = "LERC parameters";
        match ifd.integers(tag::LERC_PARAMETERS, what, 2)?.get(1) {
            None | Some(0) => Ok(Self::Lerc),
            Some(1) => Ok(Self::LercDeflate),
            Some(2) => Ok(Self::LercZstd),
            Some(other) => Err(ifd.unsupported(what, "0 (plain), 1 (deflate) or 2 (zstd)", other)),
        }
    }

    /// The codec of a number; for LERC, the plain one.
    #[must_use]
    pub const fn from_code(code: u16) -> Self {
        match code {
            1 => Self::None,
            5 => Self::Lzw,
            8 | 32946 => Self::Deflate,
            32773 => Self::PackBits,
            7 => Self::Jpeg,
            34887 => Self::Lerc,
            50000 => Self::Zstd,
            50001 => Self::Webp,
            code => Self::Unsupported(code),
        }
    }

    /// The name that GDAL's `COMPRESS` option has for it, where it has one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Lzw => "LZW",
            Self::Deflate => "DEFLATE",
            Self::PackBits => "PACKBITS",
            Self::Zstd => "ZSTD",
            Self::Lerc => "LERC",
            Self::LercDeflate => "LERC_DEFLATE",
            Self::LercZstd => "LERC_ZSTD",
            Self::Jpeg => "JPEG",
            Self::Webp => "WEBP",
            Self::Unsupported(2) => "CCITTRLE",
            Self::Unsupported(3) => "CCITTFAX3",
            Self::Unsupported(4) => "CCITTFAX4",
            Self::Unsupported(6) => "old-style JPEG",
            Self::Unsupported(34712) => "JPEG 2000",
            Self::Unsupported(34925) => "LZMA",
            Self::Unsupported(50002 | 52546) => "JPEG XL",
            Self::Unsupported(_) => "of an unknown kind",
        }
    }

    /// True if blocks of it can be decoded.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        !matches!(self, Self::Unsupported(_))
    }

    /// True if the `Predictor` tag counts: libtiff ignores it elsewhere.
    pub(super) const fn has_predictor(self) -> bool {
        matches!(self, Self::Lzw | Self::Deflate | Self::Zstd)
    }

    /// Most bytes that one compressed byte can become, so that a lying header costs no memory.
    pub(super) const fn max_ratio(self) -> u64 {
        match self {
            Self::None | Self::Unsupported(_) => 1,
            // A blob of one value has a hundred bytes, however many pixels have it; so do plain images.
            Self::Lerc | Self::LercDeflate | Self::LercZstd | Self::Jpeg | Self::Webp => u64::MAX,
            // A run of 128 takes two bytes.
            Self::PackBits => 64,
            // A match of 258 takes two bits.
            Self::Deflate => 1032,
            // A string of fewer than 4,096 takes 12 bits.
            Self::Lzw => 2731,
            // A block of 128 KiB takes at least three bytes.
            Self::Zstd => 43_691,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(code) => write!(f, "{} ({code})", self.name()),
            known => f.write_str(known.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Codec;

    #[test]
    fn an_unsupported_codec_is_named_with_its_number() {
        assert_eq!(Codec::from_code(34925).to_string(), "LZMA (34925)");
        assert_eq!(Codec::from_code(999).to_string(), "of an unknown kind (999)");
        assert_eq!(Codec::from_code(32946), Codec::Deflate);
    }
}
