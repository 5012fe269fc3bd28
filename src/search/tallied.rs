//! Aggregations from the columns of a snapshot.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use super::aggregate::{Aggregated, Tallied, Tally};
use super::aggregation::Aggregations;
use super::backend::SearchError;
use super::plan::{Plan, Question};
use super::query::Search;
use crate::catalog::{Cell, Holding, Part, RowId, Snapshot};
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
    let mut centers: HashMap<(u32, u32), Option<(f64, f64)>> = HashMap::new();
    for at in rows {
        let part = snapshot.part(at);
        let footprint = part.space().footprint_of(at.row);
        let center = footprint.and_then(|footprint| {
            *centers.entry((at.part, footprint)).or_insert_with(|| center_of(part, footprint))
        });
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
    let cell = match snapshot.part(at).property(name) {
        Holding::Column(column) => column.get(at.row),
        Holding::NoItemHasIt => Cell::Missing,
        Holding::Elsewhere => Cell::Elsewhere,
    };
    Ok(match cell {
        Cell::Number(number) => Counted::Number(number),
        Cell::Text(text) => Counted::Text(Cow::Borrowed(text)),
        Cell::Instant(instant, style) => Counted::Text(Cow::Owned(style.write(instant))),
        Cell::Missing | Cell::Null | Cell::Bool(_) => Counted::Neither,
        Cell::Elsewhere => {
            let document: Value = super::memory::unpacked(snapshot, at)?.parse().unwrap_or_default();
            let value = document.get("properties").and_then(|properties| properties.get(name));
            match value {
                Some(Value::Number(number)) => number.as_f64().map_or(Counted::Neither, Counted::Number),
                Some(Value::String(text)) => Counted::Text(Cow::Owned(text.clone())),
                _ => Counted::Neither,
            }
        }
    })
}

/// The middle of a footprint; of one on both sides of the antimeridian, the middle of the box that crosses it.
fn center_of(part: &Part, footprint: u32) -> Option<(f64, f64)> {
    let rects = part.space().rects(footprint);
    let (east, west): (Vec<_>, Vec<_>) = rects.iter().partition(|rect| rect.min().x >= 0.0);
    let south = rects.iter().map(|r| r.min().y).reduce(f64::min)?;
    let north = rects.iter().map(|r| r.max().y).reduce(f64::max)?;
    let crosses = rects.len() > 1 && !east.is_empty() && !west.is_empty();
    let (low, high): (&[_], &[_]) = if crosses { (&east, &west) } else { (&rects, &rects) };
    let first = low.iter().map(|r| r.min().x).reduce(f64::min)?;
    let last = high.iter().map(|r| r.max().x).reduce(f64::max)?;
    let bbox = Bbox { west: first.max(-180.0), south, east: last.min(180.0), north };
    Some(bbox.center())
}
