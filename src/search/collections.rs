//! Collection search: the Collections that a question chooses.
//!
//! There are few of them, so that each question looks at all: cost O(n) documents. A filter and `sortby` see a Collection as
//! if it were an Item whose properties are the Collection's own members, with `start_datetime`, `end_datetime` and
//! `datetime` (its start) from its extent, and its box as geometry.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::backend::Collection;
use super::fields::Fields;
use super::filter::{Document, Filter};
use super::params::{ParamError, Params};
use super::query::{MAX_LIMIT, read_bbox, read_filter, read_interval, read_limit, read_token};
use super::sort::{Rank, SortKey};
use super::text::TextQuery;
use super::token::Token;
use crate::stac::{Bbox, Interval, parse_instant};

/// A question for Collections. All of its parts must hold.
#[derive(Debug, Clone)]
pub struct CollectionSearch {
    bbox: Option<Bbox>,
    interval: Option<Interval>,
    text: Option<TextQuery>,
    filter: Option<Filter>,
    sort: Vec<SortKey>,
    /// What to show of each Collection; `None`: all of it.
    pub fields: Option<Fields>,
    limit: usize,
    token: Option<Token>,
}

/// One page of Collections.
#[derive(Debug)]
pub struct CollectionPage {
    /// The Collections of the page: by `sortby`, then by id.
    pub collections: Vec<Collection>,
    /// Collections that match in all.
    pub matched: u64,
    /// The token of the page that follows, when one does.
    pub next: Option<Token>,
}

impl CollectionSearch {
    /// The parameters of `/collections`.
    pub const PARAMETERS: [&str; 11] = [
        "bbox",
        "datetime",
        "limit",
        "token",
        "q",
        "filter",
        "filter-lang",
        "filter-crs",
        "query",
        "sortby",
        "fields",
    ];

    /// Reads the parameters of `/collections`; any other name is an error. A page holds 10,000 Collections unless `limit`
    /// says less, because older clients do not look for a second page.
    ///
    /// # Errors
    /// Names the parameter and what was expected.
    pub fn read(mut params: Params) -> Result<Self, ParamError> {
        let sort = SortKey::read(&mut params)?;
        let search = Self {
            bbox: read_bbox(&mut params, "bbox")?,
            interval: read_interval(&mut params)?,
            text: TextQuery::read(&mut params)?,
            filter: read_filter(&mut params)?,
            fields: Fields::read(&mut params)?,
            limit: read_limit(&mut params)?.unwrap_or(MAX_LIMIT),
            token: read_token(&mut params, &sort)?,
            sort,
        };
        params.finish(&Self::PARAMETERS)?;
        Ok(search)
    }

    /// The page of `all` that the question asks for.
    #[must_use]
    pub fn page(&self, all: Vec<Collection>) -> CollectionPage {
        let mut found: Vec<(Rank, Collection)> = all
            .into_iter()
            .filter_map(|collection| {
                let seen = as_item(&collection);
                self.matches(&collection.document, &seen)
                    .then(|| (self.rank(&collection.id, &seen), collection))
            })
            .collect();
        found.sort_by(|(a, _), (b, _)| a.compare(b, &self.sort));
        let matched = found.len() as u64;
        if let Some(last) = self.token.as_ref().map(Token::rank) {
            found.retain(|(rank, _)| rank.compare(&last, &self.sort).is_gt());
        }
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = found.last().filter(|_| more).map(|(rank, _)| Token::after(rank.clone(), &self.sort));
        CollectionPage {
            collections: found.into_iter().map(|(_, collection)| collection).collect(),
            matched,
            next,
        }
    }

    fn matches(&self, document: &Value, seen: &Value) -> bool {
        self.bbox.is_none_or(|bbox| boxes(document).any(|own| meets(&own, &bbox)))
            && self.interval.is_none_or(|asked| {
                intervals(document).any(|(first, last)| {
                    asked.meets(
                        first.unwrap_or(DateTime::<Utc>::MIN_UTC),
                        last.unwrap_or(DateTime::<Utc>::MAX_UTC),
                    )
                })
            })
            && self.text.as_ref().is_none_or(|text| text.matches_collection(document))
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches(&Document::new(seen, filter.properties())))
    }

    fn rank(&self, id: &str, seen: &Value) -> Rank {
        // All start at once, so that what the keys leave equal is in the order of ids.
        Rank {
            values: self.sort.iter().map(|key| key.value(seen)).collect(),
            start: DateTime::UNIX_EPOCH,
            id: id.to_owned(),
            collection: String::new(),
        }
    }
}

/// The boxes of a Collection. Where it has several, the first is the one around the others, which say more.
fn boxes(document: &Value) -> impl Iterator<Item = Bbox> {
    let list = document.pointer("/extent/spatial/bbox").and_then(Value::as_array).map(Vec::as_slice);
    let list = match list.unwrap_or_default() {
        [_, parts @ ..] if !parts.is_empty() => parts,
        list => list,
    };
    list.iter().filter_map(|numbers| {
        let numbers: Option<Vec<f64>> = numbers.as_array()?.iter().map(Value::as_f64).collect();
        Bbox::from_numbers(&numbers?).ok()
    })
}

