//! What GDAL says of a source, in our own words.

use std::path::Path;

use gdal::raster::{GdalDataType, RasterBand};
use gdal::{Dataset, Metadata};

use super::error::{ConvertError, said};

/// Metadata domains that are kept: the file's own, and those that say where it lies. GDAL is not asked which there are: on
/// floats in CMYK it counts through four thousand million colours to tell.
const KEPT: [&str; 3] = ["", "RPC", "GEOLOCATION"];

/// A key and a value.
pub(super) type Pair = (String, String);

/// A ground control point: column, row, x, y, z, and its name.
pub(super) type ControlPoint = ([f64; 5], String);

/// A dataset as it is.
#[derive(Debug)]
pub(super) struct Source {
    /// The name by which GDAL opens it.
    pub(super) name: String,
    /// Columns and rows.
    pub(super) size: (usize, usize),
    /// CRS as WKT; empty when there is none.
    pub(super) wkt: String,
    /// GDAL's order; none when there is no place, or only control points.
    pub(super) geo_transform: Option<[f64; 6]>,
    /// Control points, and their CRS as WKT.
    pub(super) control: Vec<ControlPoint>,
    /// Their CRS as WKT.
    pub(super) control_wkt: String,
    /// Metadata by domain; the empty one is the file's own.
    pub(super) metadata: Vec<(String, Vec<Pair>)>,
    /// The bands in order.
    pub(super) bands: Vec<SourceBand>,
    /// True when one mask belongs to all bands.
    pub(super) has_mask: bool,
}

/// A band as it is.
#[derive(Debug, Clone)]
pub(super) struct SourceBand {
    /// From 1.
    pub(super) index: usize,
    /// Type of samples.
    pub(super) data_type: GdalDataType,
    /// Its name, empty when it has none.
    pub(super) description: String,
    /// Nodata value.
    pub(super) nodata: Option<f64>,
    /// The same as text, exact for integers of 64 bits too.
    pub(super) nodata_text: Option<String>,
    /// Factor.
    pub(super) scale: Option<f64>,
    /// Summand.
    pub(super) offset: Option<f64>,
    /// Unit of values.
    pub(super) unit: String,
    /// Meaning as a colour, by GDAL's name: `Gray`, `Alpha`, `Palette`, `Undefined`.
    pub(super) color: String,
    /// Red, green, blue, alpha of each value.
    pub(super) palette: Vec<[i16; 4]>,
    /// Its own metadata.
    pub(super) metadata: Vec<Pair>,
}

impl Source {
    /// Opens a dataset; GDAL's own words when it cannot.
    pub(super) fn open(name: &str) -> Result<Dataset, ConvertError> {
        Dataset::open(Path::new(name)).map_err(|error| ConvertError::Open { said: said(&error) })
    }

    /// Reads all that is to be kept of a dataset.
    pub(super) fn read(name: &str, dataset: &Dataset) -> Result<Self, ConvertError> {
        let failed = || ConvertError::gdal("read its bands");
        let bands: Vec<RasterBand<'_>> = dataset.rasterbands().collect::<Result<_, _>>().map_err(failed())?;
        let Some(first) = bands.first() else {
            let subdatasets = subdatasets(dataset);
            return Err(match subdatasets.first() {
                Some(example) => {
                    ConvertError::Subdatasets { count: subdatasets.len(), example: example.clone() }
                }
                None => ConvertError::NoBands,
            });
        };
        let flags = first.mask_flags().map_err(failed())?;
        let control = dataset.gcps().iter().map(|p| ([p.pixel(), p.line(), p.x(), p.y(), p.z()], p.id()));
        Ok(Self {
            name: name.to_owned(),
            size: dataset.raster_size(),
            wkt: dataset.spatial_ref().and_then(|reference| reference.to_wkt()).unwrap_or_default(),
            geo_transform: dataset.geo_transform().ok(),
            control: control.collect(),
            control_wkt: dataset.gcp_projection().unwrap_or_default(),
            metadata: metadata(dataset),
            has_mask: flags.is_per_dataset() && !flags.is_alpha() && !flags.is_nodata(),
            bands: bands
                .iter()
                .enumerate()
                .map(|(at, band)| SourceBand::read(at + 1, band))
                .collect::<Result<_, _>>()?,
        })
    }

