//! Raw parameters become one checked [`Search`].

use geo::{CoordsIter, Geometry};
use serde_json::Value;

use super::fields::Fields;
use super::filter::{Filter, FilterError};
use super::params::{ParamError, Params};
use super::sort::SortKey;
use super::text::TextQuery;
use super::token::Token;
use crate::stac::{Bbox, Interval, parse_geometry};

/// Items on a page when the client does not say.
pub const DEFAULT_LIMIT: usize = 100;

/// The largest page; a larger `limit` is clamped to it.
pub const MAX_LIMIT: usize = 10_000;

/// Most positions of `intersects`.
const MAX_POSITIONS: usize = 100_000;

/// Documents on one page, in bytes: the one that reaches this is the last, whatever `limit` says, and another page follows.
pub const MAX_PAGE_BYTES: usize = 64 << 20;

/// The parameters of `/search`.
pub const PARAMETERS: [&str; 16] = [
    "collections",
    "ids",
    "bbox",
    "datetime",
    "intersects",
    "limit",
    "token",
    "bands",
    "max_cloud_cover",
    "filter",
    "filter-lang",
    "filter-crs",
    "query",
    "sortby",
    "fields",
    "q",
];

/// The only reference system that the shapes of a filter may be in.
const FILTER_CRS: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";

/// A question that has been checked. All of its parts must hold.
#[derive(Debug, Clone)]
pub struct Search {
    /// Only Items of these Collections.
    pub collections: Option<Vec<String>>,
    /// Only Items with these ids.
    pub ids: Option<Vec<String>>,
    /// Only Items whose footprint meets this.
    pub place: Option<Place>,
    /// Only Items that meet this time.
    pub interval: Option<Interval>,
    /// Only Items that have all of these bands.
    pub bands: Vec<String>,
    /// Only Items whose `eo:cloud_cover` is there and at most this, in percent.
    pub max_cloud_cover: Option<f64>,
    /// Only Items that this holds for: `filter` and `query` together.
    pub filter: Option<Filter>,
    /// Only Items in which one of these terms occurs.
    pub text: Option<TextQuery>,
    /// What Items are ordered by before the ties that every order ends with.
    pub sort: Vec<SortKey>,
    /// What to show of each Item; `None`: all of it.
    pub fields: Option<Fields>,
    /// Items on the page, 1 to [`MAX_LIMIT`].
    pub limit: usize,
    /// Where the page begins.
    pub token: Option<Token>,
}

/// A place to search in.
#[derive(Debug, Clone)]
pub enum Place {
    /// A box in longitude and latitude.
    Bbox(Bbox),
    /// Any shape in longitude and latitude.
    Shape(Geometry),
}

impl Default for Search {
    fn default() -> Self {
        Self {
            collections: None,
            ids: None,
            place: None,
            interval: None,
            bands: Vec::new(),
            max_cloud_cover: None,
            filter: None,
            text: None,
            sort: Vec::new(),
            fields: None,
            limit: DEFAULT_LIMIT,
            token: None,
        }
    }
}

impl Search {
    /// Reads all parameters of `/search`; any other name is an error.
    ///
    /// # Errors
    /// Names the parameter and what was expected.
    pub fn read(params: Params) -> Result<Self, ParamError> {
        Self::read_beside(params, &[])
    }

    /// Reads all parameters of `/search` where `others` have been read already; any other name is an error.
    ///
    /// # Errors
    /// As [`Search::read`].
    pub fn read_beside(mut params: Params, others: &[&str]) -> Result<Self, ParamError> {
        let mut search = Self::read_selection(&mut params)?;
        search.bands = params.texts("bands")?.unwrap_or_default();
        let bbox = read_bbox(&mut params, "bbox")?;
        let shape = params.json("intersects")?.map(|value| {
            let invalid = |problem: String| ParamError::Invalid { name: "intersects".to_owned(), problem };
            let shape = parse_geometry(&value).map_err(|error| invalid(error.to_string()))?;
            let positions = shape.coords_count();
            if positions > MAX_POSITIONS {
                let problem =
                    format!("{positions} positions are more than the {MAX_POSITIONS} that are read");
                return Err(invalid(problem));
            }
            Ok(shape)
        });
        search.place = match (bbox, shape.transpose()?) {
            (Some(_), Some(_)) => {
                let problem = "give either bbox or intersects, not both".to_owned();
                return Err(ParamError::Invalid { name: "bbox".to_owned(), problem });
            }
            (Some(bbox), None) => Some(Place::Bbox(bbox)),
            (None, Some(shape)) => Some(Place::Shape(shape)),
            (None, None) => None,
        };
        search.limit = read_limit(&mut params)?.unwrap_or(DEFAULT_LIMIT);
        search.text = TextQuery::read(&mut params)?;
        search.fields = Fields::read(&mut params)?;
        search.sort = SortKey::read(&mut params)?;
        search.token = read_token(&mut params, &search.sort)?;
        params.finish(&[&PARAMETERS, others].concat())?;
        Ok(search)
    }