/// The times of a Collection, as [`boxes`]; `None` is an open end.
fn intervals(document: &Value) -> impl Iterator<Item = (Option<DateTime<Utc>>, Option<DateTime<Utc>>)> {
    let list = document.pointer("/extent/temporal/interval").and_then(Value::as_array).map(Vec::as_slice);
    let list = match list.unwrap_or_default() {
        [_, parts @ ..] if !parts.is_empty() => parts,
        list => list,
    };
    let end = |value: &Value| value.as_str().and_then(|text| parse_instant(text).ok());
    list.iter()
        .filter_map(Value::as_array)
        .map(move |ends| (ends.first().and_then(end), ends.get(1).and_then(end)))
}

fn meets(a: &Bbox, b: &Bbox) -> bool {
    let parts = b.parts();
    a.parts().iter().any(|a| {
        parts.iter().any(|b| {
            a.min().x <= b.max().x
                && b.min().x <= a.max().x
                && a.min().y <= b.max().y
                && b.min().y <= a.max().y
        })
    })
}

/// A Collection as filters and sort keys see it.
fn as_item(collection: &Collection) -> Value {
    let document = &collection.document;
    let mut properties = document.as_object().cloned().unwrap_or_default();
    let end = |at: usize| document.pointer(&format!("/extent/temporal/interval/0/{at}")).cloned();
    for (name, value) in [("start_datetime", end(0)), ("end_datetime", end(1)), ("datetime", end(0))] {
        properties.insert(name.to_owned(), value.unwrap_or_default());
    }
    let geometry = boxes(document).next().map(|bbox| {
        let rings = bbox.parts().into_iter().map(|rect| {
            let ((w, s), (e, n)) = (rect.min().x_y(), rect.max().x_y());
            json!([[[w, s], [e, s], [e, n], [w, n], [w, s]]])
        });
        json!({"type": "MultiPolygon", "coordinates": rings.collect::<Vec<_>>()})
    });
    json!({"id": collection.id, "collection": collection.id, "geometry": geometry, "properties": properties})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(id: &str, bbox: &Value, interval: &Value) -> Collection {
        let document = json!({"id": id, "title": format!("Title of {id}"), "keywords": ["Radar"], "license": "MIT",
            "extent": {"spatial": {"bbox": bbox}, "temporal": {"interval": interval}}});
        Collection { id: id.to_owned(), document }
    }

    fn all() -> Vec<Collection> {
        vec![
            collection("c", &json!([[170, -10, -170, 10]]), &json!([["2020-01-01T00:00:00Z", null]])),
            collection(
                "a",
                &json!([[0, 0, 50, 50], [0, 0, 1, 1], [49, 49, 50, 50]]),
                &json!([[null, "2010-01-01T00:00:00Z"]]),
            ),
            collection(
                "b",
                &json!([[0, 0, 50, 50]]),
                &json!([["2000-01-01T00:00:00Z", "2005-01-01T00:00:00Z"]]),
            ),
        ]
    }

    fn page(body: &Value) -> CollectionPage {
        let params = Params::from_body(body.to_string().as_bytes()).expect("params");
        CollectionSearch::read(params).expect("a question").page(all())
    }

    fn ids(page: &CollectionPage) -> String {
        page.collections.iter().map(|c| c.id.as_str()).collect()
    }

    #[test]
    fn each_parameter_chooses() {
        for (question, expected) in [
            (json!({}), "abc"),
            (json!({"bbox": [20, 20, 30, 30]}), "b"),
            (json!({"bbox": [-175, 0, -174, 1]}), "c"),
            (json!({"datetime": "2007-01-01T00:00:00Z/.."}), "ac"),
            (json!({"q": ["title of b", "nothing"]}), "b"),
            (json!({"q": "radar"}), "abc"),
            (json!({"filter": "id = 'a' OR title = 'Title of c'"}), "ac"),
            (json!({"query": {"license": {"eq": "MIT"}}}), "abc"),
            (json!({"sortby": "-id"}), "cba"),
            (json!({"sortby": "start_datetime"}), "bca"),
        ] {
            assert_eq!(ids(&page(&question)), expected, "{question}");
        }
    }

    #[test]
    fn pages_give_each_collection_once() {
        for sortby in ["id", "-license", "-start_datetime"] {
            let whole = ids(&page(&json!({"sortby": sortby})));
            let (mut walked, mut token) = (String::new(), Value::Null);
            loop {
                let page = page(&json!({"sortby": sortby, "limit": 1, "token": token}));
                assert_eq!(page.matched, 3);
                walked.push_str(&ids(&page));
                match page.next {
                    Some(next) => token = next.encode().into(),
                    None => break,
                }
            }
            assert_eq!(walked, whole, "{sortby}");
        }
    }
}
