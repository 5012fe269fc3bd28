//! The extent of a Collection: the box and the interval around its Items.

use chrono::{DateTime, Utc};
use stac::{Extent, Item, SpatialExtent, TemporalExtent};

use crate::stac::Bbox;

/// The box and the interval around Items that come one at a time.
#[derive(Debug, Clone, Default)]
pub struct Around {
    bbox: Option<Bbox>,
    interval: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Around {
    /// Takes in an Item; one without a box or a time widens the other only.
    pub fn add(&mut self, item: &Item) {
        let bbox = item.bbox.and_then(|bbox| match bbox {
            stac::Bbox::TwoDimensional(numbers) => Bbox::from_numbers(&numbers).ok(),
            stac::Bbox::ThreeDimensional(numbers) => Bbox::from_numbers(&numbers).ok(),
        });
        self.merge(&Self { bbox, interval: span(item) });
    }

    /// Takes in all that another one has.
    pub fn merge(&mut self, other: &Self) {
        if let Some(bbox) = other.bbox {
            self.bbox = Some(self.bbox.map_or(bbox, |own| own.union(&bbox)));
        }
        if let Some((start, end)) = other.interval {
            let own = self.interval.map_or((start, end), |(first, last)| (first.min(start), last.max(end)));
            self.interval = Some(own);
        }
    }

    /// The extent so far; the whole globe and an open interval when there is nothing to go by, as STAC requires one.
    #[must_use]
    pub fn extent(&self) -> Extent {
        let [west, south, east, north] =
            self.bbox.map_or([-180.0, -90.0, 180.0, 90.0], |bbox| bbox.to_array());
        let (first, last) = (self.interval.map(|(first, _)| first), self.interval.map(|(_, last)| last));
        Extent {
            spatial: SpatialExtent { bbox: vec![stac::Bbox::new(west, south, east, north)] },
            temporal: TemporalExtent { interval: vec![[first, last]] },
            additional_fields: serde_json::Map::new(),
        }
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

    fn extent_of(items: &[Item]) -> Extent {
        let mut around = Around::default();
        for item in items {
            around.add(item);
        }
        around.extent()
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
