//! What an image's samples are: their type, their colour, their opacity.

use serde::{Deserialize, Serialize};

use super::codec::Codec;
use super::error::ParseError;
use super::ifd::Ifd;
use super::tag;
use crate::stac::DataType;

/// What the samples mean as a colour. It changes no value but those of [`YCbCr`](Self::YCbCr): pixels are given as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Photometric {
    /// Grey, 0 is white.
    WhiteIsZero,
    /// Grey, 0 is black; plain data.
    BlackIsZero,
    /// Red, green, blue.
    Rgb,
    /// Indices of a colour map.
    Palette,
    /// A mask: 0 is invalid.
    Mask,
    /// Stored as luminance and colour differences, decoded to red, green, blue; JPEG only.
    YCbCr,
    /// Any other number of the tag, with a codec that is not supported.
    Other(u16),
}

/// What a band beyond the colours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExtraSample {
    /// Plain data.
    Unspecified,
    /// Opacity by which the colours were multiplied.
    AssociatedAlpha,
    /// Opacity.
    UnassociatedAlpha,
}

impl ExtraSample {
    /// True for either kind of opacity.
    #[must_use]
    pub const fn is_alpha(self) -> bool {
        !matches!(self, Self::Unspecified)
    }
}

/// True for samples of one bit, as masks have them.
pub(super) fn is_one_bit(ifd: &Ifd<'_>) -> Result<bool, ParseError> {
    Ok(ifd.integer(tag::BITS_PER_SAMPLE, "bits per sample")?.unwrap_or(1) == 1)
}

/// The one type of all bands.
pub(super) fn data_type(ifd: &Ifd<'_>, bands: u16) -> Result<DataType, ParseError> {
    let bits = same(ifd, tag::BITS_PER_SAMPLE, "bits per sample", bands)?.unwrap_or(1);
    // 4, "undefined", is read as an unsigned integer, as GDAL does.
    let format = same(ifd, tag::SAMPLE_FORMAT, "sample format", bands)?.unwrap_or(1);
    Ok(match (format, bits) {
        (1 | 4, 8) => DataType::U8,
        (1 | 4, 16) => DataType::U16,
        (1 | 4, 32) => DataType::U32,
        (1 | 4, 64) => DataType::U64,
        (2, 8) => DataType::I8,
        (2, 16) => DataType::I16,
        (2, 32) => DataType::I32,
        (2, 64) => DataType::I64,
        (3, 16) => DataType::F16,
        (3, 32) => DataType::F32,
        (3, 64) => DataType::F64,
        (5 | 6, bits) => {
            let found = format!("complex samples of {bits} bits");
            return Err(ifd.unsupported("sample type", "real numbers", found));
        }
        (format, bits) => {
            let name = match format {
                1 | 4 => "unsigned integers".to_owned(),
                2 => "signed integers".to_owned(),
                3 => "floating-point numbers".to_owned(),
                other => format!("samples of format {other}"),
            };
            let expected = "integers of 8, 16, 32 or 64 bits or floating-point numbers of 16, 32 or 64";
            return Err(ifd.unsupported("sample type", expected, format!("{name} of {bits} bits")));
        }
    })
}

/// The value that a tag has for each band, if it is one and the same.
fn same(ifd: &Ifd<'_>, tag: u16, what: &'static str, bands: u16) -> Result<Option<u64>, ParseError> {
    let values = ifd.integers(tag, what, bands.into())?;
    let first = values.first().copied();
    match values.iter().find(|value| Some(**value) != first) {
        None => Ok(first),
        Some(other) => {
            let found = format!("{} and {other}", first.unwrap_or_default());
            Err(ifd.unsupported(what, "the same for all bands", found))
        }
    }
}

/// The colour, unless it would have to be converted and the pixels can be decoded.
pub(super) fn photometric(ifd: &Ifd<'_>, codec: Codec) -> Result<Photometric, ParseError> {
    let what = "photometric interpretation";
    let code = ifd.integer(tag::PHOTOMETRIC, what)?.unwrap_or(1);
    let code = u16::try_from(code).map_err(|_too_large| ifd.corrupt(what, "a 16-bit number", code))?;
    Ok(match code {
        0 => Photometric::WhiteIsZero,
        1 => Photometric::BlackIsZero,
        2 => Photometric::Rgb,
        3 => Photometric::Palette,
        4 => Photometric::Mask,
        6 if codec == Codec::Jpeg => Photometric::YCbCr,
        other if !codec.is_supported() => Photometric::Other(other),
        other => {
            let name = match other {
                5 => "CMYK",
                6 => "YCbCr",
                8..=10 => "L*a*b*",
                32844 | 32845 => "LogLuv",
                _ => "an unknown one",
            };
            let expected = "grey, RGB, palette, mask, or YCbCr with JPEG";
            return Err(ifd.unsupported(what, expected, format!("{name} ({other})")));
        }
    })
}

/// What the last bands are. More of them than bands is a writer's slip that GDAL forgives too.
pub(super) fn extra_samples(ifd: &Ifd<'_>, bands: u16) -> Result<Vec<ExtraSample>, ParseError> {
    let codes = ifd.integers(tag::EXTRA_SAMPLES, "extra samples", bands.into())?;
    Ok(codes
        .into_iter()
        .map(|code| match code {
            1 => ExtraSample::AssociatedAlpha,
            2 => ExtraSample::UnassociatedAlpha,
            _ => ExtraSample::Unspecified,
        })
        .collect())
}
