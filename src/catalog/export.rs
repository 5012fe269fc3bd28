//! All Items of a snapshot as one file, for other programs and for a later start.
//!
//! In: a [`Snapshot`]. Out: stac-geoparquet in two passes over its documents (columns first, then rows), or ndjson in one.
//! Items are written place by place along Hilbert's curve, and newest first in each place, so that a row group of a table
//! covers little of the Earth and readers can skip the others. Memory: the order of the rows (8 bytes each), a piece of parsed
//! documents, and one encoded row group.

use std::io::Write;
use std::path::Path;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde_json::Value;

use super::bodies::BodyError;
use super::snapshot::{RowId, Snapshot};
use super::space::NO_FOOTPRINT;
use super::table::{SchemaBuilder, TableError, TableWriter};
use crate::tree::relative_href;

/// Items that are parsed at once, on all threads of the pool that this runs on.
const PARSED_AT_ONCE: usize = 200;

/// Items that a table refused whose reasons are kept.
const REASONS_KEPT: usize = 1000;

/// Why the Items cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A packed document is damaged.
    #[error("the document of the Item '{id}' cannot be unpacked")]
    Body {
        /// Its id.
        id: String,
        /// What is wrong with it.
        source: BodyError,
    },
    /// A document that was taken in cannot be read back.
    #[error("the document of the Item '{id}' cannot be read")]
    Json {
        /// Its id.
        id: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The table cannot be made.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The lines cannot be written.
    #[error("cannot write the Items")]
    Io(#[from] std::io::Error),
}

/// Items that a table has no place for.
#[derive(Debug, Default)]
pub struct Refused {
    /// How many.
    pub count: usize,
    /// Why, for the first thousand; each names its Item.
    pub reasons: Vec<TableError>,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The columns are looked for.
    Columns,
    /// Items are written.
    Items,
}

impl Snapshot {
    /// Writes all Items and Collections as stac-geoparquet; beside a tree in the folder `beside`, hrefs that the tree has
    /// relative to itself are relative to that folder, else all are absolute. `told` hears how many Items of a stage are done.
    ///
    /// # Errors
    /// When a packed document is damaged, the Items have more different fields than a table may have, or the bytes cannot be
    /// written. Items that a table has no place for are no error: they are left out and given back.
    pub fn write_table(
        &self,
        out: impl Write + Send,
        beside: Option<&Path>,
        mut told: impl FnMut(Stage, usize),
    ) -> Result<Refused, ExportError> {
        let rows = self.rows_by_place();
        let (mut schema, mut refused, mut left_out) = (SchemaBuilder::new(), Refused::default(), Vec::new());
        let mut done = 0;
        for piece in rows.chunks(PARSED_AT_ONCE) {
            for (at, item) in piece.iter().zip(self.parsed(piece, beside)?) {
                match schema.observe(&item) {
                    Ok(()) => {}
                    Err(reason @ TableError::Item { .. }) => {
                        left_out.push(*at);
                        if refused.reasons.len() < REASONS_KEPT {
                            refused.reasons.push(reason);
                        }
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            done += piece.len();
            told(Stage::Columns, done);
        }
        refused.count = left_out.len();
        let mut writer = TableWriter::new(out, schema.finish()?)?;
        for collection in self.collections() {
            writer.add_collection(collection.document.clone())?;
        }
        // In the order of the rows, as they were met.
        let mut left_out = left_out.into_iter().peekable();
        done = 0;
        for piece in rows.chunks(PARSED_AT_ONCE) {
            for (at, item) in piece.iter().zip(self.parsed(piece, beside)?) {
                if left_out.next_if_eq(at).is_none() {
                    writer.write(&item)?;
                }
            }
            done += piece.len();
            told(Stage::Items, done);
        }
        writer.finish()?;
        Ok(refused)
    }

    /// Writes all Items, one a line, with absolute hrefs.
    ///
    /// # Errors
    /// When a packed document is damaged, or the bytes cannot be written.
    pub fn write_lines(
        &self,
        mut out: impl Write,
        mut told: impl FnMut(Stage, usize),
    ) -> Result<(), ExportError> {
        let mut done = 0;
        for piece in self.rows_by_place().chunks(PARSED_AT_ONCE) {
            let texts = piece.par_iter().map(|at| {
                let mut text = Vec::new();
                self.unpacked(*at)?.write(&mut text, |_, _| None, "");
                text.push(b'\n');
                Ok(text)
            });
            for text in texts.collect::<Result<Vec<_>, ExportError>>()? {
                out.write_all(&text)?;
            }
            done += piece.len();
            told(Stage::Items, done);
        }
        Ok(out.flush()?)
    }

    /// All rows: by footprint, as these are numbered along Hilbert's curve, then newest first; last those without a footprint.
    fn rows_by_place(&self) -> Vec<RowId> {
        let mut rows: Vec<RowId> = self.rows().collect();
        rows.sort_by_cached_key(|at| {
            let footprint = self.part(*at).space().footprint_of(at.row).unwrap_or(NO_FOOTPRINT);
            (at.part, footprint, at.row)
        });
        rows
    }

    fn parsed(&self, rows: &[RowId], beside: Option<&Path>) -> Result<Vec<Value>, ExportError> {
        // Any document in the folder will do.
        let document = beside.map(|folder| folder.join("items.parquet"));
        let relative = |href: &str| relative_href(document.as_deref()?, Path::new(href));
        let parse = |at: &RowId| {
            let id = || self.id(*at);
            let body = self.unpacked(*at)?;
            let body = if beside.is_some() { body.moved(relative) } else { body };
            body.parse().map_err(|source| ExportError::Json { id: id(), source })
        };
        rows.par_iter().map(parse).collect()
    }

    fn unpacked(&self, at: RowId) -> Result<crate::stac::ItemBody, ExportError> {
        self.body(at).map_err(|source| ExportError::Body { id: self.id(at), source })
    }
}
