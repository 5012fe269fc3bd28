//! Raw parameters become one checked [`Search`].

use geo::Geometry;

use super::params::{ParamError, Params};
use super::token::Token;
use crate::stac::{Bbox, Interval, parse_geometry};

/// Items on a page when the client does not say.
pub const DEFAULT_LIMIT: usize = 100;

/// The largest page; a larger `limit` is clamped to it.
pub const MAX_LIMIT: usize = 10_000;

/// The parameters of `/search`.
pub const PARAMETERS: [&str; 9] =
    ["collections", "ids", "bbox", "datetime", "intersects", "limit", "token", "bands", "max_cloud_cover"];

/// Parameters that later versions answer.
const NOT_BUILT: [&str; 7] = ["filter", "filter-lang", "filter-crs", "query", "sortby", "fields", "q"];

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
    pub fn read(mut params: Params) -> Result<Self, ParamError> {
        let mut search = Self::read_selection(&mut params)?;
        search.bands = params.texts("bands")?.unwrap_or_default();
        let bbox = read_bbox(&mut params, "bbox")?;
        let shape = params.json("intersects")?.map(|value| {
            parse_geometry(&value)
                .map_err(|e| ParamError::Invalid { name: "intersects".to_owned(), problem: e.to_string() })
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
        if let Some(limit) = params.integer("limit", 1)? {
            search.limit = usize::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
        }
        search.token = match params.text("token")? {
            Some(text) => Some(
                Token::decode(&text)
                    .map_err(|e| ParamError::Invalid { name: "token".to_owned(), problem: e.to_string() })?,
            ),
            None => None,
        };
        params.finish(&PARAMETERS)?;
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
    }

    /// Reads the parameters that choose Items whatever they are wanted for: `collections`, `ids`, `datetime`,
    /// `max_cloud_cover`.
    ///
    /// # Errors
    /// Names the parameter and what was expected.
    pub fn read_selection(params: &mut Params) -> Result<Self, ParamError> {
        params.not_built(&NOT_BUILT, "; leave it out")?;
        let interval =
            match params.text("datetime")? {
                Some(text) => Some(Interval::parse(&text).map_err(|e| ParamError::Invalid {
                    name: "datetime".to_owned(),
                    problem: e.to_string(),
                })?),
                None => None,
            };
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
            ..Self::default()
        })
    }
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
    fn what_is_not_built_is_refused_by_name() {
        for name in NOT_BUILT {
            let error = read(&format!(r#"{{"{name}": {{}}}}"#)).expect_err("not built");
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