    /// True when every Item matches.
    #[must_use]
    pub fn asks_for_all(&self) -> bool {
        self.collections.is_none()
            && self.ids.is_none()
            && self.place.is_none()
            && self.interval.is_none()
            && self.bands.is_empty()
            && self.max_cloud_cover.is_none()
            && self.filter.is_none()
            && self.text.is_none()
    }

    /// Reads the parameters that choose Items whatever they are wanted for: `collections`, `ids`, `datetime`,
    /// `max_cloud_cover`, `filter` with its language and reference system, `query`.
    ///
    /// # Errors
    /// Names the parameter and what was expected.
    pub fn read_selection(params: &mut Params) -> Result<Self, ParamError> {
        let interval = read_interval(params)?;
        let max_cloud_cover = params.number("max_cloud_cover")?;
        if max_cloud_cover.is_some_and(|percent| !(0.0..=100.0).contains(&percent)) {
            let problem = "expected a percentage from 0 to 100".to_owned();
            return Err(ParamError::Invalid { name: "max_cloud_cover".to_owned(), problem });
        }
        Ok(Self {
            collections: params.texts("collections")?,
            ids: params.texts("ids")?,
            interval,
            max_cloud_cover,
            filter: read_filter(params)?,
            ..Self::default()
        })
    }
}

/// Reads `filter` and `query` into one predicate.
pub(super) fn read_filter(params: &mut Params) -> Result<Option<Filter>, ParamError> {
    let invalid = |name: &str, problem: String| ParamError::Invalid { name: name.to_owned(), problem };
    let of_filter = |error: FilterError| invalid("filter", error.to_string());
    let language = params.text("filter-lang")?;
    if let Some(other) = language.as_deref().filter(|name| !["cql2-text", "cql2-json"].contains(name)) {
        return Err(invalid(
            "filter-lang",
            format!("expected cql2-text or cql2-json, found '{}'", shown(other)),
        ));
    }
    if let Some(crs) = params.text("filter-crs")?
        && crs != FILTER_CRS
    {
        return Err(invalid(
            "filter-crs",
            format!("expected {FILTER_CRS}, longitude before latitude in degrees"),
        ));
    }
    let filter = match (params.value("filter"), language.as_deref()) {
        (None, _) => None,
        (Some(Value::String(text)), Some("cql2-json")) => {
            let value = serde_json::from_str(&text)
                .map_err(|error| invalid("filter", format!("expected CQL2 JSON: {error}")))?;
            Some(Filter::from_json(&value).map_err(of_filter)?)
        }
        (Some(Value::String(text)), _) => Some(Filter::from_text(&text).map_err(of_filter)?),
        (Some(_), Some("cql2-text")) => {
            return Err(invalid("filter", "expected a string, since filter-lang is cql2-text".to_owned()));
        }
        (Some(value), _) => Some(Filter::from_json(&value).map_err(of_filter)?),
    };
    let query = match params.json("query")? {
        Some(value) => Some(Filter::from_query(&value).map_err(|error| invalid("query", error.to_string()))?),
        None => None,
    };
    Ok(match (filter, query) {
        (Some(filter), Some(query)) => Some(filter.and(query)),
        (filter, query) => filter.or(query),
    })
}

/// Reads `limit`, clamped to [`MAX_LIMIT`].
pub(super) fn read_limit(params: &mut Params) -> Result<Option<usize>, ParamError> {
    let limit = params.integer("limit", 1)?;
    Ok(limit.map(|limit| usize::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT)))
}

/// Reads `datetime`.
pub(super) fn read_interval(params: &mut Params) -> Result<Option<Interval>, ParamError> {
    let read = |text: String| {
        Interval::parse(&text)
            .map_err(|e| ParamError::Invalid { name: "datetime".to_owned(), problem: e.to_string() })
    };
    params.text("datetime")?.map(read).transpose()
}

