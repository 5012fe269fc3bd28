//! A zip of a Zarr v3 group, stored, not compressed: pixels stay the pieces that were read, one chunk a time step, and a
//! reader that seeks takes just those that it needs.
//!
//! Arrays: `data`, with what belongs to it as CF has it (`time` decodes to instants, `y` and `x` are middles of pixels where
//! the grid is not turned, `spatial_ref` is the grid mapping), `valid`, `transform`, `nodata`, `band`, `items`. Those of a
//! random batch have a leading `sample`, and `step` in place of `time`, which differs from sample to sample; so do `crs` and
//! `transform`, so that `y`, `x` and `spatial_ref` are left out.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::super::patch::{Batch, Patch};
use super::beside::{Names, Numbers, floats, names, numbers};
use super::zip::{Member, zip};
use crate::crs::Crs;
use crate::stac::DataType;
use crate::zarr::{self, Array, Packing, Plane, Samples};

/// A group while it is put together.
#[derive(Debug, Default)]
struct Group {
    /// `zarr.json` of each array.
    documents: Map<String, Value>,
    chunks: Vec<Member>,
}

/// The array of a batch and what belongs to it.
pub(super) fn encode(batch: &Batch) -> Vec<Bytes> {
    let mut group = Group::default();
    let is_random = batch.centers.is_some();
    let step = if is_random { "step" } else { "time" };
    for numbers in numbers(batch) {
        let (dims, attributes): (&[&str], Value) = match numbers.name {
            "time" => (&[step], time_attributes()),
            "valid" => (&[step], json!({"long_name": "share of valid pixels"})),
            "transform" => (
                &["affine"],
                json!({"long_name": "a b c d e f: x = a col + b row + c, y = d col + e row + f"}),
            ),
            "center" => (&["lonlat"], json!({"long_name": "longitude and latitude of the middle"})),
            _ => (&["band"], json!({"long_name": "value that stands for nodata; NaN: none"})),
        };
        let dims = leading(is_random && numbers.name != "nodata", dims);
        group.numbers(numbers, &dims, &attributes);
    }
    for names in &names(batch) {
        match names.name {
            // One for all: the grid mapping tells.
            "crs" if !is_random => {}
            "crs" => group.texts("crs", names, &["sample"]),
            "bands" => group.texts("band", names, &["band"]),
            other => group.texts(other, names, &leading(is_random, &[step])),
        }
    }
    if let (false, Some(patch)) = (is_random, batch.patches.first()) {
        group.grid(patch);
    }
    group.pixels(batch, &leading(is_random, &[step, "band", "y", "x"]));
    group.zipped(batch)
}

fn leading<'a>(is_random: bool, own: &[&'a str]) -> Vec<&'a str> {
    is_random.then_some("sample").into_iter().chain(own.iter().copied()).collect()
}

fn time_attributes() -> Value {
    json!({
        "standard_name": "time",
        "units": "nanoseconds since 1970-01-01",
        "calendar": "proleptic_gregorian",
        "_FillValue": i64::MIN,
    })
}

impl Group {
    fn describe(
        &mut self,
        name: &str,
        samples: Samples,
        shape: &[usize],
        chunk: &[usize],
        dims: &[&str],
        attributes: &Value,
    ) {
        let packing = Packing::None;
        let array = Array { samples, shape, chunk, fill: None, packing, dims, attributes };
        self.documents.insert(name.to_owned(), array.document());
    }

    /// The only chunk of an array that has any samples.
    fn chunk(&mut self, name: &str, shape: &[usize], bytes: Bytes) {
        if !shape.contains(&0) {
            let place: String = shape.iter().map(|_| "/0").collect();
            self.chunks.push(Member { name: format!("{name}/c{place}"), pieces: vec![bytes] });
        }
    }

    fn numbers(&mut self, numbers: Numbers, dims: &[&str], attributes: &Value) {
        let samples = Samples::Numbers(numbers.data_type);
        self.describe(numbers.name, samples, &numbers.shape, &numbers.shape, dims, attributes);
        self.chunk(numbers.name, &numbers.shape, numbers.bytes);
    }

    /// `vlen-utf8`: the number of texts, then each one's length and bytes.
    fn texts(&mut self, name: &str, names: &Names, dims: &[&str]) {
        self.describe(name, Samples::Texts, &names.shape, &names.shape, dims, &json!({}));
        let length = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = length(names.values.len()).to_vec();
        for text in &names.values {
            bytes.extend(length(text.len()));
            bytes.extend(text.as_bytes());
        }
        self.chunk(name, &names.shape, bytes.into());
    }

    /// The grid mapping, and the middles of pixels.
    fn grid(&mut self, patch: &Patch) {
        let transform = patch.window.transform();
        let attributes = zarr::grid_mapping(&patch.crs(), transform);
        self.describe("spatial_ref", Samples::Numbers(DataType::I32), &[], &[], &[], &attributes);
        self.chunk("spatial_ref", &[], Bytes::from_static(&[0; 4]));
        let is_geographic = Crs::from_epsg(patch.window.lattice.epsg).is_ok_and(|crs| crs.is_geographic());
        let plane = if is_geographic { Plane::Geographic } else { Plane::Projected("m") };
        let size = (patch.window.width, patch.window.height);
        for axis in zarr::axes(size, transform, plane).into_iter().flatten() {
            let shape = vec![axis.middles.len()];
            self.numbers(floats(axis.name, shape, axis.middles.into_iter()), &[axis.name], &axis.attributes);
        }
    }

    fn pixels(&mut self, batch: &Batch, dims: &[&str]) {
        let shape = batch.shape();
        let beside = if batch.centers.is_some() {
            json!({"coordinates": "time valid items crs"})
        } else {
            json!({"coordinates": "valid items", "grid_mapping": "spatial_ref"})
        };
        let data_type = batch.patches.first().map_or(DataType::U8, |patch| patch.data_type);
        let steps_at = shape.len().saturating_sub(3);
        let chunk: Vec<usize> =
            shape.iter().enumerate().map(|(axis, side)| if axis < steps_at { 1 } else { *side }).collect();
        self.describe("data", Samples::Numbers(data_type), &shape, &chunk, dims, &beside);
        for (sample, patch) in batch.patches.iter().enumerate() {
            let leading = if batch.centers.is_some() { format!("{sample}/") } else { String::new() };
            for (nth, step) in patch.steps.iter().enumerate().filter(|(_, step)| !step.data.is_empty()) {
                let name = format!("data/c/{leading}{nth}/0/0/0");
                self.chunks.push(Member { name, pieces: vec![step.data.clone()] });
            }
        }
    }

    /// The group's own document repeats those of all arrays, so that one read tells everything.
    fn zipped(self, batch: &Batch) -> Vec<Bytes> {
        let [crs, bands, _] = names(batch);
        let attributes = json!({"Conventions": "CF-1.11", "crs": crs.json(), "bands": bands.json()});
        let root = zarr::group(&attributes, &self.documents);
        let document =
            |name: String, document: &Value| Member { name, pieces: vec![document.to_string().into()] };
        let mut members = vec![document("zarr.json".to_owned(), &root)];
        members
            .extend(self.documents.iter().map(|(name, array)| document(format!("{name}/zarr.json"), array)));
        members.extend(self.chunks);
        zip(members)
    }
}
