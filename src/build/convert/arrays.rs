//! The arrays of a Zarr store while it is written: those of bands, of a mask, and of a grid's coordinates.

use std::fs;
use std::path::{Path, PathBuf};

use gdal::raster::RasterBand;
use gdal::spatial_ref::SpatialRef;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::choice::Format;
use super::chunk::{Window, write_chunk};
use super::error::ConvertError;
use super::facts::{Pair, Source};
use super::options::Options;
use super::plan::TaskSource;
use super::preset::Compression;
use super::store::DOCUMENT;
use super::variable::{MASK, attributes, data_type_of, fill_of, name_of, texts};
use super::vrt::Band;
use super::write::{check_values, cog, open_virtual, opened, outcome};
use crate::stac::DataType;
use crate::zarr::{self, Array, Blosc, Packing, Plane, Samples};

/// Blosc's own default.
const LEVEL: u8 = 5;

/// A store while it is written.
#[derive(Debug)]
pub(super) struct Store<'a> {
    /// Where it is written.
    pub(super) folder: PathBuf,
    /// How.
    pub(super) options: &'a Options,
    /// Chunks at a time.
    pub(super) threads: usize,
    /// The documents of the arrays of the group at hand, by name.
    pub(super) arrays: Map<String, Value>,
    /// Bytes written.
    pub(super) bytes: u64,
}

