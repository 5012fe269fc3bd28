//! The columns of a table, found by a first pass over the Items that it will hold.
//!
//! In: every Item, once. Out: a [`Schema`], which a [`TableWriter`](super::TableWriter) writes the same Items by. Memory
//! is that of the different fields, not of the Items.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow_schema::extension::Json;
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use serde_json::Value;

use super::TableError;
use super::fields::{INSTANTS, bbox_names, bbox_numbers, fields_of};
use super::kind::Kind;

/// A table has at most this many Parquet columns: the writer holds a page of each.
const MAX_COLUMNS: usize = 10_000;

/// The zone that instants are written in.
const UTC: &str = "UTC";

/// Finds the columns that hold all Items it has seen.
#[derive(Debug)]
pub(crate) struct SchemaBuilder {
    columns: Vec<(String, Kind)>,
    places: HashMap<String, usize>,
    foreign: BTreeSet<String>,
    bbox_has_z: bool,
    bbox_is_missing: bool,
}

/// The columns of a table.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    pub(super) columns: Vec<(String, Kind)>,
    /// Columns that are members of the Item and not properties, beyond those that STAC defines.
    pub(super) foreign: BTreeSet<String>,
    /// True when each Item with a geometry has a bbox, so that the bboxes may stand for the geometries in a search.
    pub(super) covering: bool,
}

impl Default for SchemaBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl SchemaBuilder {
    /// The columns that every stac-geoparquet file has.
    #[must_use]
    pub(crate) fn new() -> Self {
        let text = |name: &str| (name.to_owned(), Kind::Text);
        let link = ["href", "rel", "type", "title"].map(text).to_vec();
        let columns = vec![
            text("type"),
            text("stac_version"),
            ("stac_extensions".to_owned(), Kind::List(Box::new(Kind::Text))),
            text("id"),
            ("geometry".to_owned(), Kind::Geometry),
            ("bbox".to_owned(), Kind::Unseen),
            ("links".to_owned(), Kind::List(Box::new(Kind::Object(link)))),
            ("assets".to_owned(), Kind::Object(Vec::new())),
            text("collection"),
            ("datetime".to_owned(), Kind::Instant { nanos: false, far: false }),
        ];
        let places = columns.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
        Self { columns, places, foreign: BTreeSet::new(), bbox_has_z: false, bbox_is_missing: false }
    }

    /// Widens the columns so that `item` fits. An Item that is refused leaves them as they were.
    ///
    /// # Errors
    /// When stac-geoparquet has no place for one of its fields, or there are more different fields than a table may have
    /// columns.
    pub(crate) fn observe(&mut self, item: &Value) -> Result<(), TableError> {
        let fields = fields_of(item)?;
        let refuse = |field: &str, expected: &str| TableError::Item {
            id: item.get("id").and_then(Value::as_str).unwrap_or("?").to_owned(),
            field: field.to_owned(),
            expected: expected.to_owned(),
        };
        let mut has = [false; 2];
        for field in &fields {
            let known_foreign = self.foreign.contains(field.name);
            if known_foreign != field.foreign && self.places.contains_key(field.name) {
                return Err(refuse(field.name, "a member or a property, as in the Items before"));
            }
            match field.name {
                "geometry" => {
                    has[0] = true;
                    let mut kind = Kind::Geometry;
                    kind.widen(field.name, field.value);
                    if kind != Kind::Geometry {
                        let expected =
                            "a GeoJSON geometry of two or three dimensions without further members";
                        return Err(refuse("geometry", expected));
                    }
                }
                "bbox" => has[1] = true,
                _ => {}
            }
        }
        let unknown = fields.iter().filter(|field| !self.places.contains_key(field.name)).count();
        if self.columns.len() + unknown > MAX_COLUMNS {
            return Err(TableError::TooManyColumns {
                found: self.columns.len() + unknown,
                limit: MAX_COLUMNS,
            });
        }
        self.bbox_is_missing |= has == [true, false];
        for field in fields {
            if field.name == "bbox" {
                self.bbox_has_z |= bbox_numbers(field.value).is_some_and(|numbers| numbers.len() == 6);
                continue;
            }
            // Each geometry was looked at above.
            if field.name == "geometry" {
                continue;
            }
            let at = *self.places.entry(field.name.to_owned()).or_insert_with(|| {
                let instant = Kind::Instant { nanos: false, far: false };
                let kind = if INSTANTS.contains(&field.name) { instant } else { Kind::Unseen };
                self.columns.push((field.name.to_owned(), kind));
                self.columns.len() - 1
            });
            if field.foreign {
                self.foreign.insert(field.name.to_owned());
            }
            self.columns[at].1.widen(field.name, field.value);
        }
        Ok(())
    }

