//! Every question answered the plain way: each Item's document parsed, each rule of the question held against it.
//!
//! Cost: O(n) parsed documents a question. It is right before it is fast, so that it can be held against what is fast.

use serde_json::{Map, Value};

use super::aggregate::{Aggregated, Tallied, Tally};
use super::aggregation::Aggregations;
use super::backend::Page;
use super::memory::item;
use super::query::{Place, Search};
use super::queryables::{Observed, Queryable};
use super::sort::Rank;
use super::token::Token;
use crate::catalog::Snapshot;
use crate::stac::{Bbox, ItemFacts, item_time};

/// Answers one search.
pub(super) fn page(snapshot: &Snapshot, search: &Search) -> Page {
    let mut found = ranked(snapshot, search);
    let matched = found.len() as u64;
    if let Some(last) = search.token.as_ref().map(Token::rank) {
        found.retain(|(rank, _)| rank.compare(&last, &search.sort).is_gt());
    }
    let more = found.len() > search.limit;
    found.truncate(search.limit);
    let next = found.last().filter(|_| more).map(|(rank, _)| Token::after(rank.clone(), &search.sort));
    Page { items: found.iter().map(|(_, row)| item(snapshot, *row)).collect(), matched, next }
}

/// The rows that match, in the order of the answer; `limit` and `token` do not count.
pub(super) fn rows(snapshot: &Snapshot, search: &Search) -> Vec<u32> {
    ranked(snapshot, search).into_iter().map(|(_, row)| row).collect()
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

/// What the Items of a Collection, or of all, hold.
pub(super) fn queryables(snapshot: &Snapshot, collection: Option<&str>) -> Vec<Queryable> {
    let mut observed = Observed::default();
    for row in every(snapshot).filter(|row| collection.is_none_or(|id| snapshot.collection_id(*row) == id)) {
        let document = parsed(snapshot, row);
        if let Some(properties) = document.get("properties").and_then(Value::as_object) {
            observed.add(properties);
        }
    }
    observed.finish()
}

fn ranked(snapshot: &Snapshot, search: &Search) -> Vec<(Rank, u32)> {
    let mut found: Vec<(Rank, u32)> = every(snapshot)
        .filter_map(|row| {
            let document = parsed(snapshot, row);
            matches(snapshot, row, &document, search).then(|| {
                let rank = Rank {
                    values: search.sort.iter().map(|key| key.value(&document)).collect(),
                    start: snapshot.start(row),
                    id: snapshot.id(row).to_owned(),
                    collection: snapshot.collection_id(row).to_owned(),
                };
                (rank, row)
            })
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| a.compare(b, &search.sort));
    found
}

fn matches(snapshot: &Snapshot, row: u32, document: &Value, search: &Search) -> bool {
    let named =
        |list: &Option<Vec<String>>, id: &str| list.as_ref().is_none_or(|ids| ids.iter().any(|i| i == id));
    let properties = document.get("properties").unwrap_or(&Value::Null);
    named(&search.collections, snapshot.collection_id(row))
        && named(&search.ids, snapshot.id(row))
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
            Some(Place::Bbox(bbox)) => snapshot.meets_rects(row, &bbox.parts()),
            Some(Place::Shape(shape)) => snapshot.meets(row, shape),
        }
        && search.text.as_ref().is_none_or(|text| text.matches_item(document))
        && search.filter.as_ref().is_none_or(|filter| filter.matches(document))
}

fn every(snapshot: &Snapshot) -> std::ops::Range<u32> {
    0..u32::try_from(snapshot.len()).unwrap_or(u32::MAX)
}

/// The document; every body was JSON when it was taken in.
fn parsed(snapshot: &Snapshot, row: u32) -> Value {
    snapshot.body(row).parse().unwrap_or(Value::Object(Map::new()))
}
