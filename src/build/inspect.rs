//! One raster's header → the facts that an Item tells of it. The only place here that knows the COG reader's header.

use std::path::Path;

use crate::cog::{self, OpenError, ParseError};
use crate::crs::{Crs, CrsError};
use crate::stac::DataType;
use crate::storage::{Location, LocationError, Storage};

/// What is known of a raster file.
#[derive(Debug, Clone)]
pub(super) struct Raster {
    /// Its length in bytes.
    pub(super) len: u64,
    /// Columns.
    pub(super) width: u32,
    /// Rows.
    pub(super) height: u32,
    /// Sample type of all bands.
    pub(super) data_type: DataType,
    /// Its bands in file order; an alpha band, which says only where the others are valid, is not among them.
    pub(super) bands: Vec<BandFacts>,
    /// `[a, b, c, d, e, f]` as in rasterio.
    pub(super) transform: [f64; 6],
    /// The CRS of the transform.
    pub(super) crs: Crs,
    /// TIFF's `DateTime`, as written.
    pub(super) date_time: Option<String>,
    /// The compression, where `/patch` cannot read it.
    pub(super) unreadable: Option<&'static str>,
    /// True when the file can be read in part: tiles and overviews, or so small that it needs neither.
    pub(super) is_cog: bool,
}

/// What the file says of one band.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct BandFacts {
    /// GDAL's description, mostly a name.
    pub(super) description: Option<String>,
    /// Factor of the samples.
    pub(super) scale: Option<f64>,
    /// Summand, after the factor.
    pub(super) offset: Option<f64>,
    /// The value of pixels without data.
    pub(super) nodata: Option<f64>,
}

/// Why a raster cannot be catalogued.
#[derive(Debug, thiserror::Error)]
pub(super) enum InspectError {
    /// No name for a store.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// Not readable.
    #[error(transparent)]
    Open(OpenError),
    /// Not readable as a TIFF.
    #[error("cannot read its header")]
    Header(#[source] ParseError),
    /// Not placed on the globe.
    #[error(
        "it has no georeference (neither a transform nor tie points); set one with `gdal_edit.py -a_ullr`"
    )]
    NoTransform,
    /// A transform that maps all pixels to a line or a point.
    #[error("its transform has no area; set another with `gdal_edit.py -a_ullr`")]
    Degenerate,
    /// No CRS, or one without a code.
    #[error(
        "it names no CRS by an EPSG code{}; set one with `gdal_edit.py -a_srs EPSG:…` or with `epsg` in a definition",
        citation.as_ref().map(|c| format!(" (but says '{c}')")).unwrap_or_default()
    )]
    NoCrs {
        /// What the file calls its CRS.
        citation: Option<String>,
    },
    /// A CRS that cannot be computed.
    #[error(transparent)]
    Crs(#[from] CrsError),
}

impl From<OpenError> for InspectError {
    fn from(error: OpenError) -> Self {
        match error {
            // The report names the file already.
            OpenError::Parse { source, .. } => Self::Header(source),
            other => Self::Open(other),
        }
    }
}

/// Reads the header of a file. `default_epsg` is the CRS to take when the file names none.
pub(super) async fn inspect(
    storage: &Storage,
    path: &Path,
    default_epsg: Option<u32>,
) -> Result<Raster, InspectError> {
    let location = Location::from_path(path)?;
    let opened = cog::open(storage, &location).await?;
    let (header, len) = (&opened.header, opened.len);
    let image = &header.full.image;
    let transform = header.geo.transform.ok_or(InspectError::NoTransform)?;
    let [a, b, _, d, e, _] = transform;
    if (a * e - b * d).abs() < f64::MIN_POSITIVE {
        return Err(InspectError::Degenerate);
    }
    let epsg = header.geo.epsg.or(default_epsg);
    let epsg = epsg.ok_or_else(|| InspectError::NoCrs { citation: header.geo.citation.clone() })?;
    // Only a last band can be left out without moving others.
    let alpha = image.alpha_band().filter(|band| band + 1 == image.bands && image.bands > 1);
    let nodata = header.nodata.map(cog::Nodata::as_f64);
    let bands = (0..image.bands).filter(|band| Some(*band) != alpha).map(|band| {
        let meta = header.band_meta.get(&band).cloned().unwrap_or_default();
        BandFacts { description: meta.description, scale: meta.scale, offset: meta.offset, nodata }
    });
    Ok(Raster {
        len,
        width: image.width,
        height: image.height,
        data_type: image.data_type,
        bands: bands.collect(),
        transform,
        crs: Crs::from_epsg(epsg)?,
        date_time: header.date_time.clone(),
        unreadable: (!image.codec.is_supported()).then(|| image.codec.name()),
        is_cog: header.is_cloud_optimized(),
    })
}

