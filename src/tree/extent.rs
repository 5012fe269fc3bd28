//! The extent of a Collection: the box and the interval around its Items.

use chrono::{DateTime, Utc};
use stac::{Extent, Item, SpatialExtent, TemporalExtent};

use crate::stac::Bbox;

/// The extent of some Items; the whole globe and an open interval when there is nothing to go by, as STAC requires one.
#[must_use]
pub fn extent_of(items: &[Item]) -> Extent {
    let boxes = items.iter().filter_map(|item| match item.bbox? {
        stac::Bbox::TwoDimensional(numbers) => Bbox::from_numbers(&numbers).ok(),
        stac::Bbox::ThreeDimensional(numbers) => Bbox::from_numbers(&numbers).ok(),
    });
    let around = boxes.reduce(|a, b| a.union(&b));
    let [west, south, east, north] = around.map_or([-180.0, -90.0, 180.0, 90.0], |bbox| bbox.to_array());
    let times: Vec<(DateTime<Utc>, DateTime<Utc>)> = items.iter().filter_map(span).collect();
    let first = times.iter().map(|(start, _)| *start).min();
    let last = times.iter().map(|(_, end)| *end).max();
    Extent {
        spatial: SpatialExtent { bbox: vec![stac::Bbox::new(west, south, east, north)] },
        temporal: TemporalExtent { interval: vec![[first, last]] },
        additional_fields: serde_json::Map::new(),
    }
}

fn span(item: &Item) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let properties = &item.properties;
    match (properties.start_datetime, properties.end_datetime) {
        (Some(start), Some(end)) => Some((start, end)),
        _ => properties.datetime.map(|time| (time, time)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn item(bbox: [f64; 4], day: u32) -> Item {
        let mut item = Item::new("i");
        item.bbox = Some(stac::Bbox::TwoDimensional(bbox));
        item.properties.datetime = Utc.with_ymd_and_hms(2024, 1, day, 0, 0, 0).single();
        item
    }

    #[test]
    fn an_extent_holds_all_items() {
        let extent = extent_of(&[item([1.0, 2.0, 3.0, 4.0], 5), item([0.0, 3.0, 2.0, 9.0], 2)]);
        assert_eq!(extent.spatial.bbox, [stac::Bbox::new(0.0, 2.0, 3.0, 9.0)]);
        let json = serde_json::to_value(&extent.temporal.interval).expect("JSON");
        assert_eq!(json, serde_json::json!([["2024-01-02T00:00:00Z", "2024-01-05T00:00:00Z"]]));
    }

    #[test]
    fn boxes_across_the_antimeridian_stay_across_it() {
        let extent = extent_of(&[item([179.0, 0.0, -179.0, 1.0], 1), item([178.0, 0.0, -179.5, 2.0], 1)]);
        assert_eq!(extent.spatial.bbox, [stac::Bbox::new(178.0, 0.0, -179.0, 2.0)]);
    }

    #[test]
    fn no_items_give_the_globe_and_an_open_interval() {
        let extent = extent_of(&[]);
        assert_eq!(extent.spatial.bbox, [stac::Bbox::new(-180.0, -90.0, 180.0, 90.0)]);
        assert_eq!(extent.temporal.interval, [[None, None]]);
    }
}
