//! `cairn convert`.

use std::path::PathBuf;

use clap::Args;

#[cfg(feature = "gdal")]
use crate::build::convert::{
    Compression, Format, Layout, Nodata, Options, Predictor, Preset, Reprojection, Shard,
};
#[cfg(feature = "gdal")]
use crate::storage::in_one_line;

/// Arguments of `cairn convert`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct ConvertArgs {
    /// Rasters that GDAL reads, Sentinel-2 products (.SAFE or zip), folders of these, patterns
    #[arg(value_name = "SRC", required = true)]
    sources: Vec<String>,

    /// Folder for the COGs or stores; with one SRC it may be a file that ends in .tif, or a store that ends in .zarr
    #[arg(value_name = "DEST")]
    dest: PathBuf,

    /// What to write: cog, or zarr (version 3: an array a band, in square chunks, Blosc with zstd)
    #[arg(long, value_name = "FORMAT", default_value = "cog")]
    format: String,

    /// Preset: deflate (the default), zstd, lzw, lerc, lerc-zstd, webp, jpeg, raw, or timeseries (what random patch time series read best)
    #[arg(long, short, alias = "cog-profile", value_name = "NAME")]
    profile: Option<String>,

    /// Codec: deflate, zstd, lzw, lerc, lerc-deflate, lerc-zstd, webp, jpeg, none [default: the profile's]
    #[arg(long, alias = "compression", value_name = "CODEC")]
    compress: Option<String>,

    /// Level of deflate (1-12), zstd (1-22) or of zarr's Blosc (1-9) [default: the profile's; zarr: 5]
    #[arg(long, value_name = "N")]
    level: Option<u32>,

    /// Quality of webp or jpeg, 1-100
    #[arg(long, value_name = "N")]
    quality: Option<u32>,

    /// Largest error that lerc may make [default: 0, lossless]
    #[arg(long, value_name = "VALUE")]
    max_z_error: Option<f64>,

    /// Predictor: none, auto, 2 (integers), 3 (floats) [default: auto where the codec takes one]
    #[arg(long, value_name = "KIND")]
    predictor: Option<String>,

    /// Pixels along a side of a block or a chunk, a multiple of 16 [default: the profile's; zarr: 512]
    #[arg(long, alias = "block-size", value_name = "PIXELS")]
    blocksize: Option<u32>,

    /// Nodata value of the COG, 'nan' or 'none'; pixels keep their values [default: the source's]
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    nodata: Option<String>,

    /// Turn nodata or alpha into an internal mask
    #[arg(long, alias = "mask")]
    add_mask: bool,

    /// Type of samples: uint8, uint16, int16, uint32, int32, uint64, int64, float32, float64; values that do not fit are an error that counts them
    #[arg(long, short = 't', value_name = "TYPE")]
    dtype: Option<String>,

    /// With --dtype: cut values that do not fit to the range of the type
    #[arg(long, requires = "dtype")]
    clip: bool,

    /// Number of overviews, each half as fine; 0 for none [default: until one fits in a block]
    #[arg(long, alias = "overviews", value_name = "N")]
    overview_level: Option<u32>,

    /// Kernel of overviews: nearest, bilinear, cubic, cubic-spline, lanczos, average, mode, rms [default: nearest]
    #[arg(long, value_name = "KERNEL")]
    overview_resampling: Option<String>,

    /// Reproject to this CRS, such as EPSG:3857
    #[arg(long, value_name = "CRS", conflicts_with = "web_optimized")]
    dst_crs: Option<String>,

    /// With --dst-crs: ground size of a pixel in its units
    #[arg(long, alias = "resolution", value_name = "SIZE", requires = "dst_crs")]
    res: Option<f64>,

    /// Reproject to the tiles of Web Mercator
    #[arg(long, short)]
    web_optimized: bool,

    /// Kernel of reprojection, as for overviews, and sum
    #[arg(long, short, value_name = "KERNEL", default_value = "nearest")]
    resampling: String,

    /// Bands to take, by number (from 1) or name, with commas between
    #[arg(long, short, alias = "bidx", value_name = "BANDS", value_delimiter = ',')]
    bands: Vec<String>,

    /// Make one COG of these bands of a scene's files or of a Sentinel-2 product, such as B02,B03,B04,B08; repeatable
    #[arg(long, value_name = "BANDS")]
    stack: Vec<String>,

    /// Sentinel-2 products: 'bands' (a COG a band, in ITEM/) or 'stacked' (a COG a resolution, in ZONE/BAND/SQUARE/YEAR/MONTH/ITEM/) [default: bands]
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<String>,

    /// Sentinel-2 products: take those of ascending orbits, too
    #[arg(long)]
    ascending: bool,

    /// Redo COGs that are there already and match their source
    #[arg(long)]
    overwrite: bool,

    /// Files at a time [default: the number of cores]
    #[arg(long, short, value_name = "N")]
    jobs: Option<usize>,

    /// Take every n-th input only, from the i-th on (i from 1 to n), for array jobs
    #[arg(long, value_name = "i/n")]
    shard: Option<String>,

    /// Say nothing but warnings and errors
    #[arg(long, short)]
    quiet: bool,
}

