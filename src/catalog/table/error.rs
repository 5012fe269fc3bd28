//! What can be wrong with a table, or with an Item that is to go into one.

use std::path::PathBuf;

/// Why a stac-geoparquet file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened, or what is written to cannot take more.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not a Parquet file, or a damaged one.
    #[error("{} is not a sound Parquet file", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: parquet::errors::ParquetError,
    },
    /// The Parquet reader gave up on the file's bytes in a way that it does not report.
    #[error("{} is damaged: the Parquet reader stopped after row {row}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Rows given out before.
        row: u64,
        /// What it said.
        reason: String,
    },
    /// A sound Parquet file that holds something else.
    #[error("{} is not stac-geoparquet: expected {expected}, found {found}", path.display())]
    NotStac {
        /// The file.
        path: PathBuf,
        /// What is missing or different.
        expected: &'static str,
        /// What the file has.
        found: String,
    },
    /// A column whose type no Item's field has.
    #[error("column '{column}' of {} has the type {found}; expected {expected}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// Dotted path of the column.
        column: String,
        /// What can be read.
        expected: &'static str,
        /// What the file has.
        found: String,
    },
    /// A value that cannot be written as JSON.
    #[error("row {row}, column '{column}' of {}: {reason}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Which row, from 0.
        row: u64,
        /// Dotted path of the column.
        column: String,
        /// What is wrong with the value.
        reason: String,
    },
    /// An Item that stac-geoparquet has no place for.
    #[error("Item '{id}', {field}: expected {expected}")]
    Item {
        /// The Item's id, as far as it has one.
        id: String,
        /// Dotted path of the field.
        field: String,
        /// What should be there.
        expected: String,
    },
    /// The Items have too many different fields for a table.
    #[error(
        "the Items have {found} different fields, more than the {limit} columns that a table may have; write ndjson"
    )]
    TooManyColumns {
        /// How many there are, or were when counting stopped.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The table cannot be written.
    #[error("cannot write the table")]
    Write(#[source] parquet::errors::ParquetError),
    /// The columns do not make a table.
    #[error("cannot lay out the table")]
    Arrow(#[from] arrow_schema::ArrowError),
}
