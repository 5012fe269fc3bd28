//! How COGs are to be written: checked once, so that nothing behind sees an impossible combination.

use std::fmt;
use std::path::{Path, PathBuf};

use gdal::raster::GdalDataType;

use super::choice::{Format, Layout, Nodata, Predictor, Reprojection, Shard};
use super::error::ConvertError;
use super::preset::Compression;
use crate::source::safe::Band;
use crate::zarr::Blosc;

/// Kernels for overviews, by GDAL's names in lower case.
const OVERVIEW_KERNELS: [&str; 8] =
    ["nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "average", "mode", "rms"];
/// Kernels for reprojection.
const WARP_KERNELS: [&str; 9] =
    ["nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "average", "mode", "rms", "sum"];
/// Types by the names that `rio cogeo` takes.
const TYPES: [(&str, GdalDataType); 11] = [
    ("uint8", GdalDataType::UInt8),
    ("ubyte", GdalDataType::UInt8),
    ("byte", GdalDataType::UInt8),
    ("uint16", GdalDataType::UInt16),
    ("int16", GdalDataType::Int16),
    ("uint32", GdalDataType::UInt32),
    ("int32", GdalDataType::Int32),
    ("uint64", GdalDataType::UInt64),
    ("int64", GdalDataType::Int64),
    ("float32", GdalDataType::Float32),
    ("float64", GdalDataType::Float64),
];

/// What to convert, and how.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Options {
    /// Files, folders, globs, or names that only GDAL understands.
    pub sources: Vec<String>,
    /// A file when it ends in `.tif` and there is one source, a store when it ends in `.zarr`, else a folder.
    pub dest: PathBuf,
    /// What is written.
    pub format: Format,
    /// The codec.
    pub compression: Compression,
    /// Its level, or that of Blosc.
    pub level: Option<u32>,
    /// Quality from 1 to 100, for the codecs that lose.
    pub quality: Option<u32>,
    /// Largest error of LERC.
    pub max_error: Option<f64>,
    /// The predictor.
    pub predictor: Predictor,
    /// Pixels along a side of a block or chunk.
    pub block_size: u32,
    /// Nodata of the outcome; none keeps the source's.
    pub nodata: Option<Nodata>,
    /// Turns nodata or alpha into a mask.
    pub add_mask: bool,
    /// The type of samples, by name; none keeps the source's.
    pub data_type: Option<String>,
    /// Accepts that values are cut to the range of the new type.
    pub clip: bool,
    /// Overviews, each half as fine; none: until one fits in a block.
    pub overviews: Option<u32>,
    /// Kernel of overviews.
    pub overview_resampling: String,
    /// Another grid.
    pub reprojection: Option<Reprojection>,
    /// Kernel of reprojection.
    pub resampling: String,
    /// Bands by number (from 1) or name; empty: all.
    pub bands: Vec<String>,
    /// Bands by name that become one file, each group one.
    pub stacks: Vec<Vec<String>>,
    /// How the bands of Sentinel-2 products are put into files.
    pub layout: Layout,
    /// Takes Sentinel-2 products of ascending orbits, too.
    pub ascending: bool,
    /// Redoes what is there already.
    pub overwrite: bool,
    /// Files at a time.
    pub jobs: usize,
    /// Every n-th input only.
    pub shard: Option<Shard>,
}

impl Options {
    /// Refuses what cannot be.
    ///
    /// # Errors
    /// When an option is out of its range, or two exclude each other.
    pub fn check(&self) -> Result<(), ConvertError> {
        let refuse = |option: &'static str, problem: String| Err(ConvertError::Option { option, problem });
        if self.block_size == 0 || !self.block_size.is_multiple_of(16) || self.block_size > 4096 {
            let size = self.block_size;
            return refuse("--blocksize", format!("{size} is no multiple of 16 from 16 to 4096"));
        }
        self.check_format()?;
        if let Some(level) = self.level.filter(|_| self.format == Format::Cog) {
            match self.compression.levels() {
                None => return refuse("--level", format!("{} has no levels", self.compression)),
                Some(levels) if !levels.contains(&level) => {
                    let (low, high) = (levels.start(), levels.end());
                    return refuse(
                        "--level",
                        format!("{level} is not from {low} to {high}, as {} takes", self.compression),
                    );
                }
                Some(_) => {}
            }
        }
        if self.predictor != Predictor::None && !self.compression.has_predictor() {
            return refuse("--predictor", format!("{} takes none", self.compression));
        }
        if self.quality.is_some() && !self.compression.has_quality() {
            return refuse("--quality", format!("{} takes none; webp and jpeg do", self.compression));
        }
        if self.quality.is_some_and(|quality| !(1..=100).contains(&quality)) {
            return refuse("--quality", "expected 1 to 100".to_owned());
        }
        if self.max_error.is_some() && !self.compression.has_max_error() {
            return refuse("--max-z-error", format!("{} takes none; lerc does", self.compression));
        }
        if self.max_error.is_some_and(|error| !(error.is_finite() && error >= 0.0)) {
            return refuse("--max-z-error", "expected a number from 0 on".to_owned());
        }
        if !OVERVIEW_KERNELS.contains(&self.overview_resampling.as_str()) {
            return refuse(
                "--overview-resampling",
                format!("expected one of {}", OVERVIEW_KERNELS.join(", ")),
            );
        }
        if !WARP_KERNELS.contains(&self.resampling.as_str()) {
            return refuse("--resampling", format!("expected one of {}", WARP_KERNELS.join(", ")));
        }
        if self.overviews.is_some_and(|count| count > 30) {
            return refuse("--overview-level", "expected 0 to 30".to_owned());
        }
        if let Some(Reprojection::Crs { crs, resolution }) = &self.reprojection {
            if let Err(error) = gdal::spatial_ref::SpatialRef::from_definition(crs) {
                let said = super::error::said(&error);
                return refuse("--dst-crs", format!("'{crs}' is no CRS that GDAL knows: {said}"));
            }
            if resolution.is_some_and(|resolution| !(resolution.is_finite() && resolution > 0.0)) {
                return refuse("--res", "expected a number above 0".to_owned());
            }
        }
        if self.add_mask && matches!(self.nodata, Some(Nodata::None)) {
            return refuse("--add-mask", "--nodata none leaves nothing to make a mask of".to_owned());
        }
        self.data_type()?;
        self.check_bands()
    }

    fn check_format(&self) -> Result<(), ConvertError> {
        let refuse = |option: &'static str, problem: String| Err(ConvertError::Option { option, problem });
        if self.format == Format::Cog {
            if is_store(&self.dest) {
                return refuse("DEST", "it ends in .zarr; --format zarr writes stores".to_owned());
            }
            return Ok(());
        }
        if is_tiff(&self.dest) && !self.dest.is_dir() {
            return refuse(
                "DEST",
                "it ends in .tif, but --format zarr writes stores: .zarr, or a folder".to_owned(),
            );
        }
        if self.level.is_some_and(|level| !Blosc::LEVELS.contains(&level)) {
            return refuse("--level", "expected 1 to 9, which Blosc takes".to_owned());
        }
        Ok(())
    }

    /// Whether DEST is the one thing to write, not a folder for many.
    pub(super) fn is_for_one(&self) -> bool {
        is_one(&self.dest)
    }

    fn check_bands(&self) -> Result<(), ConvertError> {
        let refuse = |option: &'static str, problem: String| Err(ConvertError::Option { option, problem });
        for (option, names) in std::iter::once(("--bands", &self.bands))
            .chain(self.stacks.iter().map(|stack| ("--stack", stack)))
        {
            if names.iter().any(|name| name.trim().is_empty()) {
                return refuse(option, "expected names with commas between, such as B02,B03,B04".to_owned());
            }
            if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
                return refuse(option, format!("'{}' is there twice", twice.1));
            }
        }
        if !self.stacks.is_empty() && !self.bands.is_empty() {
            return refuse("--stack", "--bands would choose among its bands; give one of the two".to_owned());
        }
        if self.jobs == 0 {
            return refuse("--jobs", "expected at least 1".to_owned());
        }
        Ok(())
    }

    /// The type of samples that is asked for.
    pub(super) fn data_type(&self) -> Result<Option<GdalDataType>, ConvertError> {
        let Some(name) = &self.data_type else { return Ok(None) };
        let found = TYPES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, data_type)| Some(*data_type)).ok_or_else(|| ConvertError::Option {
            option: "--dtype",
            problem: format!("expected one of {}", TYPES.map(|(name, _)| name).join(", ")),
        })
    }

    /// Whether a band of a Sentinel-2 product is asked for.
    pub(super) fn wants(&self, band: &Band) -> bool {
        let is = |name: &String| name.eq_ignore_ascii_case(band.name) || name.eq_ignore_ascii_case(band.key);
        self.bands.is_empty() || self.bands.iter().any(is)
    }

    /// The creation options of GDAL's COG driver, without reprojection.
    pub(super) fn creation(&self, threads: usize) -> Vec<String> {
        let mut list = vec![
            format!("COMPRESS={}", self.compression.gdal_name()),
            format!("BLOCKSIZE={}", self.block_size),
            format!("OVERVIEW_RESAMPLING={}", gdal_kernel(&self.overview_resampling)),
            format!("NUM_THREADS={threads}"),
            "BIGTIFF=IF_SAFER".to_owned(),
        ];
        let mut add = |name: &str, value: Option<String>| {
            list.extend(value.map(|value| format!("{name}={value}")));
        };
        add("LEVEL", self.level.map(|level| level.to_string()));
        add("QUALITY", self.quality.map(|quality| quality.to_string()));
        add("MAX_Z_ERROR", self.max_error.map(|error| error.to_string()));
        let predictor = match self.predictor {
            Predictor::None => "NO",
            Predictor::Auto => "YES",
            Predictor::Horizontal => "STANDARD",
            Predictor::FloatingPoint => "FLOATING_POINT",
        };
        add("PREDICTOR", self.compression.has_predictor().then(|| predictor.to_owned()));
        match self.overviews {
            Some(0) => add("OVERVIEWS", Some("NONE".to_owned())),
            count => {
                // The source's own may have been made with another kernel.
                add("OVERVIEWS", Some("IGNORE_EXISTING".to_owned()));
                add("OVERVIEW_COUNT", count.map(|count| count.to_string()));
            }
        }
        list
    }

    /// The creation options that make the COG driver reproject.
    ///
    /// `extent` (west, south, east, north) goes with a resolution: GDAL takes it only with both.
    pub(super) fn warping(
        &self,
        reprojection: &Reprojection,
        extent: Option<[f64; 4]>,
        alpha: bool,
    ) -> Vec<String> {
        let mut list = vec![
            format!("WARP_RESAMPLING={}", gdal_kernel(&self.resampling)),
            format!("ADD_ALPHA={}", if alpha { "YES" } else { "NO" }),
        ];
        match reprojection {
            Reprojection::Web => list.push("TILING_SCHEME=GoogleMapsCompatible".to_owned()),
            Reprojection::Crs { crs, resolution } => {
                list.push(format!("TARGET_SRS={crs}"));
                list.extend(resolution.map(|resolution| format!("RES={resolution}")));
                list.extend(extent.map(|[w, s, e, n]| format!("EXTENT={w},{s},{e},{n}")));
            }
        }
        list
    }
}

