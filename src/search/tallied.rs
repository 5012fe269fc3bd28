//! Aggregations from the columns of a snapshot.

use std::borrow::Cow;
use std::collections::HashMap;

use geo::Rect;
use serde_json::Value;

use super::aggregate::{Aggregated, Tallied, Tally};
use super::aggregation::{Aggregation, Aggregations};
use super::backend::SearchError;
use super::document::parsed;
use super::plan::{Plan, Question};
use super::query::Search;
use crate::catalog::{Cell, Part, RowId, Snapshot};
use crate::stac::Bbox;

/// Counts the Items that match.
pub(super) fn aggregate(
    snapshot: &Snapshot,
    search: &Search,
    wanted: &Aggregations,
) -> Result<Vec<Aggregated>, SearchError> {
    let question = Question::new(search);
    let rows = Plan::new(snapshot, &question).gather()?;
    let mut tally = Tally::new(wanted);
    let by_center = wanted.wanted.contains(&Aggregation::CentroidGeohashGridFrequency);
    let mut centers: HashMap<(u32, u32), Center> = HashMap::new();
    for at in rows {
        let part = snapshot.part(at);
        let footprint = part.space().footprint_of(at.row).filter(|_| by_center);
        let center = footprint.map(|footprint| {
            *centers.entry((at.part, footprint)).or_insert_with(|| center_of(part, footprint))
        });
        let center = match center {
            None => None,
            Some(Center::At(center)) => center,
            Some(Center::Several(center)) => box_of(snapshot, at)?.map(|bbox| bbox.center()).or(center),
        };
        let platform = property(snapshot, at, "platform")?;
        let grid_code = property(snapshot, at, "grid:code")?;
        let cloud_cover = property(snapshot, at, "eo:cloud_cover")?;
        tally.add(&Tallied {
            start: snapshot.start(at),
            collection: snapshot.collection_id(at),
            cloud_cover: cloud_cover.as_f64(),
            platform: platform.as_str(),
            grid_code: grid_code.as_str(),
            center,
        });
    }
    Ok(tally.finish())
}

/// A property that a tally counts by.
enum Counted<'a> {
    Number(f64),
    Text(Cow<'a, str>),
    Neither,
}

impl Counted<'_> {
    fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn property<'a>(snapshot: &'a Snapshot, at: RowId, name: &str) -> Result<Counted<'a>, SearchError> {
    let part = snapshot.part(at);
    Ok(match part.property(name).cell(at.row) {
        Cell::Number(number) => Counted::Number(number),
        Cell::Text(text) => Counted::Text(Cow::Borrowed(text)),
        Cell::Instant(instant, style) => Counted::Text(Cow::Owned(style.write(instant))),
        Cell::Missing | Cell::Null | Cell::Bool(_) => Counted::Neither,
        Cell::Elsewhere => {
            let document = parsed(snapshot, part, at.row)?;
            let value = document.get("properties").and_then(|properties| properties.get(name));
            match value {
                Some(Value::Number(number)) => number.as_f64().map_or(Counted::Neither, Counted::Number),
                Some(Value::String(text)) => Counted::Text(Cow::Owned(text.clone())),
                _ => Counted::Neither,
            }
        }
    })
}

/// The middle of a footprint.
#[derive(Debug, Clone, Copy)]
enum Center {
    /// The middle of its rectangle.
    At(Option<(f64, f64)>),
    /// It has rectangles far apart: the Item's box says whether the antimeridian lies between them. Without a box it does.
    Several(Option<(f64, f64)>),
}

fn center_of(part: &Part, footprint: u32) -> Center {
    let rects = part.space().rects(footprint);
    let (east, west): (Vec<_>, Vec<_>) = rects.iter().partition(|rect| rect.min().x >= 0.0);
    let crosses = rects.len() > 1 && !east.is_empty() && !west.is_empty();
    let middle = |low: &[&Rect], high: &[&Rect]| {
        let south = rects.iter().map(|r| r.min().y).reduce(f64::min)?;
        let north = rects.iter().map(|r| r.max().y).reduce(f64::max)?;
        let first = low.iter().map(|r| r.min().x).reduce(f64::min)?;
        let last = high.iter().map(|r| r.max().x).reduce(f64::max)?;
        Some(Bbox { west: first.max(-180.0), south, east: last.min(180.0), north }.center())
    };
    if crosses {
        return Center::Several(middle(&east, &west));
    }
    let all: Vec<&Rect> = rects.iter().collect();
    Center::At(middle(&all, &all))
}

/// What the Item's document has for `bbox`.
fn box_of(snapshot: &Snapshot, at: RowId) -> Result<Option<Bbox>, SearchError> {
    let document = parsed(snapshot, snapshot.part(at), at.row)?;
    let corners = document.get("bbox").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let corners: Vec<f64> = corners.iter().filter_map(Value::as_f64).collect();
    Ok(Bbox::from_numbers(&corners).ok())
}
