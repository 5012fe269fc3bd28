//! Why something could not be converted.

use std::io;
use std::path::PathBuf;

use gdal::errors::GdalError;

use crate::source::safe::SafeError;

/// Why something could not be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// An option out of its range.
    #[error("{option}: {problem}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing to convert.
    #[error("there is no raster in {source_name}; name files, folders or patterns such as 'in/*.jp2'")]
    NoSource {
        /// As given.
        source_name: String,
    },
    /// A source cannot be looked at.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Two inputs would become the same file.
    #[error("{first} and {second} would both become {}; convert them into different folders", dest.display())]
    Collision {
        /// One input.
        first: String,
        /// The other.
        second: String,
        /// What both would become.
        dest: PathBuf,
    },
    /// The outcome would replace its source.
    #[error("{} would be replaced by its own COG; name another DEST", path.display())]
    Itself {
        /// The source.
        path: PathBuf,
    },
    /// A file as DEST for several.
    #[error("DEST {} is a file, but there are {count} to write; name a folder{choice}", dest.display())]
    OneFile {
        /// As given.
        dest: PathBuf,
        /// How many there are.
        count: usize,
        /// How to name one of them, where that can be done.
        choice: String,
    },
    /// GDAL cannot open a source.
    #[error("GDAL cannot open it: {said}")]
    Open {
        /// What GDAL says.
        said: String,
    },
    /// GDAL refused something else.
    #[error("GDAL cannot {what}: {said}")]
    Gdal {
        /// What was to be done.
        what: &'static str,
        /// What GDAL says.
        said: String,
    },
    /// A dataset without bands.
    #[error("it has no bands of its own but {count} subdatasets; name one of them, such as {example}")]
    Subdatasets {
        /// How many.
        count: usize,
        /// The first.
        example: String,
    },
    /// A dataset without bands or subdatasets.
    #[error("it has no bands")]
    NoBands,
    /// Samples of a type that cannot be written.
    #[error("its samples are {data_type}, which this version does not convert")]
    Type {
        /// The type.
        data_type: &'static str,
    },
    /// Bands of several types.
    #[error("its bands have different types ({types}), which a TIFF cannot hold; give --dtype")]
    MixedTypes {
        /// The types.
        types: String,
    },
    /// Blocks of all bands that do not fit in memory.
    #[error(
        "its {bands} bands of {data_type} make blocks of {mib} MiB, and {limit_mib} are the most; --blocksize makes them smaller, --bands takes some"
    )]
    Block {
        /// How many bands there are.
        bands: usize,
        /// Their type.
        data_type: String,
        /// A block in MiB.
        mib: u64,
        /// The most that it may be.
        limit_mib: u64,
    },
    /// A band that is not there.
    #[error("it has no band '{name}'; it has {has}")]
    NoBand {
        /// As asked.
        name: String,
        /// What it has.
        has: String,
    },
    /// Files to be stacked that do not lie on each other.
    #[error("{second} cannot be stacked on {first}: {what} differs")]
    Unlike {
        /// One file.
        first: String,
        /// The other.
        second: String,
        /// What differs.
        what: &'static str,
    },
    /// Values that the new type cannot hold.
    #[error(
        "{count} of {total} values do not fit into {data_type} (they reach from {low} to {high}); --clip cuts them to its range"
    )]
    Range {
        /// How many do not fit.
        count: u64,
        /// How many there are, without nodata.
        total: u64,
        /// The new type.
        data_type: String,
        /// The least value there is.
        low: f64,
        /// The greatest.
        high: f64,
    },
    /// Values that are no numbers.
    #[error(
        "{count} of {total} values are NaN, which {data_type} cannot hold; --nodata VALUE says what becomes of them"
    )]
    NotANumber {
        /// How many.
        count: u64,
        /// Of how many.
        total: u64,
        /// The new type.
        data_type: String,
    },
    /// A nodata value that the type cannot hold.
    #[error("nodata {nodata} does not fit into {data_type}; give a --nodata that does")]
    Nodata {
        /// The value.
        nodata: String,
        /// The type.
        data_type: String,
    },
    /// The predictor of floats on integers, or the other way round.
    #[error("predictor {predictor} does not go with {data_type}; leave --predictor out")]
    Predictor {
        /// TIFF's number.
        predictor: u8,
        /// The type of samples.
        data_type: String,
    },
    /// Control points, in a format that has no place for them.
    #[error(
        "it lies by ground control points, which a Zarr store cannot hold; --dst-crs brings it to a grid"
    )]
    ControlPoints,
    /// Something else lies where a store is to go.
    #[error("{} is there and no Zarr store of version 3; remove it or name another DEST", path.display())]
    NotAStore {
        /// What lies there.
        path: PathBuf,
    },
    /// A raster without a place cannot be brought elsewhere.
    #[error("it has no georeference, so it cannot be reprojected")]
    NoPlace,
    /// The disk refused.
    #[error("cannot write {}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A Sentinel-2 product cannot be read.
    #[error(transparent)]
    Safe(#[from] SafeError),
    /// A product without the bands asked for.
    #[error("the product has no band '{band}'; it has {has}")]
    NoProductBand {
        /// As asked.
        band: String,
        /// What it has.
        has: String,
    },
    /// The program is shutting down.
    #[error("interrupted")]
    Interrupted,
}

impl ConvertError {
    /// GDAL refused to do something.
    pub(super) fn gdal(what: &'static str) -> impl FnOnce(GdalError) -> Self {
        move |error| Self::Gdal { what, said: said(&error) }
    }

    /// The disk refused.
    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }

    /// A source cannot be looked at.
    pub(super) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Read { path, source }
    }
}

/// What GDAL itself says, without the numbers that the crate puts around it.
pub(super) fn said(error: &GdalError) -> String {
    match error {
        GdalError::CplError { msg, .. } | GdalError::NullPointer { msg, .. } if !msg.is_empty() => {
            msg.trim_end_matches(['.', '\n']).replace('\n', "; ")
        }
        other => other.to_string(),
    }
}
