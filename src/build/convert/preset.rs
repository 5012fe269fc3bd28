//! Codecs, and the presets that users choose by name.

use std::fmt;
use std::str::FromStr;

use super::choice::Predictor;

/// A codec of GDAL's COG driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// None at all.
    None,
    /// DEFLATE, levels 1 to 12.
    Deflate,
    /// Zstandard, levels 1 to 22.
    Zstd,
    /// LZW.
    Lzw,
    /// LERC, lossless unless an error is allowed.
    Lerc,
    /// LERC, its blobs compressed by DEFLATE.
    LercDeflate,
    /// LERC, its blobs compressed by Zstandard.
    LercZstd,
    /// WebP, of 3 or 4 bands of 8 bits.
    Webp,
    /// JPEG, of bands of 8 bits.
    Jpeg,
}

/// All codecs by the names that users give.
const COMPRESSIONS: [(&str, Compression); 10] = [
    ("deflate", Compression::Deflate),
    ("zstd", Compression::Zstd),
    ("lzw", Compression::Lzw),
    ("lerc", Compression::Lerc),
    ("lerc_deflate", Compression::LercDeflate),
    ("lerc_zstd", Compression::LercZstd),
    ("webp", Compression::Webp),
    ("jpeg", Compression::Jpeg),
    ("none", Compression::None),
    ("raw", Compression::None),
];

impl Compression {
    /// GDAL's name.
    pub(super) fn gdal_name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Deflate => "DEFLATE",
            Self::Zstd => "ZSTD",
            Self::Lzw => "LZW",
            Self::Lerc => "LERC",
            Self::LercDeflate => "LERC_DEFLATE",
            Self::LercZstd => "LERC_ZSTD",
            Self::Webp => "WEBP",
            Self::Jpeg => "JPEG",
        }
    }

    /// The levels that can be asked for.
    pub(super) fn levels(self) -> Option<std::ops::RangeInclusive<u32>> {
        match self {
            Self::Deflate | Self::LercDeflate => Some(1..=12),
            Self::Zstd | Self::LercZstd => Some(1..=22),
            _ => None,
        }
    }

    /// Whether differences of neighbours can be stored instead of samples.
    #[must_use]
    pub fn has_predictor(self) -> bool {
        matches!(self, Self::Deflate | Self::Zstd | Self::Lzw)
    }

    /// Whether it takes a quality from 1 to 100.
    pub(super) fn has_quality(self) -> bool {
        matches!(self, Self::Webp | Self::Jpeg)
    }

    /// Whether it takes a largest error.
    pub(super) fn has_max_error(self) -> bool {
        matches!(self, Self::Lerc | Self::LercDeflate | Self::LercZstd)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = COMPRESSIONS.iter().find(|(_, compression)| compression == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase().replace('-', "_");
        let found = COMPRESSIONS.iter().find(|(name, _)| *name == lower);
        found.map(|(_, compression)| *compression).ok_or_else(|| {
            let names: Vec<_> = COMPRESSIONS.iter().map(|(name, _)| *name).collect();
            format!("expected one of {}", names.join(", "))
        })
    }
}

/// How COGs are laid out when nothing else is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The name that users give.
    pub name: &'static str,
    /// The codec.
    pub compression: Compression,
    /// Its level; none is the codec's own default.
    pub level: Option<u32>,
    /// The predictor.
    pub predictor: Predictor,
    /// Pixels along a side of a block.
    pub block_size: u32,
}

/// All presets. The first is the default; the last is what reads random patches out of long series best: small blocks that
/// over-read little, and the codec that decodes fastest at that size.
const PRESETS: [Preset; 9] = [
    preset("deflate", Compression::Deflate, Some(6), Predictor::Auto, 512),
    preset("zstd", Compression::Zstd, Some(9), Predictor::Auto, 512),
    preset("lzw", Compression::Lzw, None, Predictor::Auto, 512),
    preset("lerc", Compression::Lerc, None, Predictor::None, 512),
    preset("lerc_zstd", Compression::LercZstd, Some(9), Predictor::None, 512),
    preset("webp", Compression::Webp, None, Predictor::None, 512),
    preset("jpeg", Compression::Jpeg, None, Predictor::None, 512),
    preset("raw", Compression::None, None, Predictor::None, 512),
    preset("timeseries", Compression::Zstd, Some(9), Predictor::Auto, 256),
];

const fn preset(
    name: &'static str,
    compression: Compression,
    level: Option<u32>,
    predictor: Predictor,
    block_size: u32,
) -> Preset {
    Preset { name, compression, level, predictor, block_size }
}

impl Default for Preset {
    fn default() -> Self {
        PRESETS[0]
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase().replace('-', "_");
        PRESETS.into_iter().find(|preset| preset.name == lower).ok_or_else(|| {
            let names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
            format!("expected one of {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_what_they_name_and_others_are_told_the_choice() {
        assert_eq!("timeseries".parse::<Preset>().map(|preset| preset.block_size), Ok(256));
        assert_eq!("LERC-ZSTD".parse::<Compression>(), Ok(Compression::LercZstd));
        assert_eq!(Compression::None.to_string(), "none");
        assert!("lzma".parse::<Compression>().expect_err("unknown").contains("zstd, lzw"));
        assert!("best".parse::<Preset>().expect_err("unknown").contains("timeseries"));
    }
}