    /// The bands that are asked for, by number or name; all when none is.
    pub(super) fn chosen(&self, names: &[String]) -> Result<Vec<SourceBand>, ConvertError> {
        if names.is_empty() {
            return Ok(self.bands.clone());
        }
        let named = |name: &String| {
            let by_number = name.parse::<usize>().ok().and_then(|n| self.bands.get(n.checked_sub(1)?));
            let by_name = || self.bands.iter().find(|band| band.description.eq_ignore_ascii_case(name));
            by_number
                .or_else(by_name)
                .cloned()
                .ok_or_else(|| ConvertError::NoBand { name: name.clone(), has: self.names() })
        };
        names.iter().map(named).collect()
    }

    fn names(&self) -> String {
        let name = |band: &SourceBand| match band.description.as_str() {
            "" => band.index.to_string(),
            text => format!("{} ({text})", band.index),
        };
        self.bands.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Whether GDAL knows where it lies.
    pub(super) fn has_place(&self) -> bool {
        (self.geo_transform.is_some() && !self.wkt.is_empty()) || !self.control.is_empty()
    }
}

impl SourceBand {
    /// True when samples say how opaque a pixel is.
    pub(super) fn is_alpha(&self) -> bool {
        self.color == "Alpha"
    }

    fn read(index: usize, band: &RasterBand<'_>) -> Result<Self, ConvertError> {
        let nodata = band.no_data_value();
        let data_type = band.band_type();
        if data_type == GdalDataType::Unknown {
            return Err(ConvertError::Type { data_type: "complex numbers or signed bytes" });
        }
        // Before GDAL 3.7 a hint beside unsigned bytes, which a copy of the samples does not heed.
        if band.metadata_item("PIXELTYPE", "IMAGE_STRUCTURE").as_deref() == Some("SIGNEDBYTE") {
            return Err(ConvertError::Type { data_type: "signed bytes" });
        }
        let nodata_text = match data_type {
            GdalDataType::Int64 => band.no_data_value_i64().map(|value| value.to_string()),
            GdalDataType::UInt64 => band.no_data_value_u64().map(|value| value.to_string()),
            _ => nodata.map(|value| value.to_string()),
        };
        let palette = band.color_table().map(|table| {
            let entries = (0..table.entry_count()).filter_map(|at| table.entry_as_rgb(at));
            entries.map(|entry| [entry.r, entry.g, entry.b, entry.a]).collect()
        });
        // TIFF knows inks for all bands together only.
        let color = band.color_interpretation().name();
        let is_ink = matches!(color.as_str(), "Cyan" | "Magenta" | "Yellow" | "Black");
        Ok(Self {
            index,
            data_type,
            description: band.description().unwrap_or_default(),
            nodata: nodata_text.as_ref().and_then(|text| text.parse().ok()).or(nodata),
            nodata_text,
            scale: band.scale().filter(|scale| *scale != 1.0),
            offset: band.offset().filter(|offset| *offset != 0.0),
            unit: band.unit(),
            color: if is_ink { "Undefined".to_owned() } else { color },
            palette: palette.unwrap_or_default(),
            metadata: pairs(band.metadata_domain("").unwrap_or_default()),
        })
    }
}

/// The names of what a container holds.
pub(super) fn subdatasets(dataset: &Dataset) -> Vec<String> {
    let listed = pairs(dataset.metadata_domain("SUBDATASETS").unwrap_or_default());
    listed.into_iter().filter(|(key, _)| key.ends_with("_NAME")).map(|(_, name)| name).collect()
}

fn metadata(dataset: &Dataset) -> Vec<(String, Vec<Pair>)> {
    let domains = KEPT.into_iter().filter_map(|domain| {
        let pairs = pairs(dataset.metadata_domain(domain)?);
        (!pairs.is_empty()).then(|| (domain.to_owned(), pairs))
    });
    domains.collect()
}

fn pairs(list: Vec<String>) -> Vec<Pair> {
    let split = |entry: String| entry.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    list.into_iter().filter_map(split).collect()
}
