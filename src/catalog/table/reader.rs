//! A stac-geoparquet file becomes Items, batch by batch.

use std::collections::BTreeSet;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ParquetMetaDataReader;
use serde_json::Value;

use super::cells::Unreadable;
use super::metadata::Metadata;
use super::pages::Pages;
use super::rows::Rows;
use super::{TableError, footer};
use crate::stac::MAX_ITEM_BYTES;

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 1000;
/// JSON text after which a batch is given out, in bytes.
const BATCH_BYTES: usize = 64 << 20;

/// An opened stac-geoparquet file.
pub(crate) struct TableReader {
    path: PathBuf,
    pages: Pages,
    metadata: Metadata,
    reader: ParquetRecordBatchReader,
}

impl std::fmt::Debug for TableReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableReader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TableReader {
    /// Opens the file and reads its footer.
    ///
    /// # Errors
    /// When it is not a sound Parquet file, or holds no Items with geometries in longitude and latitude.
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        let open = |source| TableError::Open { path: path.to_owned(), source };
        let parquet = |source| TableError::Parquet { path: path.to_owned(), source };
        let file = File::open(path).map_err(open)?;
        let footer = footer::read(&file).map_err(|error| parquet(ParquetError::External(Box::new(error))))?;
        let pages = Pages::new(file).map_err(open)?;
        let damaged = |reason| TableError::Damaged { path: path.to_owned(), row: 0, reason };
        let footer = guarded(|| read_metadata(&footer)).map_err(damaged)?.map_err(parquet)?;
        let file = footer.metadata().file_metadata();
        let entries = file.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
        let metadata = Metadata::read(entries);
        check_stac(footer.schema(), &metadata).map_err(|(expected, found)| TableError::NotStac {
            path: path.to_owned(),
            expected,
            found,
        })?;
        let builder = || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(pages.clone(), footer)
                .with_batch_size(BATCH_ROWS)
                .build()
        };
        let reader = guarded(builder).map_err(damaged)?.map_err(parquet)?;
        Ok(Self { path: path.to_owned(), pages, metadata, reader })
    }

    /// The Collection documents that the file carries.
    #[must_use]
    pub(crate) fn collections(&self) -> Vec<Value> {
        self.metadata.collections.clone()
    }

    /// The Items, each as JSON text, in batches of at most a thousand; hrefs are as the file has them. After an error
    /// nothing more comes.
    pub(crate) fn items(self) -> impl Iterator<Item = Result<Vec<Vec<u8>>, TableError>> {
        Items {
            path: self.path,
            pages: self.pages,
            foreign: self.metadata.foreign,
            reader: Some(self.reader),
            batch: None,
            row: 0,
        }
    }
}

struct Items {
    path: PathBuf,
    pages: Pages,
    foreign: BTreeSet<String>,
    /// `None` after an error.
    reader: Option<ParquetRecordBatchReader>,
    /// A decoded batch, and its next row.
    batch: Option<(Rows, usize)>,
    /// Rows given out before.
    row: u64,
}

impl Iterator for Items {
    type Item = Result<Vec<Vec<u8>>, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.next_batch().transpose();
        if !matches!(result, Some(Ok(_))) {
            (self.reader, self.batch) = (None, None);
        }
        result
    }
}

