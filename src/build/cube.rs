//! `cube:dimensions` of a Collection whose places are seen again and again: its Items are a time series.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use stac::Item;

use super::bands::number;
use super::inspect::clean;
use crate::crs::Crs;
use crate::stac::format_instant;

/// The schema of these fields.
pub(super) const EXTENSION: &str = "https://stac-extensions.github.io/datacube/v2.2.0/schema.json";
/// Times that are listed; more are told by their extent.
const MAX_TIMES: usize = 1000;

/// What the Items of a Collection say of a cube.
#[derive(Debug, Default)]
pub(super) struct Cube {
    /// The first time of each place, by its box.
    places: HashMap<u64, DateTime<Utc>>,
    repeats: bool,
    code: Option<String>,
    has_one_code: bool,
    /// `[west, south, east, north]` in units of the CRS.
    bounds: Option<[f64; 4]>,
    /// The finest pixel, across and down.
    step: Option<(f64, f64)>,
}

impl Cube {
    /// Takes in an Item.
    pub(super) fn add(&mut self, item: &Item) {
        if let (Some(bbox), Some(time)) = (item.bbox, item.properties.datetime) {
            let mut hasher = DefaultHasher::new();
            let numbers = serde_json::to_string(&bbox).unwrap_or_default();
            numbers.hash(&mut hasher);
            self.repeats |= *self.places.entry(hasher.finish()).or_insert(time) != time;
        }
        for asset in item.assets.values() {
            let Some(bounds) = asset.additional_fields.get("proj:bbox").and_then(four) else { continue };
            let code = asset.additional_fields.get("proj:code");
            let code = code.or_else(|| item.properties.additional_fields.get("proj:code"));
            let Some(code) = code.and_then(Value::as_str) else { continue };
            match &self.code {
                None => (self.code, self.has_one_code) = (Some(code.to_owned()), true),
                Some(known) => self.has_one_code &= known == code,
            }
            self.bounds = Some(self.bounds.map_or(bounds, |own| {
                [own[0].min(bounds[0]), own[1].min(bounds[1]), own[2].max(bounds[2]), own[3].max(bounds[3])]
            }));
            let transform = asset.additional_fields.get("proj:transform");
            if let Some([a, b, d, e]) = transform.and_then(|t| {
                let at = |n: usize| t.get(n)?.as_f64();
                Some([at(0)?, at(1)?, at(3)?, at(4)?])
            }) {
                let size = (a.hypot(d), b.hypot(e));
                self.step = Some(self.step.map_or(size, |own| (own.0.min(size.0), own.1.min(size.1))));
            }
        }
    }

    /// The dimensions, where times repeat and all rasters are of one CRS; `times` are those of all Items.
    pub(super) fn dimensions<'a>(
        &self,
        mut times: Vec<DateTime<Utc>>,
        bands: impl Iterator<Item = &'a str>,
    ) -> Option<Map<String, Value>> {
        let bounds = self.bounds.filter(|_| self.repeats && self.has_one_code)?;
        let epsg: u32 = self.code.as_deref()?.strip_prefix("EPSG:")?.parse().ok()?;
        let is_geographic = Crs::from_epsg(epsg).is_ok_and(|crs| crs.is_geographic());
        let mut dimensions = Map::new();
        for (name, low, high, step) in
            [("x", bounds[0], bounds[2], self.step?.0), ("y", bounds[1], bounds[3], self.step?.1)]
        {
            let extent = [low, high].map(|v| number(clean(v)));
            let mut dimension = json!({
                "type": "spatial", "axis": name, "extent": extent, "reference_system": epsg
            });
            if !is_geographic && let Some(fields) = dimension.as_object_mut() {
                fields.insert("step".to_owned(), number(clean(step)));
            }
            dimensions.insert(name.to_owned(), dimension);
        }
        times.sort_unstable();
        times.dedup();
        let extent = [times.first()?, times.last()?].map(|time| format_instant(*time));
        let mut time = json!({"type": "temporal", "extent": extent});
        if times.len() <= MAX_TIMES
            && let Some(fields) = time.as_object_mut()
        {
            fields.insert("values".to_owned(), times.iter().map(|time| format_instant(*time)).collect());
        }
        dimensions.insert("time".to_owned(), time);
        let bands: Vec<&str> = bands.collect();
        if !bands.is_empty() {
            dimensions.insert("bands".to_owned(), json!({"type": "bands", "values": bands}));
        }
        Some(dimensions)
    }
}

fn four(value: &Value) -> Option<[f64; 4]> {
    let at = |n: usize| value.get(n)?.as_f64();
    Some([at(0)?, at(1)?, at(2)?, at(3)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use stac::Asset;

    fn item(day: i64, west: f64) -> Item {
        let mut item = Item::new("i");
        item.bbox = Some(stac::Bbox::new(west, 0.0, west + 1.0, 1.0));
        item.properties.datetime = DateTime::from_timestamp(day * 86_400, 0);
        item.properties.additional_fields.insert("proj:code".into(), json!("EPSG:32635"));
        let mut asset = Asset::new("/x.tif");
        asset.additional_fields.insert("proj:bbox".into(), json!([west * 10.0, 0, west * 10.0 + 10.0, 10]));
        asset.additional_fields.insert("proj:transform".into(), json!([1, 0, 0, 0, -1, 0]));
        item.assets.insert("data".into(), asset);
        item
    }

    fn dimensions(items: &[Item]) -> Option<Map<String, Value>> {
        let mut cube = Cube::default();
        for item in items {
            cube.add(item);
        }
        let times = items.iter().filter_map(|item| item.properties.datetime).collect();
        cube.dimensions(times, ["B04"].into_iter())
    }

    #[test]
    fn a_place_seen_twice_makes_a_cube() {
        assert_eq!(dimensions(&[item(0, 0.0), item(0, 1.0)]), None);
        let found = dimensions(&[item(0, 0.0), item(1, 0.0), item(0, 1.0)]).expect("a cube");
        assert_eq!(found["x"]["extent"], json!([0, 20]));
        assert_eq!(found["time"]["values"].as_array().map(Vec::len), Some(2));
        assert_eq!(found["bands"]["values"], json!(["B04"]));
    }
}