/// What the outcome depends on, in one line; goes into each COG.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Threads do not change a byte of the outcome.
        let mut options = match self.format {
            Format::Cog => self.creation(1),
            Format::Zarr => vec![format!("ZARR LEVEL={:?} CHUNK={}", self.level, self.block_size)],
        };
        if let Some(reprojection) = &self.reprojection {
            options.extend(self.warping(reprojection, None, false));
        }
        write!(f, "{}", options.join(" "))?;
        let Self { nodata, add_mask, data_type, clip, bands, .. } = self;
        write!(f, " nodata={nodata:?} add_mask={add_mask} dtype={data_type:?} clip={clip} bands={bands:?}")
    }
}

fn has_extension(path: &Path, names: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    names.iter().any(|name| extension.eq_ignore_ascii_case(name))
}

fn is_tiff(path: &Path) -> bool {
    has_extension(path, &["tif", "tiff"])
}

fn is_store(path: &Path) -> bool {
    has_extension(path, &["zarr"])
}

/// Whether a DEST names one file or store by its extension.
pub(super) fn is_one(dest: &Path) -> bool {
    is_store(dest) || (is_tiff(dest) && !dest.is_dir())
}

/// GDAL's own spelling of a kernel.
fn gdal_kernel(name: &str) -> String {
    name.to_ascii_uppercase().replace('_', "")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The defaults, of nothing.
    pub(in super::super) fn options() -> Options {
        Options {
            sources: Vec::new(),
            dest: PathBuf::new(),
            format: Format::Cog,
            compression: Compression::Deflate,
            level: Some(6),
            quality: None,
            max_error: None,
            predictor: Predictor::Auto,
            block_size: 512,
            nodata: None,
            add_mask: false,
            data_type: None,
            clip: false,
            overviews: None,
            overview_resampling: "nearest".to_owned(),
            reprojection: None,
            resampling: "nearest".to_owned(),
            bands: Vec::new(),
            stacks: Vec::new(),
            layout: Layout::Bands,
            ascending: false,
            overwrite: false,
            jobs: 1,
            shard: None,
        }
    }

    type Change = fn(&mut Options);

    #[test]
    fn what_cannot_be_is_refused_by_the_options_name() {
        options().check().expect("the defaults can be");
        let refused: [(&str, Change); 9] = [
            ("--blocksize", |o| o.block_size = 100),
            ("--level", |o| o.level = Some(13)),
            ("--predictor", |o| {
                o.compression = Compression::Lerc;
                o.level = None;
            }),
            ("--quality", |o| o.quality = Some(80)),
            ("--max-z-error", |o| o.max_error = Some(0.1)),
            ("--overview-resampling", |o| o.overview_resampling = "best".to_owned()),
            ("--dtype", |o| o.data_type = Some("complex64".to_owned())),
            ("--dst-crs", |o| {
                o.reprojection = Some(Reprojection::Crs { crs: "EPSG:0".to_owned(), resolution: None });
            }),
            ("--bands", |o| o.bands = vec!["1".to_owned(), "1".to_owned()]),
        ];
        for (name, change) in refused {
            let mut options = options();
            change(&mut options);
            let error = options.check().expect_err(name).to_string();
            assert!(error.starts_with(name), "{name}: {error}");
        }
    }

    #[test]
    fn the_line_in_the_cog_changes_with_what_changes_the_cog() {
        let line = options().to_string();
        assert_eq!(Options { jobs: 7, overwrite: true, ..options() }.to_string(), line);
        assert_ne!(Options { level: Some(9), ..options() }.to_string(), line);
        assert_ne!(Options { nodata: Some(Nodata::Value(0.0)), ..options() }.to_string(), line);
    }
}