/// Runs `cairn convert` in a version that cannot write rasters.
#[cfg(not(feature = "gdal"))]
pub(super) fn run(_args: &ConvertArgs) -> anyhow::Result<()> {
    anyhow::bail!("this build of cairn cannot write rasters: build it with the feature 'gdal' to convert")
}

/// Runs `cairn convert`.
#[cfg(feature = "gdal")]
pub(super) fn run(args: &ConvertArgs) -> anyhow::Result<()> {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::progress::{Progress, say};
    use crate::build::convert;

    let options = options(args)?;
    let dest = options.dest.clone();
    let (outcomes, done) = match options.format {
        Format::Cog => ("COGs", "COGs done"),
        Format::Zarr => ("stores", "stores done"),
    };
    let progress = Arc::new(Progress::new(done, args.quiet));
    let stop = Arc::new(AtomicBool::new(false));
    let runtime = super::runtime()?;
    let ended = runtime.block_on(async {
        let (told, stopped) = (Arc::clone(&progress), Arc::clone(&stop));
        let converting = tokio::task::spawn_blocking(move || {
            convert::run(&options, &stopped, |done, total| told.at(done, total))
        });
        tokio::select! {
            report = converting => Ok(report??),
            interrupted = super::interrupted() => {
                interrupted?;
                Err(anyhow::anyhow!("interrupted; what was done is kept, nothing is half-written"))
            }
        }
    });
    progress.finish();
    let report = match ended {
        Ok(report) => report,
        Err(error) => {
            stop.store(true, Ordering::Relaxed);
            convert::clean_up(&dest);
            super::leave(&error);
        }
    };
    for (input, reason) in &report.left_out {
        say(&format!("skipped: {input}: {reason}"));
    }
    for failure in &report.failures {
        say(&format!("failed: {}: {}", failure.input, in_one_line(&failure.error)));
    }
    if !args.quiet {
        say(&format!(
            "{} {} written ({} bytes), {} there already, {} inputs left out, {} failed",
            report.written,
            outcomes,
            report.bytes,
            report.skipped,
            report.left_out.len(),
            report.failures.len()
        ));
    }
    let failed = report.failures.len();
    anyhow::ensure!(failed == 0, "{failed} of the inputs could not be converted; they are named above");
    Ok(())
}

