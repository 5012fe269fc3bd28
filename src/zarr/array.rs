//! The documents of arrays and groups: `zarr.json` of Zarr's version 3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::blosc::Blosc;
use crate::stac::DataType;

/// What an array's samples are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Samples {
    /// Numbers, little-endian.
    Numbers(DataType),
    /// Strings of any length.
    Texts,
}

/// How chunks are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Packing {
    /// As they are.
    None,
    /// Compressed.
    Blosc(Blosc),
}

/// An array in chunks of one size.
#[derive(Debug)]
pub(crate) struct Array<'a> {
    /// Type of samples.
    pub(crate) samples: Samples,
    /// Samples along each dimension.
    pub(crate) shape: &'a [usize],
    /// Samples of a chunk along each dimension.
    pub(crate) chunk: &'a [usize],
    /// What chunks that are not there hold, as [`fill_value`] writes it; none: 0, NaN or the empty text.
    pub(crate) fill: Option<Value>,
    /// How chunks are stored.
    pub(crate) packing: Packing,
    /// Names of dimensions.
    pub(crate) dims: &'a [&'a str],
    /// Whatever readers are to know.
    pub(crate) attributes: &'a Value,
}

impl Array<'_> {
    /// Its `zarr.json`.
    pub(crate) fn document(&self) -> Value {
        let (data_type, own_fill, codec) = match self.samples {
            Samples::Numbers(data_type) => (
                data_type.name(),
                if data_type.is_float() { json!("NaN") } else { json!(0) },
                json!({"name": "bytes", "configuration": {"endian": "little"}}),
            ),
            Samples::Texts => ("string", json!(""), json!({"name": "vlen-utf8"})),
        };
        let mut codecs = vec![codec];
        if let Packing::Blosc(blosc) = self.packing {
            codecs.push(blosc.codec());
        }
        let chunk: Vec<usize> = self.chunk.iter().map(|side| (*side).max(1)).collect();
        json!({
            "zarr_format": 3,
            "node_type": "array",
            "shape": self.shape,
            "data_type": data_type,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": self.fill.as_ref().unwrap_or(&own_fill),
            "codecs": codecs,
            "attributes": self.attributes,
            "dimension_names": self.dims,
        })
    }
}

/// A group's `zarr.json`, which repeats the documents of all that lies in it, by path, so that one read tells everything.
pub(crate) fn group(attributes: &Value, members: &Map<String, Value>) -> Value {
    json!({
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes,
        "consolidated_metadata": {"kind": "inline", "must_understand": false, "metadata": members},
    })
}

/// A number of floating point as `fill_value` holds it.
pub(crate) fn fill_value(value: f64) -> Value {
    match value {
        value if value.is_nan() => json!("NaN"),
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        value => json!(value),
    }
}

/// The same as xarray reads it from the attribute `_FillValue`: a little-endian double in base64.
pub(crate) fn fill_attribute(value: f64) -> Value {
    json!(STANDARD.encode(value.to_le_bytes()))
}
