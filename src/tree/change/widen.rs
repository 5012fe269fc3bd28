//! A Collection's extent and summaries take in one more Item: they grow, and never shrink.

use serde_json::{Value, json};

use crate::stac::{Bbox, format_instant, item_time, parse_instant};

/// Distinct values of one property beyond which a Collection's list of them does not grow.
const MAX_LISTED: usize = 100;

/// Widens what the Collection's document says of its Items; false when the Item was within it already.
pub(super) fn widen(collection: &mut Value, item: &Value) -> bool {
    let space = widen_space(collection, item).unwrap_or(false);
    let time = widen_time(collection, item).unwrap_or(false);
    let summaries = widen_summaries(collection, item).unwrap_or(false);
    space || time || summaries
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

fn widen_space(collection: &mut Value, item: &Value) -> Option<bool> {
    let inner = numbers(item.get("bbox")?)?;
    let boxes = collection.pointer_mut("/extent/spatial/bbox")?;
    let outer = numbers(boxes.get(0)?)?;
    let flat = |numbers: &[f64]| Bbox::from_numbers(numbers).ok();
    let union = flat(&outer)?.union(&flat(&inner)?).to_array();
    let widened: Vec<f64> = match (outer.as_slice(), inner.as_slice()) {
        ([_, _, low, _, _, high], [_, _, own_low, _, _, own_high]) => {
            vec![union[0], union[1], low.min(*own_low), union[2], union[3], high.max(*own_high)]
        }
        ([_, _, low, _, _, high], _) => vec![union[0], union[1], *low, union[2], union[3], *high],
        _ => union.to_vec(),
    };
    if widened == outer {
        return Some(false);
    }
    boxes[0] = json!(widened);
    Some(true)
}

fn widen_time(collection: &mut Value, item: &Value) -> Option<bool> {
    let time = item_time(item.get("properties")?).ok()?;
    let interval = collection.pointer_mut("/extent/temporal/interval/0")?.as_array_mut()?;
    let [first, last] = interval.as_mut_slice() else { return None };
    // An end that is null or cannot be read is open.
    let instant = |end: &Value| end.as_str().and_then(|text| parse_instant(text).ok());
    let mut widened = false;
    if instant(first).is_some_and(|first| time.first < first) {
        *first = format_instant(time.first).into();
        widened = true;
    }
    if instant(last).is_some_and(|last| time.last > last) {
        *last = format_instant(time.last).into();
        widened = true;
    }
    Some(widened)
}

fn widen_summaries(collection: &mut Value, item: &Value) -> Option<bool> {
    let properties = item.get("properties")?.as_object()?;
    let summaries = collection.get_mut("summaries")?.as_object_mut()?;
    let mut widened = false;
    for (name, summary) in summaries {
        let Some(value) = properties.get(name) else { continue };
        match summary {
            Value::Array(listed) => {
                for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
                    let is_new = !value.is_null() && !listed.contains(value);
                    if is_new && listed.len() < MAX_LISTED {
                        listed.push(value.clone());
                        widened = true;
                    }
                }
            }
            Value::Object(range) => {
                let Some(value) = value.as_f64() else { continue };
                let end = |name: &str| range.get(name).and_then(Value::as_f64);
                let (low, high) = (end("minimum"), end("maximum"));
                if low.is_some_and(|low| value < low) {
                    range.insert("minimum".to_owned(), json!(value));
                    widened = true;
                }
                if high.is_some_and(|high| value > high) {
                    range.insert("maximum".to_owned(), json!(value));
                    widened = true;
                }
            }
            _ => {}
        }
    }
    Some(widened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collection_says_grows_with_its_items_and_once_only() {
        let mut collection = json!({
            "extent": {
                "spatial": {"bbox": [[20.0, 60.0, 21.0, 61.0], [20.0, 60.0, 20.5, 60.5]]},
                "temporal": {"interval": [["2024-01-01T00:00:00Z", "2024-06-01T00:00:00Z"]]}
            },
            "summaries": {"platform": ["a"], "eo:cloud_cover": {"minimum": 5, "maximum": 10}, "gsd": [10]}
        });
        let item = json!({
            "bbox": [19.0, 60.2, 20.5, 60.5],
            "properties": {"datetime": "2024-07-01T00:00:00Z", "platform": "b", "eo:cloud_cover": 1.5, "gsd": 10}
        });
        assert!(widen(&mut collection, &item));
        let after = collection.clone();
        assert!(!widen(&mut collection, &item), "the second time it is within");
        assert_eq!(after, collection);
        assert_eq!(after["extent"]["spatial"]["bbox"][0], json!([19.0, 60.0, 21.0, 61.0]));
        assert_eq!(
            after["extent"]["temporal"]["interval"][0],
            json!(["2024-01-01T00:00:00Z", "2024-07-01T00:00:00Z"])
        );
        assert_eq!(after["summaries"]["platform"], json!(["a", "b"]));
        assert_eq!(after["summaries"]["eo:cloud_cover"], json!({"minimum": 1.5, "maximum": 10}));
    }

    #[test]
    fn open_ends_and_what_is_not_said_stay() {
        let mut collection = json!({
            "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}}
        });
        let before = collection.clone();
        let item = json!({"bbox": [0.0, 0.0, 1.0, 1.0], "properties": {"datetime": "2024-07-01T00:00:00Z"}});
        assert!(!widen(&mut collection, &item));
        assert_eq!(collection, before);
    }
}
