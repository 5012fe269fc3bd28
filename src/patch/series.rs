//! What a patch holds, wherever it lies: which Items, which bands, on which grid, as which array.

use std::ops::RangeInclusive;

use super::kernel::Kernel;
use super::values::{epsg, invalid, read_dtype, read_format};
use crate::crs::Crs;
use crate::search::{ParamError, Params, Search};
use crate::stac::DataType;

/// Sizes of a pixel that can be computed with, in units of any CRS: a tenth of a millimetre in degrees, and more than the Earth
/// in metres.
const RESOLUTIONS: RangeInclusive<f64> = 1e-9..=1e9;

/// What a patch holds, wherever it lies.
#[derive(Debug, Clone)]
pub struct Series {
    /// Which Items, without a place.
    pub selection: Search,
    /// Bands in the order of the array; `None`: the default ones of the Item nearest to the centre.
    pub bands: Option<Vec<String>>,
    /// CRS of the answer as an EPSG code; `None`: that of the Item nearest to the centre.
    pub crs: Option<u32>,
    /// Pixel size of the answer in units of the CRS; `None`: the finest native one among the bands.
    pub resolution: Option<f64>,
    /// How pixels on another grid are made; those of categorical bands by nearest neighbour whatever it says.
    pub resampling: Kernel,
    /// What makes a time step.
    pub group_by: GroupBy,
    /// Pixels to be taken out.
    pub mask: Option<Mask>,
    /// Time steps with a smaller share of valid pixels are dropped; 0 to 1.
    pub min_valid: f64,
    /// Exactly this many time steps.
    pub timestamps: Option<usize>,
    /// Sample type of the answer.
    pub dtype: Dtype,
    /// How the answer is written.
    pub format: Format,
    /// What happens to a time step that cannot be read.
    pub on_error: OnError,
}

/// What makes a time step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// Same solar day and platform.
    SolarDay,
    /// Each Item by itself.
    Item,
}

/// Pixels whose band has one of these values become nodata.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    /// The band's name.
    pub band: String,
    /// Its values.
    pub values: Vec<f64>,
}

/// Sample type of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// As NumPy's `result_type` of the bands.
    Native,
    /// `float32` with scale and offset applied, NaN for nodata.
    Physical,
    /// Values as they are, in this type.
    Cast(DataType),
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The array alone.
    Npy,
    /// The array and what belongs to it, stored, not compressed.
    Npz,
    /// The same for `safetensors`, its names as JSON in the metadata.
    Safetensors,
    /// One file of T·B bands, band after band within a time step; of a single place.
    GeoTiff,
    /// A zip of a Zarr v3 group, stored, not compressed.
    Zarr,
    /// The plan and coordinates, no pixels.
    Json,
}

/// What happens to a time step that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// The request fails.
    Fail,
    /// The step is dropped and named in a header.
    Drop,
}

impl Series {
    /// Reads all parameters but those that say where.
    pub(super) fn read(params: &mut Params) -> Result<Self, ParamError> {
        let selection = Search::read_selection(params)?;
        if selection.collections.as_ref().is_none_or(Vec::is_empty) {
            return Err(invalid("collections", "required: which collections to read from"));
        }
        let bands = params.texts("bands")?;
        if bands.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid("bands", "name at least one band, or leave it out"));
        }
        let crs = params.text("crs")?.map(|text| epsg(&text)).transpose()?;
        if let Some(error) = crs.and_then(|code| Crs::from_epsg(code).err()) {
            return Err(invalid("crs", error.to_string()));
        }
        let resolution = params.number("resolution")?;
        if resolution.is_some_and(|r| !RESOLUTIONS.contains(&r)) {
            let (least, most) = (RESOLUTIONS.start(), RESOLUTIONS.end());
            return Err(invalid("resolution", format!("expected a number from {least:e} to {most:e}")));
        }
        let resampling = match params.text("resampling")? {
            Some(name) => Kernel::from_name(&name)
                .ok_or_else(|| invalid("resampling", "expected nearest, bilinear, cubic or average"))?,
            None => Kernel::default(),
        };
        let group_by = match params.text("group_by")?.as_deref() {
            None | Some("solar_day") => GroupBy::SolarDay,
            Some("item") => GroupBy::Item,
            Some(_) => return Err(invalid("group_by", "expected solar_day or item")),
        };
        let mask = params.text("mask")?.map(|text| Mask::parse(&text)).transpose()?;
        let min_valid = params.number("min_valid")?.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&min_valid) {
            return Err(invalid("min_valid", "expected a share from 0 to 1"));
        }
        let timestamps = params.integer("timestamps", 1)?.map(|t| usize::try_from(t).unwrap_or(usize::MAX));
        let on_error = match params.text("on_error")?.as_deref() {
            None | Some("fail") => OnError::Fail,
            Some("drop") => OnError::Drop,
            Some(_) => return Err(invalid("on_error", "expected fail or drop")),
        };
        let dtype = read_dtype(params)?;
        let format = read_format(params)?;
        Ok(Self {
            selection,
            bands,
            crs,
            resolution,
            resampling,
            group_by,
            mask,
            min_valid,
            timestamps,
            dtype,
            format,
            on_error,
        })
    }
}