impl Store<'_> {
    /// Writes all arrays of one grid; returns the attributes of their group.
    pub(super) fn group(
        &mut self,
        group: &str,
        sources: &[TaskSource],
        scratch: &Path,
    ) -> Result<Map<String, Value>, ConvertError> {
        let warped = self.warped(sources, scratch)?;
        // What was warped has its type and nodata already.
        let plain = Options { nodata: None, data_type: None, reprojection: None, ..self.options.clone() };
        let (wanted, options) = match &warped {
            Some(warped) => (warped.as_slice(), &plain),
            None => (sources, self.options),
        };
        let (sources, bands) = opened(wanted)?;
        let Some(first) = sources.first() else { return Err(ConvertError::NoBands) };
        if first.geo_transform.is_none() && !first.control.is_empty() {
            return Err(ConvertError::ControlPoints);
        }
        fs::create_dir_all(self.folder.join(group)).map_err(ConvertError::write(&self.folder))?;
        let mut own = self.grid(group, first)?;
        for band in bands {
            self.band(group, &sources, band, options)?;
        }
        if first.has_mask {
            let dataset = Source::open(&first.name)?;
            let failed = || ConvertError::gdal("read its mask");
            let band = dataset.rasterband(1).map_err(failed())?;
            let mask = band.open_mask_band().map_err(failed())?;
            let meaning = json!({"flag_values": [0, 255], "flag_meanings": "nodata valid"});
            self.pixels(group, MASK, &mask, DataType::U8, None, meaning)?;
        }
        let mut attributes = Map::new();
        for (domain, pairs) in &first.metadata {
            let texts = texts(pairs.iter());
            if domain.is_empty() {
                attributes.extend(texts);
            } else {
                attributes.insert(domain.clone(), Value::Object(texts));
            }
        }
        attributes.append(&mut own);
        Ok(attributes)
    }

    /// The sources brought to the grid that is asked for, each a COG in the scratch folder; none when none is asked for.
    fn warped(
        &self,
        sources: &[TaskSource],
        scratch: &Path,
    ) -> Result<Option<Vec<TaskSource>>, ConvertError> {
        if self.options.reprojection.is_none() {
            return Ok(None);
        }
        let swift = Options {
            format: Format::Cog,
            compression: Compression::Zstd,
            level: Some(1),
            block_size: 512,
            overviews: Some(0),
            ..self.options.clone()
        };
        let warp = |(at, source): (usize, &TaskSource)| {
            let folder = scratch.join(format!("{}-{at}", source.group));
            fs::create_dir_all(&folder).map_err(ConvertError::write(&folder))?;
            let path = folder.join("grid.tif");
            cog(std::slice::from_ref(source), &swift, None, &path, &folder, self.threads)?;
            let name = path.to_string_lossy().into_owned();
            Ok(TaskSource { name, file: None, bands: Vec::new(), told: None, group: source.group.clone() })
        };
        sources.iter().enumerate().map(warp).collect::<Result<_, _>>().map(Some)
    }

    /// Coordinates and grid mapping; returns what the group says of its grid.
    fn grid(&mut self, group: &str, source: &Source) -> Result<Map<String, Value>, ConvertError> {
        let mut attributes = Map::new();
        let Some([c, a, b, f, d, e]) = source.geo_transform else { return Ok(attributes) };
        let transform = [a, b, c, d, e, f];
        let reference = SpatialRef::from_wkt(&source.wkt).ok().filter(|_| !source.wkt.is_empty());
        let unit = reference.as_ref().and_then(SpatialRef::linear_units_name).unwrap_or_default();
        let unit = if unit.starts_with("met") { "m" } else { unit.as_str() };
        let plane = match &reference {
            Some(reference) if reference.is_geographic() => Plane::Geographic,
            Some(reference) if reference.is_projected() => Plane::Projected(unit),
            _ => Plane::Unknown,
        };
        let mut mapping = zarr::grid_mapping(&source.wkt, transform);
        mapping["crs_wkt"] = json!(source.wkt);
        if reference.is_none()
            && let Some(mapping) = mapping.as_object_mut()
        {
            mapping.retain(|name, _| name == "GeoTransform");
        }
        // Its only sample is the 0 that chunks hold that are not there.
        self.array(group, "spatial_ref", &array(Samples::Numbers(DataType::I32), &[], &[], &[], &mapping))?;
        let [width, height] =
            [source.size.0, source.size.1].map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        for axis in zarr::axes((width, height), transform, plane).into_iter().flatten() {
            let shape = [axis.middles.len()];
            let blosc = Blosc { level: LEVEL, sample_bytes: 8 };
            let plain = array(Samples::Numbers(DataType::F64), &shape, &shape, &[], &axis.attributes);
            let dims = [axis.name];
            self.array(group, axis.name, &Array { packing: Packing::Blosc(blosc), dims: &dims, ..plain })?;
            let samples: &[u8] = bytemuck::cast_slice(&axis.middles);
            self.bytes += write_chunk(&self.folder.join(group).join(axis.name).join("c/0"), blosc, samples)?;
        }
        let authority = reference.and_then(|reference| reference.authority().ok());
        if let Some(code) = authority.filter(|code| code.starts_with("EPSG:")) {
            attributes.insert("proj:code".to_owned(), json!(code));
        }
        attributes.insert("proj:shape".to_owned(), json!([height, width]));
        attributes.insert("proj:transform".to_owned(), json!(transform));
        Ok(attributes)
    }

    fn band(
        &mut self,
        group: &str,
        sources: &[Source],
        band: Band,
        options: &Options,
    ) -> Result<(), ConvertError> {
        let name =
            name_of(&band.facts, |name| self.arrays.keys().any(|taken| taken.eq_ignore_ascii_case(name)));
        let outcome = outcome(sources, vec![band], options)?;
        check_values(&outcome, options)?;
        let Some(facts) = outcome.bands.first().map(|band| &band.facts) else { return Ok(()) };
        let data_type = data_type_of(outcome.data_type)
            .ok_or(ConvertError::Type { data_type: "of a type that Zarr arrays have no name for" })?;
        let fill = outcome.nodata_of(facts).and_then(|nodata| fill_of(data_type, &nodata));
        let stale = |pair: &Pair| outcome.changes_values && pair.0.starts_with("STATISTICS_");
        let about = attributes(&name, facts, fill.as_ref(), stale);
        let dataset = open_virtual(&outcome)?;
        let pixels = dataset.rasterband(1).map_err(ConvertError::gdal("read its bands"))?;
        let fill = fill.map(|fill| (fill.value, fill.sample));
        self.pixels(group, &name, &pixels, data_type, fill, Value::Object(about))
    }

    /// Writes an array of pixels, a few chunks at a time.
    fn pixels(
        &mut self,
        group: &str,
        name: &str,
        band: &RasterBand<'_>,
        data_type: DataType,
        fill: Option<(Value, Vec<u8>)>,
        mut attributes: Value,
    ) -> Result<(), ConvertError> {
        if self.arrays.contains_key("spatial_ref") {
            attributes["grid_mapping"] = json!("spatial_ref");
            // So that readers take it for a coordinate.
            attributes["coordinates"] = json!("spatial_ref");
        }
        let (width, height) = band.size();
        let side = self.options.block_size as usize;
        let (rows, cols) = (side.min(height), side.min(width));
        let level = self.options.level.and_then(|level| u8::try_from(level).ok()).unwrap_or(LEVEL);
        let sample_bytes = u8::try_from(data_type.size()).unwrap_or(u8::MAX);
        let blosc = Blosc { level, sample_bytes };
        let zero = vec![0; data_type.size()];
        let (value, sample) = fill.map_or((json!(0), zero), |(value, sample)| (value, sample));
        let (shape, chunk_shape) = ([height, width], [rows, cols]);
        let plain = array(Samples::Numbers(data_type), &shape, &chunk_shape, &["y", "x"], &attributes);
        self.array(group, name, &Array { fill: Some(value), packing: Packing::Blosc(blosc), ..plain })?;
        let empty = sample.repeat(rows * cols);
        let folder = self.folder.join(group).join(name).join("c");
        let places: Vec<(usize, usize)> = (0..height.div_ceil(rows.max(1)))
            .flat_map(|row| (0..width.div_ceil(cols.max(1))).map(move |col| (row, col)))
            .collect();
        for some in places.chunks(self.threads.max(1)) {
            let read = some.iter().map(|&(row, col)| {
                let window = Window { left: col * cols, top: row * rows, cols, rows };
                Ok((row, col, window.read(band, data_type, &empty)?))
            });
            let read: Vec<(usize, usize, Vec<u8>)> = read.collect::<Result<_, ConvertError>>()?;
            // What holds nodata alone is what readers take for a chunk that is not there.
            let full = read.par_iter().filter(|(_, _, samples)| *samples != empty);
            let written = full.map(|(row, col, samples)| {
                write_chunk(&folder.join(row.to_string()).join(col.to_string()), blosc, samples)
            });
            self.bytes += written.try_reduce(|| 0, |a, b| Ok(a + b))?;
        }
        Ok(())
    }

    fn array(&mut self, group: &str, name: &str, array: &Array<'_>) -> Result<(), ConvertError> {
        let document = array.document();
        self.document(&[group, name].join("/"), &document)?;
        self.arrays.insert(name.to_owned(), document);
        Ok(())
    }

    /// Writes a `zarr.json`.
    pub(super) fn document(&mut self, below: &str, document: &Value) -> Result<(), ConvertError> {
        let folder = self.folder.join(below.trim_start_matches('/'));
        fs::create_dir_all(&folder).map_err(ConvertError::write(&folder))?;
        let text = document.to_string();
        self.bytes += text.len() as u64;
        let path = folder.join(DOCUMENT);
        fs::write(&path, text).map_err(ConvertError::write(&path))
    }
}

fn array<'a>(
    samples: Samples,
    shape: &'a [usize],
    chunk: &'a [usize],
    dims: &'a [&'a str],
    attributes: &'a Value,
) -> Array<'a> {
    Array { samples, shape, chunk, fill: None, packing: Packing::None, dims, attributes }
}
