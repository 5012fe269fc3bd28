//! Every question answered the plain way: each Item's document parsed, each rule of the question held against it. Tests hold
//! the planner against this.

mod footprint;

use serde_json::{Map, Value};

use super::aggregate::{Aggregated, Tallied, Tally};
use super::aggregation::Aggregations;
use super::filter::Document;
use super::query::{Place, Search};
use super::sort::Rank;
use super::token::Token;
use crate::catalog::{RowId, Snapshot};
use crate::stac::{Bbox, ItemFacts, item_time, parse_geometry};
use footprint::Footprint;

/// Ids of a page's Items with those of their Collections, the number of all that match, and the token of the next page.
pub(super) fn page(snapshot: &Snapshot, search: &Search) -> (Vec<(String, String)>, u64, Option<Token>) {
    let mut found = ranked(snapshot, search);
    let matched = found.len() as u64;
    if let Some(last) = search.token.as_ref().map(Token::rank) {
        found.retain(|(rank, _)| rank.compare(&last, &search.sort).is_gt());
    }
    let more = found.len() > search.limit;
    found.truncate(search.limit);
    let next = found.last().filter(|_| more).map(|(rank, _)| Token::after(rank.clone(), &search.sort));
    (found.into_iter().map(|(rank, _)| (rank.collection, rank.id)).collect(), matched, next)
}

/// Counts the Items that match.
pub(super) fn aggregate(snapshot: &Snapshot, search: &Search, wanted: &Aggregations) -> Vec<Aggregated> {
    let mut tally = Tally::new(wanted);
    for row in every(snapshot) {
        let document = parsed(snapshot, row);
        if !matches(snapshot, row, &document, search) {
            continue;
        }
        let property = |name: &str| document.get("properties").and_then(|properties| properties.get(name));
        let corners = document.get("bbox").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let corners: Vec<f64> = corners.iter().filter_map(Value::as_f64).collect();
        tally.add(&Tallied {
            start: snapshot.start(row),
            collection: snapshot.collection_id(row),
            cloud_cover: property("eo:cloud_cover").and_then(Value::as_f64),
            platform: property("platform").and_then(Value::as_str),
            grid_code: property("grid:code").and_then(Value::as_str),
            center: Bbox::from_numbers(&corners).ok().map(|bbox| bbox.center()),
        });
    }
    tally.finish()
}

fn ranked(snapshot: &Snapshot, search: &Search) -> Vec<(Rank, RowId)> {
    let mut found: Vec<(Rank, RowId)> = every(snapshot)
        .filter_map(|row| {
            let document = parsed(snapshot, row);
            matches(snapshot, row, &document, search).then(|| {
                let rank = Rank {
                    values: search.sort.iter().map(|key| key.value(&document)).collect(),
                    start: snapshot.start(row),
                    id: snapshot.id(row),
                    collection: snapshot.collection_id(row).to_owned(),
                };
                (rank, row)
            })
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| a.compare(b, &search.sort));
    found
}

fn matches(snapshot: &Snapshot, row: RowId, document: &Value, search: &Search) -> bool {
    let named =
        |list: &Option<Vec<String>>, id: &str| list.as_ref().is_none_or(|ids| ids.iter().any(|i| i == id));
    let properties = document.get("properties").unwrap_or(&Value::Null);
    named(&search.collections, snapshot.collection_id(row))
        && named(&search.ids, &snapshot.id(row))
        && search
            .interval
            .is_none_or(|asked| item_time(properties).is_ok_and(|t| asked.meets(t.first, t.last)))
        && search.max_cloud_cover.is_none_or(|most| {
            properties.get("eo:cloud_cover").and_then(Value::as_f64).is_some_and(|cover| cover <= most)
        })
        && (search.bands.is_empty() || {
            let names =
                ItemFacts::from_document(document).map(|facts| facts.band_names()).unwrap_or_default();
            search.bands.iter().all(|band| names.contains(band))
        })
        && match &search.place {
            None => true,
            Some(Place::Bbox(bbox)) => {
                footprint_of(document).is_some_and(|f| bbox.parts().iter().any(|rect| f.meets_rect(rect)))
            }
            Some(Place::Shape(shape)) => footprint_of(document).is_some_and(|f| f.meets(shape)),
        }
        && search.text.as_ref().is_none_or(|text| text.matches_item(document))
        && search
            .filter
            .as_ref()
            .is_none_or(|filter| filter.matches(&Document::new(document, filter.properties())))
}

fn footprint_of(document: &Value) -> Option<Footprint> {
    let geometry = document.get("geometry").filter(|geometry| !geometry.is_null())?;
    let corners = document.get("bbox").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let corners: Vec<f64> = corners.iter().filter_map(Value::as_f64).collect();
    Footprint::new(parse_geometry(geometry).ok()?, Bbox::from_numbers(&corners).ok())
}

fn every(snapshot: &Snapshot) -> impl Iterator<Item = RowId> {
    (0..).zip(snapshot.views()).flat_map(|(part, view)| {
        (0..view.part.len()).filter(|row| view.shows(*row)).map(move |row| RowId { part, row })
    })
}

/// The document; every body was JSON when it was taken in.
fn parsed(snapshot: &Snapshot, row: RowId) -> Value {
    snapshot.body(row).expect("a body").parse().unwrap_or(Value::Object(Map::new()))
}
