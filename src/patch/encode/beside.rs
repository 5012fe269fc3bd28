//! What belongs to the array of a batch: the arrays and names beside it, whatever the format.

use bytes::Bytes;
use serde_json::Value;

use super::super::patch::{Batch, Patch, PatchStep};
use crate::stac::DataType;

/// Numbers beside the pixels.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) name: &'static str,
    pub(super) shape: Vec<usize>,
    pub(super) data_type: DataType,
    /// Little-endian, in C order.
    pub(super) bytes: Bytes,
}

/// Names beside the pixels.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) name: &'static str,
    pub(super) shape: Vec<usize>,
    /// In C order.
    pub(super) values: Vec<String>,
}

/// `time`, `valid`, `transform`, `nodata` and, of a random batch, `center`.
pub(super) fn numbers(batch: &Batch) -> Vec<Numbers> {
    let count = step_count(batch);
    let transforms = batch.patches.iter().flat_map(|patch| patch.window.transform());
    let nodata: Vec<f64> = batch.patches.first().map(|patch| patch.nodata.clone()).unwrap_or_default();
    let times: Vec<u8> = steps(batch).flat_map(|step| nanoseconds(step).to_le_bytes()).collect();
    let mut numbers = vec![
        Numbers {
            name: "time",
            shape: leading(batch, &[count]),
            data_type: DataType::I64,
            bytes: times.into(),
        },
        floats("valid", leading(batch, &[count]), steps(batch).map(|step| step.valid)),
        floats("transform", leading(batch, &[6]), transforms),
        floats("nodata", vec![nodata.len()], nodata.into_iter()),
    ];
    if let Some(centers) = &batch.centers {
        let flat = centers.iter().flat_map(|(lon, lat)| [*lon, *lat]);
        numbers.push(floats("center", vec![centers.len(), 2], flat));
    }
    numbers
}

/// `crs`, `bands` and `items`.
pub(super) fn names(batch: &Batch) -> [Names; 3] {
    let bands = batch.patches.first().map(|patch| patch.bands.clone()).unwrap_or_default();
    let crs = batch.patches.iter().map(Patch::crs).collect();
    let items = steps(batch).map(|step| step.items.join(",")).collect();
    [
        Names { name: "crs", shape: leading(batch, &[]), values: crs },
        Names { name: "bands", shape: vec![bands.len()], values: bands },
        Names { name: "items", shape: leading(batch, &[step_count(batch)]), values: items },
    ]
}

impl Names {
    /// The names as JSON: a string, a list, or a list of lists, as their shape is.
    pub(super) fn json(&self) -> Value {
        nested(&self.shape, &self.values)
    }
}

fn nested(shape: &[usize], values: &[String]) -> Value {
    match shape {
        [] => values.first().map_or(Value::Null, |value| value.as_str().into()),
        [_] => values.iter().map(String::as_str).collect(),
        [count, rest @ ..] => {
            let each: usize = rest.iter().product();
            (0..*count)
                .map(|at| nested(rest, values.get(at * each..(at + 1) * each).unwrap_or_default()))
                .collect()
        }
    }
}

/// A shape of what a random batch has for each sample, so that it gains a leading axis.
fn leading(batch: &Batch, own: &[usize]) -> Vec<usize> {
    let samples = batch.centers.is_some().then_some(batch.patches.len());
    samples.into_iter().chain(own.iter().copied()).collect()
}

fn steps(batch: &Batch) -> impl Iterator<Item = &PatchStep> {
    batch.patches.iter().flat_map(|patch| &patch.steps)
}

/// Time steps of each patch: all have as many.
fn step_count(batch: &Batch) -> usize {
    batch.patches.first().map_or(0, |patch| patch.steps.len())
}

/// Nanoseconds since 1970 UTC as `numpy.datetime64` counts them; `NaT` where there is no time.
fn nanoseconds(step: &PatchStep) -> i64 {
    step.time.and_then(|time| time.timestamp_nanos_opt()).unwrap_or(i64::MIN)
}

/// An array of `float64`.
pub(super) fn floats(name: &'static str, shape: Vec<usize>, values: impl Iterator<Item = f64>) -> Numbers {
    let bytes: Vec<u8> = values.flat_map(f64::to_le_bytes).collect();
    Numbers { name, shape, data_type: DataType::F64, bytes: bytes.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_nest_as_their_shape_does() {
        let of = |shape: &[usize], values: &[&str]| {
            nested(shape, &values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&[], &["a"]), json!("a"));
        assert_eq!(of(&[2], &["a", "b"]), json!(["a", "b"]));
        assert_eq!(of(&[2, 2], &["a", "b", "c", "d"]), json!([["a", "b"], ["c", "d"]]));
        assert_eq!(of(&[2, 0], &[]), json!([[], []]));
    }
}
