//! What a request is answered with, before it is written in a format.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::window::Window;
use crate::pool::Pass;
use crate::stac::DataType;

/// One patch, or the samples of `/patch/random`.
#[derive(Debug)]
pub struct Batch {
    /// One, or one for each sample; all have one type, and number of bands.
    pub patches: Vec<Patch>,
    /// Longitude and latitude of each sample's middle; only for random ones, whose array has a leading axis.
    pub centers: Option<Vec<(f64, f64)>>,
    /// Its bytes, taken until this is dropped: when it has been sent, or nobody wants it any more.
    pub held: Pass,
}

/// One patch time series: an array (time, bands, rows, columns).
#[derive(Debug)]
pub struct Patch {
    /// Where it lies.
    pub window: Window,
    /// Names of the bands, in the order of the array.
    pub bands: Vec<String>,
    /// Sample type.
    pub data_type: DataType,
    /// For each band, what stands for nodata; NaN where nothing does.
    pub nodata: Vec<f64>,
    /// Time ascending; padding at the end.
    pub steps: Vec<PatchStep>,
    /// `collection/id` of the Items of steps that could not be read.
    pub dropped: Vec<String>,
}

/// One time step.
#[derive(Debug, Clone)]
pub struct PatchStep {
    /// Time of its earliest Item; nothing for padding.
    pub time: Option<DateTime<Utc>>,
    /// `collection/id` of its Items, percent-encoded, earliest first.
    pub items: Vec<String>,
    /// Share of valid pixels, 0 to 1; NaN when it was not counted.
    pub valid: f64,
    /// `bands × rows × columns` little-endian samples; empty in a plan.
    pub data: Bytes,
}

impl PatchStep {
    /// A step that only fills up the number of time steps.
    pub(super) fn padding(data: Bytes) -> Self {
        Self { time: None, items: Vec::new(), valid: 0.0, data }
    }
}

impl Batch {
    /// The shape of the array: `T, B, H, W`, with a leading N for random samples.
    #[must_use]
    pub fn shape(&self) -> Vec<usize> {
        let mut shape = Vec::with_capacity(5);
        if self.centers.is_some() {
            shape.push(self.patches.len());
        }
        if let Some(patch) = self.patches.first() {
            let Window { height, width, .. } = patch.window;
            shape.extend([patch.steps.len(), patch.bands.len(), height as usize, width as usize]);
        }
        shape
    }

    /// The samples of the whole array, in pieces.
    pub(super) fn data(&self) -> impl Iterator<Item = &Bytes> {
        self.patches.iter().flat_map(|patch| patch.steps.iter().map(|step| &step.data))
    }
}

impl Patch {
    /// `EPSG:n`, as headers name the CRS.
    #[must_use]
    pub fn crs(&self) -> String {
        format!("EPSG:{}", self.window.lattice.epsg)
    }
}