    /// The columns for all Items seen.
    ///
    /// # Errors
    /// When they are more than a table may have.
    pub(crate) fn finish(self) -> Result<Schema, TableError> {
        let names = bbox_names(self.bbox_has_z);
        let bbox = Kind::Object(names.iter().map(|name| ((*name).to_owned(), Kind::Float)).collect());
        let mut columns = self.columns;
        columns.retain_mut(|(name, kind)| match name.as_str() {
            "bbox" => {
                *kind = bbox.clone();
                true
            }
            // No Item has an asset: Parquet has no struct without members, and readers put `{}` back.
            "assets" if *kind == Kind::Object(Vec::new()) => false,
            _ => kind.settle(),
        });
        let found = columns.iter().map(|(_, kind)| kind.leaves()).sum();
        if found > MAX_COLUMNS {
            return Err(TableError::TooManyColumns { found, limit: MAX_COLUMNS });
        }
        Ok(Schema { columns, foreign: self.foreign, covering: !self.bbox_is_missing })
    }
}

impl Schema {
    pub(super) fn arrow(&self) -> arrow_schema::Schema {
        arrow_schema::Schema::new(fields(&self.columns))
    }
}

pub(super) fn fields(columns: &[(String, Kind)]) -> Fields {
    columns.iter().map(|(name, kind)| field(name, kind)).collect()
}

/// The Arrow field of a settled kind.
pub(super) fn field(name: &str, kind: &Kind) -> Field {
    let data_type = match kind {
        Kind::Bool => DataType::Boolean,
        Kind::Int { .. } => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Unseen | Kind::Text => DataType::Utf8,
        Kind::Instant { nanos, .. } => {
            let unit = if *nanos { TimeUnit::Nanosecond } else { TimeUnit::Microsecond };
            DataType::Timestamp(unit, Some(UTC.into()))
        }
        Kind::Geometry => DataType::Binary,
        Kind::List(member) => DataType::List(Arc::new(field("element", member))),
        Kind::Object(members) => DataType::Struct(fields(members)),
        // Parquet's own mark of JSON text: DuckDB and pyarrow know it.
        Kind::Json => return Field::new(name, DataType::Utf8, true).with_extension_type(Json::default()),
    };
    Field::new(name, data_type, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(properties: &Value) -> Value {
        json!({"id": "a", "geometry": null, "properties": properties, "links": [], "assets": {}})
    }

    #[test]
    fn a_refused_item_leaves_the_columns_as_they_were() {
        let mut builder = SchemaBuilder::new();
        builder.observe(&item(&json!({"gsd": 1}))).expect("an Item");
        let before = format!("{builder:?}");
        let mut bad = item(&json!({"gsd": "x", "new": 1}));
        bad["geometry"] = json!({"type": "Point"});
        assert!(builder.observe(&bad).expect_err("an error").to_string().contains("geometry"));
        let mut moved = item(&json!({"new": 1}));
        moved["gsd"] = json!(1);
        assert!(builder.observe(&moved).is_err());
        assert_eq!(format!("{builder:?}"), before);
    }

    #[test]
    fn more_fields_than_columns_is_an_error() {
        let mut builder = SchemaBuilder::new();
        for n in 0..12 {
            let many: serde_json::Map<_, _> = (0..900).map(|m| (format!("{n}-{m}"), json!(m))).collect();
            let mut properties = serde_json::Map::new();
            properties.insert(format!("p{n}"), Value::Object(many));
            builder.observe(&item(&Value::Object(properties))).expect("an Item");
        }
        assert!(matches!(builder.finish(), Err(TableError::TooManyColumns { .. })));
        let many: serde_json::Map<_, _> = (0..20_000).map(|n| (n.to_string(), json!(n))).collect();
        assert!(SchemaBuilder::new().observe(&item(&Value::Object(many))).is_err());
    }

    #[test]
    fn every_table_has_the_columns_that_the_specification_requires() {
        let schema = SchemaBuilder::new().finish().expect("a schema").arrow();
        for name in ["stac_extensions", "id", "geometry", "bbox", "links", "datetime"] {
            assert!(schema.field_with_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn bboxes_stand_for_geometries_only_when_none_is_missing() {
        let mut builder = SchemaBuilder::new();
        let mut with_geometry = item(&json!({}));
        builder.observe(&with_geometry).expect("an Item");
        assert!(!builder.bbox_is_missing);
        with_geometry["geometry"] = json!({"type": "Point", "coordinates": [1, 2]});
        builder.observe(&with_geometry).expect("an Item");
        assert!(!builder.finish().expect("a schema").covering);
    }
}
