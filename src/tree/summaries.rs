//! What a Collection's Items have in common: STAC's `summaries`, from Items that come one at a time.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use stac::Item;

/// Properties whose distinct values are listed, in this order.
const LISTED: [&str; 6] =
    ["constellation", "platform", "instruments", "gsd", "proj:code", "processing:level"];
/// Properties whose range is given.
const RANGED: [&str; 1] = ["eo:cloud_cover"];
/// Distinct values beyond which a list says nothing any more.
const MAX_LISTED: usize = 100;
/// Fields of a band that describe it in every Item alike.
const BAND_FIELDS: [&str; 4] = ["eo:common_name", "eo:center_wavelength", "eo:full_width_half_max", "gsd"];

/// How a property is summarised.
#[derive(Debug, Clone, PartialEq)]
pub enum Summary {
    /// Its distinct values, unless they are more than 100.
    Values,
    /// Its least and its greatest value.
    Range,
    /// Whatever the Items have: this.
    Fixed(Value),
}

/// Summaries of the Items so far: distinct values sorted, ranges as `minimum` and `maximum`, and bands by name.
#[derive(Debug, Clone)]
pub struct Summaries {
    fields: Vec<(String, Gathered)>,
    bands: Vec<Value>,
    band_names: HashSet<String>,
}

#[derive(Debug, Clone)]
enum Gathered {
    Values(Vec<Value>),
    Range(Option<(f64, f64)>),
    Fixed(Value),
}

impl Summaries {
    /// Summaries of what is usual, and of `further` properties.
    #[must_use]
    pub fn new(further: &[(String, Summary)]) -> Self {
        let usual = LISTED.map(|field| (field.to_owned(), Summary::Values)).into_iter();
        let usual = usual.chain(RANGED.map(|field| (field.to_owned(), Summary::Range)));
        let usual = usual.filter(|(field, _)| further.iter().all(|(other, _)| other != field));
        let fields = usual.chain(further.iter().cloned()).map(|(field, summary)| {
            let gathered = match summary {
                Summary::Values => Gathered::Values(Vec::new()),
                Summary::Range => Gathered::Range(None),
                Summary::Fixed(value) => Gathered::Fixed(value),
            };
            (field, gathered)
        });
        Self { fields: fields.collect(), bands: Vec::new(), band_names: HashSet::new() }
    }

    /// Takes in an Item.
    pub fn add(&mut self, item: &Item) {
        for (field, gathered) in &mut self.fields {
            let Some(value) = item.properties.additional_fields.get(field) else { continue };
            match gathered {
                Gathered::Values(values) => {
                    for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
                        if values.len() <= MAX_LISTED && !values.contains(value) {
                            values.push(value.clone());
                        }
                    }
                }
                Gathered::Range(range) => {
                    if let Some(v) = value.as_f64() {
                        *range = Some(range.map_or((v, v), |(low, high)| (low.min(v), high.max(v))));
                    }
                }
                Gathered::Fixed(_) => {}
            }
        }
        self.add_bands(item);
    }

    /// Each band name once, as the first Item that has it describes it.
    fn add_bands(&mut self, item: &Item) {
        for band in item.assets.values().flat_map(|asset| &asset.bands) {
            let Some(name) = &band.name else { continue };
            if self.bands.len() >= MAX_LISTED || !self.band_names.insert(name.clone()) {
                continue;
            }
            let mut summary = Map::new();
            summary.insert("name".to_owned(), json!(name));
            for field in BAND_FIELDS {
                if let Some(value) = band.additional_fields.get(field) {
                    summary.insert(field.to_owned(), value.clone());
                }
            }
            self.bands.push(Value::Object(summary));
        }
    }

    /// The names of the bands, in the order in which they were met.
    pub fn band_names(&self) -> impl Iterator<Item = &str> {
        self.bands.iter().filter_map(|band| band.get("name")?.as_str())
    }

    /// The `summaries` of a Collection.
    #[must_use]
    pub fn finish(&self) -> Map<String, Value> {
        let mut summaries = Map::new();
        for (field, gathered) in &self.fields {
            let value = match gathered {
                Gathered::Values(values) if !values.is_empty() && values.len() <= MAX_LISTED => {
                    let mut values: Vec<&Value> = values.iter().collect();
                    // Numbers by size, everything else by its text.
                    values.sort_by(|a, b| match (a.as_f64(), b.as_f64()) {
                        (Some(a), Some(b)) => a.total_cmp(&b),
                        _ => a.to_string().cmp(&b.to_string()),
                    });
                    json!(values)
                }
                Gathered::Range(Some((low, high))) => json!({"minimum": low, "maximum": high}),
                Gathered::Fixed(value) => value.clone(),
                Gathered::Values(_) | Gathered::Range(None) => continue,
            };
            summaries.insert(field.clone(), value);
        }
        if !self.bands.is_empty() {
            summaries.insert("bands".to_owned(), Value::Array(self.bands.clone()));
        }
        summaries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_listed_once_and_ranges_span() {
        let item = |cloud: f64, gsd: u32| {
            let mut item = Item::new("i");
            let fields = &mut item.properties.additional_fields;
            fields.insert("eo:cloud_cover".into(), json!(cloud));
            fields.insert("gsd".into(), json!(gsd));
            fields.insert("instruments".into(), json!(["msi"]));
            fields.insert("tile".into(), json!(format!("t{gsd}")));
            item
        };
        let mut summaries = Summaries::new(&[
            ("tile".to_owned(), Summary::Values),
            ("level".to_owned(), Summary::Fixed(json!(["L2A"]))),
        ]);
        for item in [item(7.5, 20), item(1.0, 100), item(2.0, 20)] {
            summaries.add(&item);
        }
        assert_eq!(
            Value::Object(summaries.finish()),
            json!({
                "instruments": ["msi"],
                "gsd": [20, 100],
                "eo:cloud_cover": {"minimum": 1.0, "maximum": 7.5},
                "tile": ["t100", "t20"],
                "level": ["L2A"]
            })
        );
    }
}