impl Raster {
    /// Size of a pixel in metres, the finer side; whole centimetres, or three digits where that would be nothing.
    pub(super) fn gsd_m(&self) -> f64 {
        let [a, b, _, d, e, _] = self.transform;
        let metres = a.hypot(d).min(b.hypot(e)) * self.crs.metres_per_unit();
        // Three digits, of centimetres or of what is finer than a metre.
        let digits = if metres > 0.0 { 10_f64.powf(metres.log10().floor() - 2.0) } else { 1.0 };
        let unit = digits.min(0.01);
        let unit = if self.crs.is_geographic() { digits } else { unit };
        clean((metres / unit).round() * unit)
    }

    /// `[west, south, east, north]` in units of the CRS.
    pub(super) fn native_bounds(&self) -> [f64; 4] {
        let corners = self.corners();
        let fold = |f: fn(f64, f64) -> f64, of: fn(&(f64, f64)) -> f64| corners.iter().map(of).reduce(f);
        [
            fold(f64::min, |p| p.0).unwrap_or_default(),
            fold(f64::min, |p| p.1).unwrap_or_default(),
            fold(f64::max, |p| p.0).unwrap_or_default(),
            fold(f64::max, |p| p.1).unwrap_or_default(),
        ]
    }

    /// The outer corners in units of the CRS, around the raster from its first pixel.
    pub(super) fn corners(&self) -> [(f64, f64); 4] {
        let [x_by_col, x_by_row, x, y_by_col, y_by_row, y] = self.transform;
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        [(0.0, 0.0), (0.0, height), (width, height), (width, 0.0)]
            .map(|(col, row)| (x_by_col * col + x_by_row * row + x, y_by_col * col + y_by_row * row + y))
    }
}

/// A number without the dust of binary fractions, to 12 digits after the point.
pub(super) fn clean(value: f64) -> f64 {
    format!("{value:.12}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raster(epsg: u32, transform: [f64; 6]) -> Raster {
        Raster {
            len: 1,
            width: 10,
            height: 20,
            data_type: DataType::U8,
            bands: vec![],
            transform,
            crs: Crs::from_epsg(epsg).expect("a CRS"),
            date_time: None,
            unreadable: None,
            is_cog: true,
        }
    }

    #[test]
    fn pixel_sizes_are_told_in_metres() {
        let gsd = |epsg, transform| raster(epsg, transform).gsd_m();
        assert!((gsd(32_635, [10.0, 0.0, 3e5, 0.0, -10.0, 6.8e6]) - 10.0).abs() < 1e-9);
        assert!((gsd(4326, [0.001, 0.0, 0.0, 0.0, -0.001, 0.0]) - 111.0).abs() < 1e-9);
        assert!((gsd(32_635, [0.0, 0.25, 3e5, 0.25, 0.0, 6.8e6]) - 0.25).abs() < 1e-9);
    }

    #[test]
    fn bounds_hold_rotated_rasters() {
        let bounds = raster(32_635, [0.0, 1.0, 100.0, -1.0, 0.0, 200.0]).native_bounds();
        let want = [100.0, 190.0, 120.0, 200.0];
        assert!(bounds.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-9), "{bounds:?}");
    }
}
