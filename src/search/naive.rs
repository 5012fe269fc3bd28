//! Every question answered the plain way: each Item's document parsed, each rule of the question held against it. Tests hold
//! the planner against this.

mod footprint;

use std::cell::OnceCell;

use serde_json::Value;

use super::aggregate::{Aggregated, Tallied, Tally};
use super::aggregation::Aggregations;
use super::filter::{Operand, Record, operand};
use super::query::{Place, Search};
use super::sort::Rank;
use super::token::Token;
use crate::catalog::{RowId, Snapshot};
use crate::stac::{Bbox, ItemFacts, ItemTime, item_time, parse_geometry};
use footprint::Footprint;

/// Every Item of a snapshot, parsed.
#[derive(Debug)]
pub(super) struct Naive {
    items: Vec<Parsed>,
}

#[derive(Debug)]
struct Parsed {
    id: String,
    collection: String,
    document: Value,
    time: ItemTime,
    footprint: Option<Footprint>,
    /// Names that its bands answer to; read when first asked for.
    bands: OnceCell<Vec<String>>,
}

impl Naive {
    /// Reads every document.
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        Self { items: snapshot.rows().map(|at| Parsed::read(snapshot, at)).collect() }
    }

    /// Counts the Items that match.
    pub(super) fn aggregate(&self, search: &Search, wanted: &Aggregations) -> Vec<Aggregated> {
        let mut tally = Tally::new(wanted);
        for item in self.items.iter().filter(|item| item.matches(search)) {
            let property = |name: &str| item.properties().get(name);
            let has_shape = item.footprint.is_some();
            tally.add(&Tallied {
                start: item.time.start,
                collection: &item.collection,
                cloud_cover: property("eo:cloud_cover").and_then(Value::as_f64),
                platform: property("platform").and_then(Value::as_str),
                grid_code: property("grid:code").and_then(Value::as_str),
                center: bbox_of(&item.document).filter(|_| has_shape).map(|bbox| bbox.center()),
            });
        }
        tally.finish()
    }

    /// Where every Item that matches stands, in the order of answers; whatever the page.
    pub(super) fn ranked(&self, search: &Search) -> Vec<Rank> {
        let rank = |item: &Parsed| Rank {
            values: search.sort.iter().map(|key| key.value(&item.document)).collect(),
            start: item.time.start,
            id: item.id.clone(),
            collection: item.collection.clone(),
        };
        let mut found: Vec<Rank> = self.items.iter().filter(|item| item.matches(search)).map(rank).collect();
        found.sort_by(|a, b| a.compare(b, &search.sort));
        found
    }
}

/// Ids of a page's Items with those of their Collections, the number of all that match, and the token of the next page.
pub(super) fn page(ranked: &[Rank], search: &Search) -> (Vec<(String, String)>, u64, Option<Token>) {
    let last = search.token.as_ref().map(Token::rank);
    let from =
        last.map_or(0, |last| ranked.partition_point(|rank| rank.compare(&last, &search.sort).is_le()));
    let rest = &ranked[from..];
    let found = &rest[..rest.len().min(search.limit)];
    let next = found.last().filter(|_| found.len() < rest.len());
    let next = next.map(|rank| Token::after(rank.clone(), &search.sort));
    let ids = found.iter().map(|rank| (rank.collection.clone(), rank.id.clone()));
    (ids.collect(), ranked.len() as u64, next)
}

impl Parsed {
    fn read(snapshot: &Snapshot, at: RowId) -> Self {
        let document: Value = snapshot.body(at).expect("a body").parse().expect("JSON");
        let time = item_time(document.get("properties").unwrap_or(&Value::Null)).expect("a time");
        Self {
            id: snapshot.id(at),
            collection: snapshot.collection_id(at).to_owned(),
            footprint: footprint_of(&document),
            bands: OnceCell::new(),
            time,
            document,
        }
    }

    fn properties(&self) -> &Value {
        self.document.get("properties").unwrap_or(&Value::Null)
    }

    fn bands(&self) -> &[String] {
        self.bands.get_or_init(|| {
            ItemFacts::from_document(&self.document).map(|facts| facts.band_names()).unwrap_or_default()
        })
    }

    fn matches(&self, search: &Search) -> bool {
        let named = |list: &Option<Vec<String>>, id: &str| {
            list.as_ref().is_none_or(|ids| ids.iter().any(|i| i == id))
        };
        named(&search.collections, &self.collection)
            && named(&search.ids, &self.id)
            && search.interval.is_none_or(|asked| asked.meets(self.time.first, self.time.last))
            && search.max_cloud_cover.is_none_or(|most| {
                let cover = self.properties().get("eo:cloud_cover").and_then(Value::as_f64);
                cover.is_some_and(|cover| cover <= most)
            })
            && search.bands.iter().all(|band| self.bands().contains(band))
            && match (&search.place, &self.footprint) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(Place::Bbox(bbox)), Some(own)) => bbox.parts().iter().any(|rect| own.meets_rect(rect)),
                (Some(Place::Shape(shape)), Some(own)) => own.meets(shape),
            }
            && search.text.as_ref().is_none_or(|text| text.matches_item(&self.document))
            && search
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches(&Asked { item: self, names: filter.properties() }))
    }
}

/// An Item as a filter sees it: its shape on the plane, all else as the document has it.
struct Asked<'a> {
    item: &'a Parsed,
    names: &'a [String],
}

impl Record for Asked<'_> {
    fn value(&self, property: usize) -> Operand<'_> {
        match self.names[property].as_str() {
            "geometry" => match &self.item.footprint {
                Some(footprint) => Operand::Geometry(&footprint.geometry),
                None => Operand::Missing,
            },
            name => operand(&self.item.document, name),
        }
    }
}

fn bbox_of(document: &Value) -> Option<Bbox> {
    let corners = document.get("bbox").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let corners: Vec<f64> = corners.iter().filter_map(Value::as_f64).collect();
    Bbox::from_numbers(&corners).ok()
}

fn footprint_of(document: &Value) -> Option<Footprint> {
    let geometry = document.get("geometry").filter(|geometry| !geometry.is_null())?;
    Footprint::new(parse_geometry(geometry).ok()?, bbox_of(document))
}
