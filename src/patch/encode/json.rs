//! The plan and coordinates of a batch, without pixels.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::patch::{Batch, Patch};
use crate::stac::format_instant;

/// One object for one patch; for random samples, an object with `samples`.
pub(super) fn encode(batch: &Batch) -> Bytes {
    let shape = batch.shape();
    let document = match &batch.centers {
        None => batch.patches.first().map_or(Value::Null, |patch| {
            let mut plan = described(patch);
            plan["shape"] = json!(shape);
            plan["dims"] = json!(["time", "band", "y", "x"]);
            plan
        }),
        Some(centers) => json!({
            "shape": shape,
            "dims": ["sample", "time", "band", "y", "x"],
            "samples": batch.patches.iter().zip(centers).map(|(patch, (lon, lat))| {
                let mut plan = described(patch);
                plan["center"] = json!([lon, lat]);
                plan
            }).collect::<Vec<_>>(),
        }),
    };
    document.to_string().into()
}

fn described(patch: &Patch) -> Value {
    let steps: Vec<Value> = patch
        .steps
        .iter()
        .map(|step| {
            let mut described = json!({"time": step.time.map(format_instant), "items": step.items});
            if !step.valid.is_nan() {
                described["valid"] = json!(step.valid);
            }
            described
        })
        .collect();
    let known = |value: &f64| if value.is_nan() { Value::Null } else { json!(value) };
    json!({
        "crs": patch.crs(),
        "transform": patch.window.transform(),
        "height": patch.window.height,
        "width": patch.window.width,
        "x": centres(patch, true),
        "y": centres(patch, false),
        "dtype": patch.data_type.name(),
        "bands": patch.bands,
        "nodata": patch.nodata.iter().map(known).collect::<Vec<_>>(),
        "steps": steps,
        "dropped": patch.dropped,
    })
}

/// CRS coordinates of the middles of the columns (x) or rows (y), where the grid is not turned.
fn centres(patch: &Patch, of_columns: bool) -> Option<Vec<f64>> {
    let window = patch.window;
    let [a, b, c, d, e, f] = window.transform();
    if b != 0.0 || d != 0.0 {
        return None;
    }
    let (first, step, count) = if of_columns { (c, a, window.width) } else { (f, e, window.height) };
    Some((0..count).map(|i| first + (f64::from(i) + 0.5) * step).collect())
}