impl Items {
    fn next_batch(&mut self) -> Result<Option<Vec<Vec<u8>>>, TableError> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let (rows, mut next) = if let Some(batch) = self.batch.take() {
            batch
        } else {
            self.pages.next_batch();
            let damaged = |reason| TableError::Damaged { path: self.path.clone(), row: self.row, reason };
            let parquet = |source: ArrowError| TableError::Parquet {
                path: self.path.clone(),
                source: ParquetError::External(Box::new(source)),
            };
            let read = guarded(|| reader.next().transpose()).map_err(damaged)?;
            let Some(batch) = read.map_err(parquet)? else { return Ok(None) };
            let unreadable = |Unreadable { column, expected, found }| TableError::Column {
                path: self.path.clone(),
                column,
                expected,
                found,
            };
            (Rows::new(&batch, &self.foreign).map_err(unreadable)?, 0)
        };
        let mut texts = Vec::with_capacity(rows.len() - next);
        let (mut bytes, mut last_len) = (0, 1024);
        while next < rows.len() && bytes < BATCH_BYTES {
            let mut text = Vec::with_capacity(last_len + last_len / 8);
            let cell = |column: String, reason: String| TableError::Cell {
                path: self.path.clone(),
                row: self.row,
                column,
                reason,
            };
            rows.write(next, &mut text).map_err(|bad| cell(bad.path, bad.reason))?;
            if text.len() > MAX_ITEM_BYTES {
                return Err(cell("id".to_owned(), format!("the Item has more than {MAX_ITEM_BYTES} bytes")));
            }
            (last_len, bytes) = (text.len(), bytes + text.len());
            texts.push(text);
            next += 1;
            self.row += 1;
        }
        if next < rows.len() {
            self.batch = Some((rows, next));
        }
        Ok(Some(texts))
    }
}

/// Runs what reads damaged bytes: the Parquet reader panics on some of them. What it was at is not used again.
fn guarded<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref().copied());
        text.unwrap_or("unknown").to_owned()
    })
}

/// The schema as the Parquet columns have it: what Arrow adds in the metadata (dictionaries, other widths) only makes for
/// more forms of the same values. Texts and WKB are views, so that a text that many rows share is in memory once.
fn read_metadata(footer: &[u8]) -> ParquetResult<ArrowReaderMetadata> {
    let metadata = Arc::new(ParquetMetaDataReader::decode_metadata(footer)?);
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let schema = Arc::clone(ArrowReaderMetadata::try_new(Arc::clone(&metadata), plain)?.schema());
    let views = Schema::new(schema.fields().iter().map(view).collect::<Fields>());
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(Arc::new(views));
    ArrowReaderMetadata::try_new(metadata, options)
}

fn view(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        DataType::List(member) => DataType::List(view(member)),
        DataType::Map(entries, sorted) => DataType::Map(view(entries), *sorted),
        DataType::Struct(members) => DataType::Struct(members.iter().map(view).collect()),
        other => other.clone(),
    };
    Arc::new(Field::clone(field).with_data_type(data_type))
}

