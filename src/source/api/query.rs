//! What is asked of an API.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::stac::{Bbox, format_instant};

/// A stretch of time, both ends in it.
pub type Window = (DateTime<Utc>, DateTime<Utc>);

/// Which Items are wanted.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Of which Collections; all when empty.
    pub collections: Vec<String>,
    /// Where.
    pub bbox: Option<Bbox>,
    /// Of which MGRS tile, such as `35VLH`.
    pub tile: Option<String>,
    /// With how many percent of clouds at most; an Item that does not tell does not match.
    pub max_cloud_cover: Option<f64>,
}

impl Query {
    /// The body of a search for one window.
    pub(super) fn body(&self, window: Option<Window>, limit: usize) -> Map<String, Value> {
        let mut body = Map::new();
        if !self.collections.is_empty() {
            body.insert("collections".to_owned(), json!(self.collections));
        }
        if let Some(bbox) = &self.bbox {
            body.insert("bbox".to_owned(), json!(bbox.to_array()));
        }
        if let Some((start, end)) = window {
            body.insert(
                "datetime".to_owned(),
                json!(format!("{}/{}", format_instant(start), format_instant(end))),
            );
        }
        body.insert("limit".to_owned(), json!(limit));
        body
    }

    /// What no API need know: the tile, by `grid:code`, `s2:mgrs_tile` or the id, and the cloud cover.
    #[must_use]
    pub fn matches(&self, item: &Value) -> bool {
        let property = |name: &str| item.get("properties")?.get(name);
        let text = |name: &str| property(name).and_then(Value::as_str);
        let is_cloudy = self.max_cloud_cover.is_some_and(|limit| {
            property("eo:cloud_cover").and_then(Value::as_f64).is_none_or(|cover| cover > limit)
        });
        let is_of_tile = self.tile.as_deref().is_none_or(|tile| {
            let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
            match text("grid:code").and_then(|code| code.strip_prefix("MGRS-")).or(text("s2:mgrs_tile")) {
                Some(own) => own == tile,
                None => {
                    id.split(['_', '-', '.']).any(|part| part == tile || part.strip_prefix('T') == Some(tile))
                }
            }
        });
        !is_cloudy && is_of_tile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_told_by_property_or_id() {
        let query = Query { tile: Some("35VLH".into()), ..Query::default() };
        assert!(query.matches(&json!({"id": "x", "properties": {"grid:code": "MGRS-35VLH"}})));
        assert!(query.matches(&json!({"id": "S2A_MSIL2A_T35VLH_2024", "properties": {}})));
        assert!(!query.matches(&json!({"id": "S2A_T35VLH_2024", "properties": {"s2:mgrs_tile": "35VLJ"}})));
        let query = Query { max_cloud_cover: Some(20.0), ..Query::default() };
        assert!(!query.matches(&json!({"id": "x", "properties": {}})));
        assert!(query.matches(&json!({"id": "x", "properties": {"eo:cloud_cover": 20}})));
    }
}