/// The checked options.
#[cfg(feature = "gdal")]
fn options(args: &ConvertArgs) -> anyhow::Result<Options> {
    let format = parse::<Format>("--format", Some(&args.format))?.unwrap_or_default();
    if format == Format::Zarr {
        check_for_zarr(args)?;
    }
    let dest = args.dest.to_string_lossy();
    for place in args.sources.iter().map(String::as_str).chain([dest.as_ref()]) {
        anyhow::ensure!(
            !place.contains("://"),
            "{place}: this version converts from and to local folders only; GDAL's own names, such as /vsis3/…, can be sources"
        );
    }
    let preset = parse::<Preset>("--profile", args.profile.as_deref())?.unwrap_or_default();
    let compression = parse::<Compression>("--compress", args.compress.as_deref())?;
    let own = compression.is_none_or(|compression| compression == preset.compression);
    let compression = compression.unwrap_or(preset.compression);
    let predictor = parse::<Predictor>("--predictor", args.predictor.as_deref())?;
    let reprojection = match (&args.dst_crs, args.web_optimized) {
        (_, true) => Some(Reprojection::Web),
        (Some(crs), false) => Some(Reprojection::Crs { crs: crs.clone(), resolution: args.res }),
        (None, false) => None,
    };
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    let split = |list: &String| list.split(',').map(|name| name.trim().to_owned()).collect();
    Ok(Options {
        sources: args.sources.clone(),
        dest: args.dest.clone(),
        format,
        compression,
        // A preset's level belongs to its codec.
        level: args.level.or(preset.level.filter(|_| own && format == Format::Cog)),
        quality: args.quality,
        max_error: args.max_z_error,
        predictor: predictor.unwrap_or(if compression.has_predictor() {
            Predictor::Auto
        } else {
            Predictor::None
        }),
        block_size: args.blocksize.unwrap_or(preset.block_size),
        nodata: parse::<Nodata>("--nodata", args.nodata.as_deref())?,
        add_mask: args.add_mask,
        data_type: args.dtype.clone(),
        clip: args.clip,
        overviews: args.overview_level,
        overview_resampling: kernel(args.overview_resampling.as_deref().unwrap_or("nearest")),
        reprojection,
        resampling: kernel(&args.resampling),
        bands: args.bands.iter().map(|name| name.trim().to_owned()).collect(),
        stacks: args.stack.iter().map(split).collect(),
        layout: parse::<Layout>("--layout", args.layout.as_deref())?.unwrap_or_default(),
        ascending: args.ascending,
        overwrite: args.overwrite,
        jobs: args.jobs.unwrap_or_else(cores),
        shard: parse::<Shard>("--shard", args.shard.as_deref())?,
    })
}

/// Refuses what only COGs have.
#[cfg(feature = "gdal")]
fn check_for_zarr(args: &ConvertArgs) -> anyhow::Result<()> {
    let given = [
        ("--profile", args.profile.is_some(), "give --blocksize and --level"),
        ("--compress", args.compress.is_some(), "its chunks are packed by Blosc with zstd; give --level"),
        ("--quality", args.quality.is_some(), "it loses nothing"),
        ("--max-z-error", args.max_z_error.is_some(), "it loses nothing"),
        ("--predictor", args.predictor.is_some(), "Blosc regroups bytes instead"),
        ("--add-mask", args.add_mask, "nodata is its fill value"),
        ("--overview-level", args.overview_level.is_some(), "it has no overviews"),
        ("--overview-resampling", args.overview_resampling.is_some(), "it has no overviews"),
        ("--web-optimized", args.web_optimized, "--dst-crs EPSG:3857 reprojects it"),
        ("--stack", !args.stack.is_empty(), "each band is an array of its own; --bands chooses"),
        ("--layout", args.layout.is_some(), "a product is one store, with a group for each resolution"),
    ];
    match given.into_iter().find(|(_, is_given, _)| *is_given) {
        Some((option, _, instead)) => anyhow::bail!("{option} does not go with --format zarr: {instead}"),
        None => Ok(()),
    }
}

#[cfg(feature = "gdal")]
fn parse<T: std::str::FromStr<Err = String>>(option: &str, text: Option<&str>) -> anyhow::Result<Option<T>> {
    let parsed = text.map(|text| text.parse().map_err(|error| anyhow::anyhow!("{option} {text}: {error}")));
    parsed.transpose()
}