/// What is missing for the rows to be Items, and what is there instead.
fn check_stac(schema: &Schema, metadata: &Metadata) -> Result<(), (&'static str, String)> {
    let names = || {
        let names: Vec<_> = schema.fields().iter().take(20).map(|field| field.name().as_str()).collect();
        format!("the columns {}", names.join(", "))
    };
    let has = |name: &str| schema.column_with_name(name).is_some();
    if !has("id") {
        return Err(("a column 'id'", names()));
    }
    if !has("geometry") {
        return Err(("a column 'geometry'", names()));
    }
    if !["datetime", "start_datetime", "properties"].into_iter().any(has) {
        return Err(("a column 'datetime' or 'start_datetime'", names()));
    }
    match metadata.other_geometry() {
        Some(found) => Err(("geometries as WKB in longitude and latitude", found)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn data(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tables").join(name)
    }

    fn read(path: &Path) -> Result<Vec<Value>, TableError> {
        let mut items = Vec::new();
        for batch in TableReader::open(path)?.items() {
            items.extend(batch?.iter().map(|text| serde_json::from_slice::<Value>(text).expect("JSON")));
        }
        Ok(items)
    }

    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(list) => list.iter().any(has_null),
            Value::Object(object) => object.values().any(has_null),
            _ => false,
        }
    }

    #[test]
    fn files_of_each_writer_are_read() {
        for (name, count, id, asset, href) in [
            (
                "rustac-extended-item.parquet",
                1,
                "20201211_223832_CS2",
                "udm",
                "https://storage.googleapis.com/open-cogs/stac-examples/20201211_223832_CS2_analytic_udm.tif",
            ),
            (
                "stac-geoparquet-naip.parquet",
                5,
                "ok_m_3409901_nw_14_1_20100425",
                "image",
                "https://naipeuwest.blob.core.windows.net/naip/v002/ok/2010/ok_100cm_2010/34099/m_3409901_nw_14_1_20100425.tif",
            ),
        ] {
            let items = read(&data(name)).expect("Items");
            assert_eq!(items.len(), count, "{name}");
            assert_eq!(items[0]["id"], id);
            assert_eq!(items[0]["assets"][asset]["href"], href);
            assert!(!items.iter().any(has_null), "{name}");
        }
    }

    #[test]
    fn an_asset_that_an_item_lacks_is_left_out() {
        let items = read(&data("rustac-opr-one.parquet")).expect("Items");
        let keys: Vec<_> = items[0]["assets"].as_object().expect("assets").keys().collect();
        assert_eq!(keys, ["CSARP_standard", "data", "flight_path", "thumbnails"]);
        assert_eq!(items[0]["links"], serde_json::json!([]));
        assert!(items[0]["properties"].get("sci:doi").is_none());
    }

    #[test]
    fn times_and_boxes_have_the_form_of_stac() {
        let items = read(&data("rustac-extended-item.parquet")).expect("Items");
        assert_eq!(items[0]["properties"]["datetime"], "2020-12-14T18:02:31.437Z");
        assert_eq!(items[0]["bbox"][0], 172.911_736_699_237_82);
        assert_eq!(items[0]["bbox"].as_array().map(Vec::len), Some(4));
        assert_eq!(items[0]["geometry"]["type"], "Polygon");
    }

    fn damaged(bytes: &[u8]) -> Result<Vec<Value>, TableError> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(bytes).expect("written");
        read(file.path())
    }

    #[test]
    fn a_truncated_file_is_an_error() {
        let bytes = std::fs::read(data("stac-geoparquet-naip.parquet")).expect("a file");
        for len in [0, 3, 4, 8, 11, 12, 1000, bytes.len() / 2, bytes.len() - 1] {
            assert!(damaged(&bytes[..len]).is_err(), "{len} bytes");
        }
        // The end of the file without its middle: the pages that the footer speaks of are not there.
        let holed = [&bytes[..100], &bytes[bytes.len() - 20_000..]].concat();
        assert!(damaged(&holed).is_err());
    }

    #[test]
    fn every_page_header_is_looked_at_before_its_page() {
        let mut bytes = std::fs::read(data("rustac-opr-one.parquet")).expect("a file");
        assert_eq!(bytes[4], 0x15);
        bytes[4] = 0x16;
        let error = damaged(&bytes).expect_err("an error");
        let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(reason.contains("a page header is damaged"), "{error}: {reason}");
    }

    #[test]
    fn flipped_bits_are_an_error_or_items() {
        let bytes = std::fs::read(data("rustac-opr-one.parquet")).expect("a file");
        let mut errors = 0;
        for at in (0..bytes.len()).step_by(53) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            errors += usize::from(damaged(&flipped).is_err());
        }
        assert!(errors > 10, "{errors}");
    }

    #[test]
    fn a_file_of_another_kind_says_what_is_missing() {
        use arrow_array::{Int64Array, RecordBatch};
        let mut bytes = Vec::new();
        let batch = RecordBatch::try_from_iter([("speed", Arc::new(Int64Array::from(vec![1])) as _)])
            .expect("a batch");
        let mut writer =
            parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        let message = damaged(&bytes).expect_err("an error").to_string();
        assert!(message.ends_with("expected a column 'id', found the columns speed"), "{message}");
        assert!(
            damaged(b"id,geometry\n1,POINT(1 2)\n").expect_err("an error").to_string().contains("Parquet")
        );
    }
}