/// Reads `token`, which belongs to the order of `sort`.
pub(super) fn read_token(params: &mut Params, sort: &[SortKey]) -> Result<Option<Token>, ParamError> {
    let read = |text: String| {
        Token::decode(&text)
            .and_then(|token| token.ordered_by(sort))
            .map_err(|e| ParamError::Invalid { name: "token".to_owned(), problem: e.to_string() })
    };
    params.text("token")?.map(read).transpose()
}

/// The beginning of a client's text, short enough to repeat.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Reads a box.
///
/// # Errors
/// Names the parameter and what is wrong with its numbers.
pub fn read_bbox(params: &mut Params, name: &str) -> Result<Option<Bbox>, ParamError> {
    let checked = |numbers: Vec<f64>| {
        Bbox::from_numbers(&numbers)
            .map_err(|e| ParamError::Invalid { name: name.to_owned(), problem: e.to_string() })
    };
    params.numbers(name)?.map(checked).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Search, ParamError> {
        Search::read(Params::from_body(body.as_bytes())?)
    }

    #[test]
    fn limits_are_clamped_above_and_refused_below() {
        assert_eq!(read("{}").expect("a search").limit, DEFAULT_LIMIT);
        assert_eq!(read(r#"{"limit": 1000000}"#).expect("a search").limit, MAX_LIMIT);
        for bad in ["0", "-1", "1.5", "\"10\""] {
            assert!(read(&format!(r#"{{"limit": {bad}}}"#)).is_err(), "{bad}");
        }
    }

    #[test]
    fn bbox_and_intersects_exclude_each_other() {
        let both = r#"{"bbox":[0,0,1,1],"intersects":{"type":"Point","coordinates":[0,0]}}"#;
        assert!(read(both).is_err());
    }

    #[test]
    fn a_filter_is_text_or_json_and_both_forms_may_be_named() {
        let json = r#"{"op":"<","args":[{"property":"eo:cloud_cover"},20]}"#;
        let quoted = Value::from(json).to_string();
        for good in [
            r#"{"filter": "eo:cloud_cover < 20"}"#.to_owned(),
            r#"{"filter": "eo:cloud_cover < 20", "filter-lang": "cql2-text"}"#.to_owned(),
            format!(r#"{{"filter": {json}}}"#),
            format!(r#"{{"filter": {json}, "filter-lang": "cql2-json", "filter-crs": "{FILTER_CRS}"}}"#),
            format!(r#"{{"filter": {quoted}, "filter-lang": "cql2-json"}}"#),
            r#"{"query": {"eo:cloud_cover": {"lt": 20}}}"#.to_owned(),
        ] {
            assert!(read(&good).expect(&good).filter.is_some(), "{good}");
        }
    }

    #[test]
    fn faults_of_filters_name_the_parameter() {
        for (bad, name) in [
            (r#"{"filter": "eo:cloud_cover <"}"#, "filter"),
            (r#"{"filter": 5}"#, "filter"),
            (r#"{"filter": {"op": "=", "args": [1, 1]}, "filter-lang": "cql2-text"}"#, "filter"),
            (r#"{"filter": "{", "filter-lang": "cql2-json"}"#, "filter"),
            (r#"{"filter-lang": "cql-text"}"#, "filter-lang"),
            (r#"{"filter-crs": "EPSG:4326"}"#, "filter-crs"),
            (r#"{"query": "eo:cloud_cover<20"}"#, "query"),
            (r#"{"query": {"eo:cloud_cover": {"below": 20}}}"#, "query"),
            (r#"{"query": {"eo:cloud_cover": 20}}"#, "query"),
        ] {
            let error = read(bad).expect_err(bad);
            assert!(error.to_string().starts_with(&format!("{name}: ")), "{bad}: {error}");
        }
    }

    #[test]
    fn a_token_of_another_order_is_refused_by_name() {
        let first = Token {
            start: chrono::DateTime::UNIX_EPOCH,
            id: "a".into(),
            collection: "c".into(),
            sort: vec![],
        };
        let token = first.encode();
        assert!(read(&format!(r#"{{"token": "{token}"}}"#)).is_ok());
        let error =
            read(&format!(r#"{{"token": "{token}", "sortby": "-datetime"}}"#)).expect_err("another order");
        assert!(error.to_string().starts_with("token: the token belongs to another order"), "{error}");
    }
}
