//! What a Collection's Items have in common: STAC's `summaries`.

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

/// The summaries of some Items: distinct values sorted, ranges as `minimum` and `maximum`, and bands by name.
#[must_use]
pub fn summaries_of(items: &[Item]) -> Map<String, Value> {
    let mut summaries = Map::new();
    for field in LISTED {
        let mut values: Vec<&Value> = Vec::new();
        for value in items.iter().filter_map(|i| i.properties.additional_fields.get(field)) {
            for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
                if !values.contains(&value) && values.len() <= MAX_LISTED {
                    values.push(value);
                }
            }
        }
        // Numbers by size, everything else by its text.
        values.sort_by(|a, b| match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => a.to_string().cmp(&b.to_string()),
        });
        if !values.is_empty() && values.len() <= MAX_LISTED {
            summaries.insert(field.to_owned(), json!(values));
        }
    }
    for field in RANGED {
        let values = items.iter().filter_map(|i| i.properties.additional_fields.get(field)?.as_f64());
        let range = values.fold(None, |range: Option<(f64, f64)>, v| {
            Some(range.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
        });
        if let Some((low, high)) = range {
            summaries.insert(field.to_owned(), json!({"minimum": low, "maximum": high}));
        }
    }
    let bands = bands_of(items);
    if !bands.is_empty() {
        summaries.insert("bands".to_owned(), Value::Array(bands));
    }
    summaries
}

/// Each band name once, as the first Item that has it describes it.
fn bands_of(items: &[Item]) -> Vec<Value> {
    let mut seen = std::collections::HashSet::new();
    let mut bands = Vec::new();
    for band in items.iter().flat_map(|i| i.assets.values()).flat_map(|a| &a.bands) {
        let Some(name) = &band.name else { continue };
        if !seen.insert(name) || seen.len() > MAX_LISTED {
            continue;
        }
        let mut summary = Map::new();
        summary.insert("name".to_owned(), json!(name));
        for field in BAND_FIELDS {
            if let Some(value) = band.additional_fields.get(field) {
                summary.insert(field.to_owned(), value.clone());
            }
        }
        bands.push(Value::Object(summary));
    }
    bands
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
            item
        };
        assert_eq!(
            Value::Object(summaries_of(&[item(7.5, 20), item(1.0, 100), item(2.0, 20)])),
            json!({
                "instruments": ["msi"],
                "gsd": [20, 100],
                "eo:cloud_cover": {"minimum": 1.0, "maximum": 7.5}
            })
        );
    }
}
