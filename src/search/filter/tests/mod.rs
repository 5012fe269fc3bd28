//! Filters as clients write them, against documents.

mod faults;
mod judge;
mod planner;
mod sentences;

use serde_json::{Value, json};

use super::{Document, Filter};

/// The truth of a text over an Item, with unknown told from false.
fn truth(text: &str, item: &Value) -> Option<bool> {
    let yes = matches(text, item);
    let no = matches(&format!("NOT ({text})"), item);
    assert!(!(yes && no), "{text} and its NOT both hold");
    if yes { Some(true) } else { no.then_some(false) }
}

fn matches(text: &str, item: &Value) -> bool {
    let filter = Filter::from_text(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    filter.matches(&Document::new(item, filter.properties()))
}

fn matches_json(value: &Value, item: &Value) -> bool {
    let filter = Filter::from_json(value).unwrap_or_else(|e| panic!("{value}: {e}"));
    filter.matches(&Document::new(item, filter.properties()))
}

fn item() -> Value {
    json!({
        "type": "Feature", "id": "S2A_1", "collection": "sentinel-2-l2a",
        "geometry": {"type": "Polygon", "coordinates": [[[24, 60], [25, 60], [25, 61], [24, 61], [24, 60]]]},
        "bbox": [24, 60, 25, 61],
        "properties": {
            "datetime": "2024-06-15T10:00:00.000Z", "created": "2024-06-16T00:00:00+02:00",
            "start_datetime": "2024-06-15T09:00:00Z", "end_datetime": "2024-06-15T11:00:00Z",
            "eo:cloud_cover": 12.5, "gsd": 10, "platform": "Sentinel-2A", "place": "Jyväskylä",
            "flag": true, "off": false, "nothing": null, "day": "2024-06-15",
            "bands": ["B02", "B03", "B04"], "orbit": 42, "percent": "100%", "nested": {"deep": 7},
            "Mixed name": 1, "and": 5, "_x": 3
        }
    })
}
