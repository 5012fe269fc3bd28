//! Items become a stac-geoparquet file.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value};

use super::column::{Column, Misfit};
use super::fields::{PROJ_GEOMETRY, bbox_struct, fields_of};
use super::kind::Kind;
use super::{Schema, TableError, metadata};

/// Rows of a row group: what other readers skip, or give to one thread each.
const GROUP_ROWS: usize = 50_000;
/// Encoded bytes after which a row group ends, however few rows it has.
const GROUP_BYTES: usize = 256 << 20;
/// Rows, and bytes of text, that are collected before they are encoded.
const BATCH_ROWS: usize = 1000;
const BATCH_BYTES: usize = 32 << 20;
/// Level of zstd: beyond it files shrink little and take much longer.
const ZSTD_LEVEL: i32 = 3;

/// Writes Items as stac-geoparquet 1.1, one after another, in bounded memory.
pub(crate) struct TableWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    arrow: SchemaRef,
    schema: Schema,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
    collections: Map<String, Value>,
}

impl<W: Write + Send> std::fmt::Debug for TableWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableWriter")
            .field("schema", &self.schema)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<W: Write + Send> TableWriter<W> {
    /// A table of these columns that goes to `write`.
    ///
    /// # Errors
    /// When `write` cannot take the file's first bytes.
    pub(crate) fn new(write: W, schema: Schema) -> Result<Self, TableError> {
        let arrow: SchemaRef = Arc::new(schema.arrow());
        let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(TableError::Write)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .set_created_by(concat!("cairn version ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        // Without Arrow's own schema in the metadata: pyarrow would take it for the file's, and not see `geo`.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(write, Arc::clone(&arrow), options);
        let writer = writer.map_err(TableError::Write)?;
        let columns = schema.columns.iter().map(|(_, kind)| Column::new(kind)).collect();
        Ok(Self { writer, arrow, schema, columns, rows: 0, bytes: 0, collections: Map::new() })
    }

    /// Keeps a Collection's document in the file's metadata. The last of one id counts.
    ///
    /// # Errors
    /// When it has no id.
    pub(crate) fn add_collection(&mut self, collection: Value) -> Result<(), TableError> {
        let Some(id) = collection.get("id").and_then(Value::as_str).map(str::to_owned) else {
            return Err(TableError::Item {
                id: "?".to_owned(),
                field: "id of the Collection".to_owned(),
                expected: "a text".to_owned(),
            });
        };
        self.collections.insert(id, collection);
        Ok(())
    }

    /// Adds an Item. After an error the table is incomplete and to be thrown away: leave out here what
    /// [`SchemaBuilder::observe`](super::SchemaBuilder::observe) refused.
    ///
    /// # Errors
    /// When it is not one of those that the schema was made from, or the bytes cannot be written.
    pub(crate) fn write(&mut self, item: &Value) -> Result<(), TableError> {
        let fields = fields_of(item)?;
        let id = || item.get("id").and_then(Value::as_str).unwrap_or("?").to_owned();
        let misfit = |field: String| TableError::Item {
            id: id(),
            field,
            expected: "a value such as the first pass over the Items found".to_owned(),
        };
        let mut known = 0;
        for ((name, _), column) in self.schema.columns.iter().zip(&mut self.columns) {
            let field = fields.iter().find(|field| field.name == name);
            known += usize::from(field.is_some());
            let bbox = field.filter(|_| name == "bbox").map(|field| bbox_struct(field.value));
            let value = bbox.as_ref().or(field.map(|field| field.value));
            self.bytes += column.append(value).map_err(|Misfit { path }| {
                misfit(if path.is_empty() { name.clone() } else { format!("{name}.{path}") })
            })?;
        }
        if known < fields.len() {
            let is_known = |name: &str| self.schema.columns.iter().any(|(known, _)| known == name);
            // Assets have no column when no Item has any.
            let is_empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
            let more = fields
                .iter()
                .find(|field| !(is_known(field.name) || field.name == "assets" && is_empty(field.value)));
            if let Some(field) = more {
                return Err(misfit(field.name.to_owned()));
            }
        }
        self.rows += 1;
        if self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES { self.encode() } else { Ok(()) }
    }

    /// Writes what is left and the file's end, and gives back what it was written to.
    ///
    /// # Errors
    /// When the bytes cannot be written.
    pub(crate) fn finish(mut self) -> Result<W, TableError> {
        if self.rows > 0 {
            self.encode()?;
        }
        let named = |name: &str| self.schema.columns.iter().position(|(known, _)| known == name);
        let geometry =
            named("geometry").and_then(|at| self.columns[at].coverage()).cloned().unwrap_or_default();
        let has_proj_geometry =
            named(PROJ_GEOMETRY).is_some_and(|at| self.schema.columns[at].1 == Kind::Geometry);
        let foreign = &self.schema.foreign;
        for entry in
            metadata::write(&geometry, self.schema.covering, has_proj_geometry, foreign, &self.collections)
        {
            self.writer.append_key_value_metadata(entry);
        }
        self.writer.into_inner().map_err(TableError::Write)
    }

    fn encode(&mut self) -> Result<(), TableError> {
        let arrays = self.columns.iter_mut().map(Column::take).collect::<Result<_, _>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.arrow), arrays)?;
        (self.rows, self.bytes) = (0, 0);
        self.writer.write(&batch).map_err(TableError::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::table::{SchemaBuilder, TableReader};
    use proptest::prelude::*;
    use serde_json::json;

    fn table(items: &[Value]) -> tempfile::NamedTempFile {
        let mut builder = SchemaBuilder::new();
        for item in items {
            builder.observe(item).expect("an Item");
        }
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut writer =
            TableWriter::new(file.reopen().expect("a file"), builder.finish().expect("a schema"))
                .expect("a writer");
        for item in items {
            writer.write(item).expect("a row");
        }
        writer.add_collection(json!({"type": "Collection", "id": "c"})).expect("a Collection");
        writer.finish().expect("a table");
        file
    }

    fn round_trip(items: &[Value]) -> Vec<Value> {
        let reader = TableReader::open(table(items).path()).expect("a table");
        assert_eq!(reader.collections(), [json!({"type": "Collection", "id": "c"})]);
        let batches: Vec<_> = reader.items().map(|batch| batch.expect("a batch")).collect();
        batches.concat().iter().map(|text| serde_json::from_slice(text).expect("JSON")).collect()
    }

    fn item(id: &str, more: &Value) -> Value {
        let mut item = json!({
            "type": "Feature", "stac_version": "1.1.0", "id": id, "geometry": null,
            "properties": {"datetime": "2024-01-01T00:00:00Z"}, "links": [], "assets": {}, "collection": "c"
        });
        for (name, value) in more.as_object().expect("an object") {
            item[name] = value.clone();
        }
        item
    }

    /// Numbers by value, and without the nulls that a table does not keep.
    fn canonical(value: &Value) -> Value {
        match value {
            // Doubles only where they are exact: other integers must come back as integers.
            Value::Number(number) => match number.as_i64() {
                Some(integer) if integer.unsigned_abs() <= 1 << 53 => json!(number.as_f64()),
                _ => value.clone(),
            },
            Value::Array(list) => list.iter().map(canonical).collect(),
            Value::Object(object) => {
                let kept = object
                    .iter()
                    .filter(|(name, value)| *name == "datetime" || *name == "geometry" || !value.is_null());
                Value::Object(kept.map(|(name, value)| (name.clone(), canonical(value))).collect())
            }
            other => other.clone(),
        }
    }

    #[test]
    fn real_items_come_back_as_they_went() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tables/pgstac-naip-25.ndjson");
        let text = std::fs::read_to_string(path).expect("Items");
        let items: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let back = round_trip(&items);
        assert_eq!(back.len(), 25);
        for (item, back) in items.iter().zip(&back) {
            let mut item = item.clone();
            if item.get("links").is_none() {
                item["links"] = json!([]);
            }
            assert_eq!(canonical(&item), canonical(back));
        }
    }

    #[test]
    fn every_field_of_unlike_items_comes_back() {
        let items = [
            item(
                "a",
                &json!({
                    "bbox": [1.5, 2.0, 3.0, 4.0], "_etag": 7,
                    "geometry": {"type": "Point", "coordinates": [1.5, 2.0]},
                    "assets": {"B04": {"href": "./B04.tif", "bands": [{"name": "B04", "gsd": 10}], "roles": []}},
                    "links": [{"rel": "license", "href": "https://x", "method": {"a": 1}}]
                }),
            ),
            item(
                "b",
                &json!({
                    "bbox": [1.0, 2.0, -5.0, 3.0, 4.0, 5.0],
                    "geometry": {"type": "LineString", "coordinates": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]},
                    "assets": {"B05": {"href": "/abs/B05.tif", "nodata": "nan"}, "B04": {"href": "x", "nodata": 0}},
                    "properties": {
                        "datetime": null, "start_datetime": "2024-01-01T00:00:00.500Z", "end_datetime": "2024-02-01T00:00:00Z",
                        "mixed": 1, "big": 9_007_199_254_740_993_i64, "huge": u64::MAX, "empty": {}, "flag": true,
                        "proj:geometry": {"type": "Point", "coordinates": [500_000.0, 4_000_000.0]},
                        "nested": [[1, 2], [], [3]], "updated": "2024-01-01T00:00:00.123456789Z"
                    }
                }),
            ),
            item(
                "c",
                &json!({"properties": {
                    "datetime": "2024-03-01T00:00:00Z", "mixed": "one", "big": 2.5, "number": 1, "updated": "2023-01-01T00:00:00Z"
                }}),
            ),
            item(
                "d",
                &json!({"properties": {"datetime": "2024-03-01T00:00:00Z", "mixed": {"deep": [null, 1]}, "number": 2.5}}),
            ),
        ];
        let back = round_trip(&items);
        let read: Vec<_> = back.iter().map(canonical).collect();
        let want: Vec<_> = items.iter().map(canonical).collect();
        assert_eq!(read, want);
        // What JSON text holds keeps its numbers as they are.
        assert_eq!(back[1]["properties"]["big"], 9_007_199_254_740_993_i64);
        assert_eq!(back[1]["properties"]["huge"], u64::MAX);
    }

    #[test]
    fn an_item_that_was_not_observed_is_refused_by_name() {
        let mut builder = SchemaBuilder::new();
        builder.observe(&item("a", &json!({}))).expect("an Item");
        let schema = builder.finish().expect("a schema");
        for (more, field) in [
            (json!({"assets": {"B04": {"href": "x"}}}), "assets"),
            (json!({"properties": {"gsd": 1}}), "gsd"),
            (json!({"links": [{"rel": 1}]}), "links.0.rel"),
        ] {
            let mut writer = TableWriter::new(Vec::new(), schema.clone()).expect("a writer");
            let error = writer.write(&item("b", &more)).expect_err("an error").to_string();
            assert!(error.starts_with(&format!("Item 'b', {field}: expected")), "{error}");
        }
    }

    #[test]
    fn a_table_without_items_is_a_table() {
        assert_eq!(round_trip(&[]), Vec::<Value>::new());
    }

    #[test]
    fn batches_are_given_out_in_order() {
        let items: Vec<_> = (0..2500)
            .map(|n| item(&n.to_string(), &json!({"properties": {"datetime": null, "n": n}})))
            .collect();
        let back = round_trip(&items);
        assert!(back.iter().enumerate().all(|(n, item)| item["properties"]["n"] == n));
        assert_eq!(back.len(), 2500);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e6..1e6_f64).prop_map(Value::from),
            "[a-z\"\\\\é ]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::hash_map("[abc]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_properties_come_back(values in prop::collection::vec(any_json(), 1..6)) {
            let items: Vec<_> = values.iter().map(|value| {
                item("a", &json!({"properties": {"datetime": "2024-01-01T00:00:00Z", "x": value}}))
            }).collect();
            let read: Vec<_> = round_trip(&items).iter().map(canonical).collect();
            let want: Vec<_> = items.iter().map(canonical).collect();
            prop_assert_eq!(read, want);
        }
    }
}
