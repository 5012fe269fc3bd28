//! Numbers of the TIFF 6.0, `BigTIFF`, `GeoTIFF` and GDAL tags that are read, and the types of their values.

pub(super) const NEW_SUBFILE_TYPE: u16 = 254;
pub(super) const SUBFILE_TYPE: u16 = 255;
pub(super) const IMAGE_WIDTH: u16 = 256;
pub(super) const IMAGE_LENGTH: u16 = 257;
pub(super) const BITS_PER_SAMPLE: u16 = 258;
pub(super) const COMPRESSION: u16 = 259;
pub(super) const PHOTOMETRIC: u16 = 262;
pub(super) const FILL_ORDER: u16 = 266;
pub(super) const IMAGE_DESCRIPTION: u16 = 270;
pub(super) const STRIP_OFFSETS: u16 = 273;
pub(super) const SAMPLES_PER_PIXEL: u16 = 277;
pub(super) const ROWS_PER_STRIP: u16 = 278;
pub(super) const STRIP_BYTE_COUNTS: u16 = 279;
pub(super) const PLANAR_CONFIGURATION: u16 = 284;
pub(super) const DATE_TIME: u16 = 306;
pub(super) const PREDICTOR: u16 = 317;
pub(super) const TILE_WIDTH: u16 = 322;
pub(super) const TILE_LENGTH: u16 = 323;
pub(super) const TILE_OFFSETS: u16 = 324;
pub(super) const TILE_BYTE_COUNTS: u16 = 325;
pub(super) const EXTRA_SAMPLES: u16 = 338;
pub(super) const SAMPLE_FORMAT: u16 = 339;
pub(super) const JPEG_TABLES: u16 = 347;
pub(super) const MODEL_PIXEL_SCALE: u16 = 33550;
pub(super) const MODEL_TIEPOINT: u16 = 33922;
pub(super) const MODEL_TRANSFORMATION: u16 = 34264;
pub(super) const GEO_KEY_DIRECTORY: u16 = 34735;
pub(super) const GEO_ASCII_PARAMS: u16 = 34737;
pub(super) const GDAL_METADATA: u16 = 42112;
pub(super) const GDAL_NODATA: u16 = 42113;
pub(super) const LERC_PARAMETERS: u16 = 50674;

/// What a tag's value consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, or bytes of any meaning.
    Bytes,
    Unsigned,
    Signed,
    Float,
    /// A pair of 32-bit integers; no tag read here has it.
    Rational,
}

/// Kind and size in bytes of one value of a field type; none for a type that no specification names.
pub(super) const fn field_type(code: u16) -> Option<(Kind, usize)> {
    match code {
        1 => Some((Kind::Unsigned, 1)),
        2 | 7 => Some((Kind::Bytes, 1)),
        3 => Some((Kind::Unsigned, 2)),
        4 | 13 => Some((Kind::Unsigned, 4)),
        5 | 10 => Some((Kind::Rational, 8)),
        6 => Some((Kind::Signed, 1)),
        8 => Some((Kind::Signed, 2)),
        9 => Some((Kind::Signed, 4)),
        11 => Some((Kind::Float, 4)),
        12 => Some((Kind::Float, 8)),
        16 | 18 => Some((Kind::Unsigned, 8)),
        17 => Some((Kind::Signed, 8)),
        _ => None,
    }
}
