//! Where an image lies: the tags and keys of `GeoTIFF` 1.1.

use serde::{Deserialize, Serialize};

use super::error::ParseError;
use super::ifd::Ifd;
use super::tag;

/// Keys of the directory in tag 34735.
mod key {
    pub(super) const MODEL_TYPE: u64 = 1024;
    pub(super) const RASTER_TYPE: u64 = 1025;
    pub(super) const CITATION: u64 = 1026;
    pub(super) const GEODETIC_CRS: u64 = 2048;
    pub(super) const GEODETIC_CITATION: u64 = 2049;
    pub(super) const PROJECTED_CRS: u64 = 3072;
    pub(super) const PROJECTED_CITATION: u64 = 3073;
}

/// Keys read at most; real files have about 20.
const MAX_KEYS: u64 = 1024;

/// Reference system and pixel → CRS transform of the full-resolution image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Geo {
    /// EPSG code; none for a system that the file defines itself.
    pub epsg: Option<u32>,
    /// The system in words, as the writer had it.
    pub citation: Option<String>,
    /// `[a, b, c, d, e, f]` as in rasterio: x = a·col + b·row + c, y = d·col + e·row + f, where col and row
    /// count from the outer corner of the first pixel, also in files that count from its centre.
    pub transform: Option<[f64; 6]>,
}

impl Geo {
    pub(super) fn read(ifd: &Ifd<'_>) -> Result<Self, ParseError> {
        let keys = Keys::read(ifd)?;
        // A projected system that is not in EPSG's list still names its base: not that one.
        let code = match keys.short(key::MODEL_TYPE) {
            Some(1) => keys.short(key::PROJECTED_CRS),
            Some(2) => keys.short(key::GEODETIC_CRS),
            Some(_) => None,
            None => keys.short(key::PROJECTED_CRS).or_else(|| keys.short(key::GEODETIC_CRS)),
        };
        // 0 is undefined, 32767 user-defined, beyond that private.
        let epsg = code.filter(|code| (1..32767).contains(code));
        let citation = [key::PROJECTED_CITATION, key::CITATION, key::GEODETIC_CITATION]
            .into_iter()
            .find_map(|key| keys.text(key));
        let is_point = keys.short(key::RASTER_TYPE) == Some(2);
        Ok(Self {
            epsg: epsg.and_then(|code| u32::try_from(code).ok()),
            citation,
            transform: transform(ifd, is_point)?,
        })
    }
}

/// The key directory: four numbers a key (key, tag that has its value, count, value or index).
struct Keys {
    numbers: Vec<u64>,
    ascii: String,
}

impl Keys {
    fn read(ifd: &Ifd<'_>) -> Result<Self, ParseError> {
        let numbers = ifd.integers(tag::GEO_KEY_DIRECTORY, "geo keys", 4 * (1 + MAX_KEYS))?;
        let ascii = ifd.text(tag::GEO_ASCII_PARAMS, "geo key texts")?.unwrap_or_default();
        Ok(Self { numbers, ascii })
    }

    fn find(&self, wanted: u64) -> Option<(u64, u64, u64)> {
        self.numbers.chunks_exact(4).skip(1).find_map(|entry| match *entry {
            [key, tag, count, value] if key == wanted => Some((tag, count, value)),
            _ => None,
        })
    }

    fn short(&self, wanted: u64) -> Option<u64> {
        self.find(wanted).filter(|(tag, ..)| *tag == 0).map(|(.., value)| value)
    }

    fn text(&self, wanted: u64) -> Option<String> {
        let (tag, count, index) = self.find(wanted)?;
        let end = usize::try_from(index + count).ok()?;
        let from = usize::try_from(index).ok()?;
        let text = self.ascii.get(from..end.min(self.ascii.len()))?;
        let text = text.trim_end_matches('|').trim();
        (tag == u64::from(tag::GEO_ASCII_PARAMS) && !text.is_empty()).then(|| text.to_owned())
    }
}

