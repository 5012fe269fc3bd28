//! Compressions, by the numbers of TIFF tag 259.

use std::fmt;

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// Known or unknown, but not decoded here; the number of the tag.
    Unsupported(u16),
}

impl Codec {
    /// The codec of a number.
    #[must_use]
    pub const fn from_code(code: u16) -> Self {
        match code {
            1 => Self::None,
            5 => Self::Lzw,
            8 | 32946 => Self::Deflate,
            32773 => Self::PackBits,
            50000 => Self::Zstd,
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
            Self::Unsupported(2) => "CCITTRLE",
            Self::Unsupported(3) => "CCITTFAX3",
            Self::Unsupported(4) => "CCITTFAX4",
            Self::Unsupported(6) => "old-style JPEG",
            Self::Unsupported(7) => "JPEG",
            Self::Unsupported(34712) => "JPEG 2000",
            Self::Unsupported(34887) => "LERC",
            Self::Unsupported(34925) => "LZMA",
            Self::Unsupported(50001) => "WEBP",
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
        assert_eq!(Codec::from_code(34887).to_string(), "LERC (34887)");
        assert_eq!(Codec::from_code(999).to_string(), "of an unknown kind (999)");
        assert_eq!(Codec::from_code(32946), Codec::Deflate);
    }
}
