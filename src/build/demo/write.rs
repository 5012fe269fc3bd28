//! Arrays → COGs, by GDAL's COG driver.

use std::path::Path;

use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{DriverManager, Metadata};

/// West and north edge of tile 35VLH in metres of EPSG:32635.
const UPPER_LEFT: (f64, f64) = (300_000.0, 6_800_040.0);
/// UTM zone 35 north.
const EPSG: u32 = 32_635;
/// Pixels along a side of a block.
const BLOCK: &str = "256";

/// One raster to write.
#[derive(Debug)]
pub(super) struct Raster<'a> {
    /// The band's name, kept in the file as its description.
    pub(super) band: &'a str,
    /// Rows and columns.
    pub(super) size: usize,
    /// Metres along a side of a pixel.
    pub(super) pixel_m: f64,
    /// How overviews are made: `AVERAGE` or `MODE`.
    pub(super) overviews: &'a str,
    /// Factor and summand that make a sample a reflectance.
    pub(super) scale: Option<(f64, f64)>,
}

impl Raster<'_> {
    /// Writes samples, row by row from the north-west, with nodata 0.
    pub(super) fn write<T: GdalType + Copy>(&self, path: &Path, samples: Vec<T>) -> gdal::errors::Result<()> {
        let memory = DriverManager::get_driver_by_name("MEM")?;
        let mut dataset = memory.create_with_band_type::<T, _>("", self.size, self.size, 1)?;
        dataset.set_spatial_ref(&SpatialRef::from_epsg(EPSG)?)?;
        let (west, north) = UPPER_LEFT;
        dataset.set_geo_transform(&[west, self.pixel_m, 0.0, north, 0.0, -self.pixel_m])?;
        let mut band = dataset.rasterband(1)?;
        band.set_no_data_value(Some(0.0))?;
        band.set_description(self.band)?;
        if let Some((scale, offset)) = self.scale {
            band.set_scale(scale)?;
            band.set_offset(offset)?;
        }
        let mut buffer = Buffer::new((self.size, self.size), samples);
        band.write((0, 0), (self.size, self.size), &mut buffer)?;
        let options = RasterCreationOptions::from_iter([
            "COMPRESS=DEFLATE",
            "LEVEL=6",
            "PREDICTOR=STANDARD",
            &format!("BLOCKSIZE={BLOCK}"),
            &format!("OVERVIEW_RESAMPLING={}", self.overviews),
            // Products are written side by side already.
            "NUM_THREADS=1",
        ]);
        let cog = DriverManager::get_driver_by_name("COG")?;
        dataset.create_copy(&cog, path, &options)?.close()
    }
}