/// The transform as GDAL has it: scale and first tie point before a matrix, north up, half a pixel back if
/// the file counts from pixel centres.
fn transform(ifd: &Ifd<'_>, is_point: bool) -> Result<Option<[f64; 6]>, ParseError> {
    let scale = ifd.floats(tag::MODEL_PIXEL_SCALE, "pixel scale", 3)?;
    let tie = ifd.floats(tag::MODEL_TIEPOINT, "tie point", 6)?;
    let matrix = ifd.floats(tag::MODEL_TRANSFORMATION, "model transformation", 16)?;
    let given = match (scale.as_slice(), tie.as_slice(), matrix.as_slice()) {
        ([sx, sy, ..], tie, _) if *sx != 0.0 && *sy != 0.0 => {
            let &[col, row, _, x, y, _] = tie else { return Ok(None) };
            let down = -sy.abs();
            [*sx, 0.0, x - col * sx, 0.0, down, y - row * down]
        }
        // The rows of x and y; the column of z counts for nothing.
        (_, _, [x_by_col, x_by_row, _, x, y_by_col, y_by_row, _, y, ..]) if matrix.len() == 16 => {
            [*x_by_col, *x_by_row, *x, *y_by_col, *y_by_row, *y]
        }
        _ => return Ok(None),
    };
    let half = if is_point { 0.5 } else { 0.0 };
    let [x_by_col, x_by_row, x, y_by_col, y_by_row, y] = given;
    let (x, y) = (x - half * (x_by_col + x_by_row), y - half * (y_by_col + y_by_row));
    let transform = [x_by_col, x_by_row, x, y_by_col, y_by_row, y];
    Ok(transform.iter().all(|number| number.is_finite()).then_some(transform))
}

#[cfg(test)]
mod tests {
    use super::super::tiny::{Value::*, image, parse, tiff};
    use super::super::{ByteOrder, tag};
    use super::*;

    fn of(keys: &[[u16; 4]], more: Vec<(u16, super::super::tiny::Value)>) -> Geo {
        let mut tags = image(4, 4);
        let count = u16::try_from(keys.len()).expect("few");
        let directory = [[1, 1, 0, count]].iter().chain(keys).flatten().copied().collect();
        tags.push((tag::GEO_KEY_DIRECTORY, Short(directory)));
        tags.push((tag::GEO_ASCII_PARAMS, Text("WGS 84 / UTM zone 35N|WGS 84|")));
        tags.extend(more);
        parse(&tiff(ByteOrder::Little, &[tags], 100), 8).expect("sound").geo
    }

    #[test]
    fn the_code_is_that_of_the_model() {
        let geographic = [2048, 0, 1, 4326];
        let utm = of(&[[1024, 0, 1, 1], [1026, 34737, 22, 0], geographic, [3072, 0, 1, 32635]], vec![]);
        assert_eq!((utm.epsg, utm.citation.as_deref()), (Some(32635), Some("WGS 84 / UTM zone 35N")));
        assert_eq!(of(&[[1024, 0, 1, 2], [2049, 34737, 7, 22], geographic], vec![]).epsg, Some(4326));
        // Its own projection on a known base is not that base.
        assert_eq!(of(&[[1024, 0, 1, 1], geographic, [3072, 0, 1, 32767]], vec![]).epsg, None);
        assert_eq!(of(&[[1024, 0, 1, 1], geographic], vec![]).epsg, None);
    }

    #[test]
    fn pixels_counted_from_their_centre_move_by_half_a_pixel() {
        let scale = (tag::MODEL_PIXEL_SCALE, Double(vec![10.0, 20.0, 0.0]));
        let tie = (tag::MODEL_TIEPOINT, Double(vec![1.0, 2.0, 0.0, 500.0, 900.0, 0.0]));
        let area = of(&[], vec![scale.clone(), tie.clone()]).transform;
        assert_eq!(area, Some([10.0, 0.0, 490.0, 0.0, -20.0, 940.0]));
        let point = of(&[[1025, 0, 1, 2]], vec![scale, tie]).transform;
        assert_eq!(point, Some([10.0, 0.0, 485.0, 0.0, -20.0, 950.0]));
    }

    #[test]
    fn a_matrix_is_read_by_its_rows() {
        let matrix = vec![1., 2., 0., 3., 4., 5., 0., 6., 0., 0., 0., 0., 0., 0., 0., 1.];
        let geo = of(&[], vec![(tag::MODEL_TRANSFORMATION, Double(matrix))]);
        assert_eq!(geo.transform, Some([1., 2., 3., 4., 5., 6.]));
        let endless = vec![f64::INFINITY; 16];
        assert_eq!(of(&[], vec![(tag::MODEL_TRANSFORMATION, Double(endless))]).transform, None);
    }
}
