//! A band as an array of a Zarr store: its name, its type, what stands for nodata, and what readers are to know of it.

use gdal::raster::GdalDataType;
use serde_json::{Map, Value, json};

use super::facts::{Pair, SourceBand};
use crate::stac::DataType;
use crate::zarr::{fill_attribute, fill_value};

/// Longest text that is taken for a name.
const NAME_BYTES: usize = 64;
/// Names that mean something else in a store, or to those who read it.
const RESERVED: [&str; 5] = ["x", "y", "spatial_ref", MASK, "c"];
/// The array of a mask that belongs to all bands.
pub(super) const MASK: &str = "mask";
/// Metadata that readers of CF would act on, and that say how another file was encoded.
const ENCODING: [&str; 12] = [
    "_FillValue",
    "missing_value",
    "scale_factor",
    "add_offset",
    "grid_mapping",
    "coordinates",
    "dtype",
    "calendar",
    "bounds",
    "_Unsigned",
    "valid_range",
    "NETCDF_VARNAME",
];

/// The value of pixels that hold none.
#[derive(Debug)]
pub(super) struct Fill {
    /// As the array's document has it.
    pub(super) value: Value,
    /// As the attribute `_FillValue` has it.
    attribute: Value,
    /// One sample, little-endian.
    pub(super) sample: Vec<u8>,
}

/// The type of samples by our own name; none for what no array holds.
pub(super) fn data_type_of(data_type: GdalDataType) -> Option<DataType> {
    Some(match data_type {
        GdalDataType::UInt8 => DataType::U8,
        GdalDataType::UInt16 => DataType::U16,
        GdalDataType::Int16 => DataType::I16,
        GdalDataType::UInt32 => DataType::U32,
        GdalDataType::Int32 => DataType::I32,
        GdalDataType::UInt64 => DataType::U64,
        GdalDataType::Int64 => DataType::I64,
        GdalDataType::Float32 => DataType::F32,
        GdalDataType::Float64 => DataType::F64,
        GdalDataType::Unknown => return None,
    })
}

/// The band's description where that can be a name, else its variable's in netCDF, else its number.
pub(super) fn name_of(band: &SourceBand, is_taken: impl Fn(&str) -> bool) -> String {
    let variable = band.metadata.iter().find(|(key, _)| key == "NETCDF_VARNAME").map(|(_, name)| name);
    let fits = |name: &&String| {
        let mut characters = name.chars();
        let begins = characters.next().is_some_and(|first| first.is_ascii_alphanumeric());
        begins
            && name.len() <= NAME_BYTES
            && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            && !RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
            && !is_taken(name)
    };
    let named = [Some(&band.description), variable].into_iter().flatten().find(fits);
    named.cloned().unwrap_or_else(|| {
        let numbers = (0..).map(|more| match more {
            0 => format!("band_{}", band.index),
            more => format!("band_{}_{more}", band.index),
        });
        numbers.into_iter().find(|name| !is_taken(name)).unwrap_or_default()
    })
}

/// What stands for nodata; none when nothing does, or no sample of the type can be that value.
pub(super) fn fill_of(data_type: DataType, nodata: &str) -> Option<Fill> {
    fn whole<T: TryFrom<i128> + Into<Value> + bytemuck::NoUninit>(text: &str) -> Option<Fill> {
        let value = T::try_from(text.parse().ok()?).ok()?;
        let sample = bytemuck::bytes_of(&value).to_vec();
        let value: Value = value.into();
        Some(Fill { attribute: value.clone(), value, sample })
    }
    let float = |value: f64, sample: Vec<u8>| Fill {
        value: fill_value(value),
        attribute: fill_attribute(value),
        sample,
    };
    match data_type {
        DataType::U8 => whole::<u8>(nodata),
        DataType::I8 => whole::<i8>(nodata),
        DataType::U16 => whole::<u16>(nodata),
        DataType::I16 => whole::<i16>(nodata),
        DataType::U32 => whole::<u32>(nodata),
        DataType::I32 => whole::<i32>(nodata),
        DataType::U64 => whole::<u64>(nodata),
        DataType::I64 => whole::<i64>(nodata),
        // GDAL has no such bands.
        DataType::F16 => None,
        DataType::F32 => {
            let value: f32 = nodata.parse().ok()?;
            Some(float(f64::from(value), value.to_le_bytes().to_vec()))
        }
        DataType::F64 => {
            let value: f64 = nodata.parse().ok()?;
            Some(float(value, value.to_le_bytes().to_vec()))
        }
    }
}

/// What readers are to know of a band.
pub(super) fn attributes(
    name: &str,
    band: &SourceBand,
    fill: Option<&Fill>,
    is_stale: impl Fn(&Pair) -> bool,
) -> Map<String, Value> {
    let kept = band.metadata.iter().filter(|pair| !is_stale(pair));
    let mut attributes = texts(kept);
    let mut set = |name: &str, value: Value| attributes.insert(name.to_owned(), value);
    if !band.description.is_empty() && band.description != name {
        set("long_name", json!(band.description));
    }
    if !band.unit.is_empty() {
        set("units", json!(band.unit));
    }
    if let Some(scale) = band.scale {
        set("scale_factor", json!(scale));
    }
    if let Some(offset) = band.offset {
        set("add_offset", json!(offset));
    }
    if let Some(fill) = fill {
        set("_FillValue", fill.attribute.clone());
    }
    if !band.palette.is_empty() {
        set("color_table", json!(band.palette));
    }
    attributes
}

/// Metadata as attributes.
pub(super) fn texts<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Map<String, Value> {
    // Units of time would make times of all values.
    let is_of_time = |key: &str, value: &str| key == "units" && value.contains(" since ");
    let kept = pairs.filter(|(key, _)| !ENCODING.contains(&key.as_str()));
    let kept = kept.filter(|(key, value)| !is_of_time(key, value));
    kept.map(|(key, value)| (key.clone(), json!(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodata_is_a_sample_of_the_type_or_nothing() {
        assert_eq!(fill_of(DataType::U16, "65535").map(|fill| fill.sample), Some(vec![255, 255]));
        assert!(fill_of(DataType::U8, "-9999").is_none() && fill_of(DataType::I16, "0.5").is_none());
        let exact = fill_of(DataType::U64, "18446744073709551615").expect("the greatest");
        assert_eq!(exact.value, json!(u64::MAX));
        let nan = fill_of(DataType::F32, "nan").expect("NaN");
        assert_eq!((nan.value, nan.attribute), (json!("NaN"), json!("AAAAAAAA+H8=")));
    }
}
