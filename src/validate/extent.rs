//! What a Collection says of its Items' places and times, against the Items.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::finding::Finding;
use crate::stac::{Bbox, item_time, parse_instant};
use crate::storage::Location;

/// Degrees that an Item may lie outside: about 10 m.
const SLACK_DEGREES: f64 = 1e-4;
/// Items outside of one Collection that are named.
const NAMED: usize = 3;

/// Where and when an Item is.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    bbox: Option<Bbox>,
    time: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Place {
    /// Of an Item's document.
    pub(super) fn of(item: &Value) -> Self {
        let time = item.get("properties").and_then(|properties| item_time(properties).ok());
        Self { bbox: item.get("bbox").and_then(bbox_of), time: time.map(|time| (time.first, time.last)) }
    }
}

fn bbox_of(value: &Value) -> Option<Bbox> {
    let numbers: Vec<f64> = value.as_array()?.iter().map(Value::as_f64).collect::<Option<_>>()?;
    Bbox::from_numbers(&numbers).ok()
}

/// The extents of Collections, and what lies outside of them.
#[derive(Debug, Default)]
pub(super) struct Extents {
    collections: BTreeMap<String, Declared>,
}

#[derive(Debug)]
struct Declared {
    location: Location,
    bbox: Option<Bbox>,
    interval: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    outside: usize,
    named: Vec<String>,
}

impl Extents {
    /// Takes in a Collection; the first of one id counts.
    pub(super) fn declare(&mut self, id: &str, location: &Location, collection: &Value) {
        let extent = collection.get("extent");
        let first = extent.and_then(|extent| extent.pointer("/spatial/bbox/0"));
        let instant = |at: &str| parse_instant(extent?.pointer(at)?.as_str()?).ok();
        let declared = Declared {
            location: location.clone(),
            bbox: first.and_then(bbox_of),
            interval: (instant("/temporal/interval/0/0"), instant("/temporal/interval/0/1")),
            outside: 0,
            named: Vec::new(),
        };
        self.collections.entry(id.to_owned()).or_insert(declared);
    }

    /// Holds an Item against the Collection that it lies in.
    pub(super) fn hold(&mut self, collection: &str, item: &str, place: &Place) {
        let Some(declared) = self.collections.get_mut(collection) else { return };
        let in_space = match (declared.bbox, place.bbox) {
            (Some(outer), Some(inner)) => holds(&outer, &inner),
            _ => true,
        };
        let (from, to) = declared.interval;
        let in_time = place.time.is_none_or(|(start, end)| {
            from.is_none_or(|from| from <= start) && to.is_none_or(|to| end <= to)
        });
        if !in_space || !in_time {
            declared.outside += 1;
            if declared.named.len() < NAMED {
                let what = if in_space { "by its time" } else { "by its bbox" };
                declared.named.push(format!("'{item}' ({what})"));
            }
        }
    }

    /// What was found.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        let wrong = self.collections.values().filter(|declared| declared.outside > 0);
        wrong.map(|declared| {
            let message = format!(
                "{} of its Items lie outside of its extent, such as {}",
                declared.outside,
                declared.named.join(", ")
            );
            Finding::error("extent", &declared.location, message)
        })
    }
}

fn holds(outer: &Bbox, inner: &Bbox) -> bool {
    let outer = outer.parts();
    inner.parts().iter().all(|part| {
        outer.iter().any(|outer| {
            outer.min().x - SLACK_DEGREES <= part.min().x
                && outer.min().y - SLACK_DEGREES <= part.min().y
                && outer.max().x + SLACK_DEGREES >= part.max().x
                && outer.max().y + SLACK_DEGREES >= part.max().y
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_outside_are_told_once_a_collection() {
        let mut extents = Extents::default();
        let location = Location::parse("/c.json").expect("a location");
        let collection = json!({"extent": {
            "spatial": {"bbox": [[170, 0, -170, 10]]},
            "temporal": {"interval": [["2024-01-01T00:00:00Z", null]]}
        }});
        extents.declare("c", &location, &collection);
        let item =
            |bbox: [f64; 4], time: &str| Place::of(&json!({"bbox": bbox, "properties": {"datetime": time}}));
        extents.hold("c", "in", &item([175.0, 1.0, -175.0, 2.0], "2024-06-01T00:00:00Z"));
        assert_eq!(extents.findings().count(), 0);
        extents.hold("c", "early", &item([175.0, 1.0, 176.0, 2.0], "2023-06-01T00:00:00Z"));
        extents.hold("c", "far", &item([0.0, 1.0, 1.0, 2.0], "2024-06-01T00:00:00Z"));
        let finding = extents.findings().next().expect("a finding").message;
        assert!(finding.starts_with("2 of") && finding.contains("'early' (by its time)"), "{finding}");
    }
}
