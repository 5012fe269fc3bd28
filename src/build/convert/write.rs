//! One COG: opened, described, written under a temporary name, moved.

use std::fs;
use std::path::Path;

use gdal::raster::{GdalDataType, RasterCreationOptions};
use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, SpatialRef};
use gdal::{Dataset, DriverManager};

use super::choice::{Format, Nodata, Predictor, Reprojection};
use super::error::ConvertError;
use super::facts::{Pair, Source};
use super::options::Options;
use super::plan::{Task, TaskSource};
use super::range;
use super::stamp;
use super::store;
use super::vrt::{Band, Mask, Outcome};

/// How the intermediate raster of a reprojection is packed: fast, and it lives for seconds.
const INTERMEDIATE: [&str; 5] =
    ["COMPRESS=ZSTD", "LEVEL=1", "OVERVIEWS=NONE", "BIGTIFF=IF_SAFER", "BLOCKSIZE=512"];

/// The largest block of all bands, in MiB: 512 pixels a side of 1,000 bands of 32 bits.
const BLOCK_MIB: u64 = 1000;

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// Written, of so many bytes.
    Written(u64),
    /// There already, made of the same in the same way.
    Skipped,
}

/// Makes one COG or store; `scratch` is a folder of this task alone, on the disk of the destination.
pub(super) fn write(
    task: &Task,
    options: &Options,
    scratch: &Path,
    threads: usize,
) -> Result<Done, ConvertError> {
    let stamp = stamp::stamp(task, &options.to_string()).map_err(ConvertError::read(&task.label))?;
    if !options.overwrite && stamp::matches(&task.dest, stamp.as_ref()) {
        return Ok(Done::Skipped);
    }
    fs::create_dir_all(scratch).map_err(ConvertError::write(scratch))?;
    if options.format == Format::Zarr {
        return store::write(task, options, stamp, scratch, threads).map(Done::Written);
    }
    let partial = scratch.join("cog.tif");
    cog(&task.sources, options, stamp, &partial, scratch, threads)?;
    // What is moved must be there after a crash, too.
    let file = fs::File::open(&partial).map_err(ConvertError::write(&task.dest))?;
    file.sync_all().map_err(ConvertError::write(&task.dest))?;
    let bytes = file.metadata().map_err(ConvertError::write(&task.dest))?.len();
    if let Some(folder) = task.dest.parent() {
        fs::create_dir_all(folder).map_err(ConvertError::write(folder))?;
    }
    fs::rename(&partial, &task.dest).map_err(ConvertError::write(&task.dest))?;
    Ok(Done::Written(bytes))
}

/// Has GDAL write the bands of some sources as a COG.
pub(super) fn cog(
    wanted: &[TaskSource],
    options: &Options,
    stamp: Option<Pair>,
    partial: &Path,
    scratch: &Path,
    threads: usize,
) -> Result<(), ConvertError> {
    let (sources, bands) = opened(wanted)?;
    let mut outcome = outcome(&sources, bands, options)?;
    check_block(&outcome, options.block_size)?;
    check_values(&outcome, options)?;
    let Some(reprojection) = &options.reprojection else {
        outcome.stamp = stamp;
        return copy(&outcome, partial, &options.creation(threads));
    };
    let first = sources.first().filter(|source| source.has_place()).ok_or(ConvertError::NoPlace)?;
    let extent = match reprojection {
        Reprojection::Crs { crs, resolution: Some(resolution) } => Some(extent(first, crs, *resolution)?),
        _ => None,
    };
    let has_nodata = outcome.bands.iter().all(|band| outcome.nodata_of(&band.facts).is_some());
    let has_alpha = outcome.bands.iter().any(|band| band.facts.is_alpha());
    if outcome.mask == Mask::None && (has_nodata || has_alpha) {
        outcome.stamp = stamp;
        let mut creation = options.creation(threads);
        creation.extend(options.warping(reprojection, extent, false));
        return copy(&outcome, partial, &creation);
    }
    // Pixels that come from nowhere must be told from zeros: alpha in between, a mask in the end.
    let warped = scratch.join("warped.tif");
    let mut creation: Vec<String> = INTERMEDIATE.map(str::to_owned).to_vec();
    creation.push(format!("NUM_THREADS={threads}"));
    creation.extend(options.warping(reprojection, extent, true));
    copy(&outcome, &warped, &creation)?;
    let name = warped.to_string_lossy();
    let source = Source::read(&name, &Source::open(&name)?)?;
    let kept = source.bands.iter().filter(|band| !band.is_alpha());
    let bands = kept.map(|facts| Band { source: 0, facts: facts.clone(), replaced: None }).collect();
    let sources = [source];
    let masked = Outcome {
        sources: &sources,
        bands,
        mask: Mask::Made,
        stamp,
        nodata: None,
        changes_values: true,
        data_type: outcome.data_type,
    };
    copy(&masked, partial, &options.creation(threads))
}

/// Makes sure that blocks, which GDAL holds several of and which have all bands, fit in memory.
fn check_block(outcome: &Outcome<'_>, side: u32) -> Result<(), ConvertError> {
    let (bands, sample) = (outcome.bands.len(), u64::from(outcome.data_type.bytes()));
    let mib = (u64::from(side).pow(2) * bands as u64 * sample) >> 20;
    if mib > BLOCK_MIB {
        let data_type = outcome.data_type.name();
        return Err(ConvertError::Block { bands, data_type, mib, limit_mib: BLOCK_MIB });
    }
    Ok(())
}

/// All datasets of one outcome, which must lie on each other, and the bands to take.
pub(super) fn opened(wanted: &[TaskSource]) -> Result<(Vec<Source>, Vec<Band>), ConvertError> {
    let (mut sources, mut bands): (Vec<Source>, Vec<Band>) = (Vec::new(), Vec::new());
    for TaskSource { name, bands: chosen, told, .. } in wanted {
        let source = Source::read(name, &Source::open(name)?)?;
        if let Some(first) = sources.first() {
            let unlike =
                |what| ConvertError::Unlike { first: first.name.clone(), second: name.clone(), what };
            if first.size != source.size {
                return Err(unlike("the size"));
            }
            if first.wkt != source.wkt {
                return Err(unlike("the CRS"));
            }
            if first.geo_transform != source.geo_transform {
                return Err(unlike("the place"));
            }
        }
        for mut facts in source.chosen(chosen)? {
            if let Some(told) = told {
                if !told.name.is_empty() {
                    facts.description.clone_from(&told.name);
                }
                if let Some((scale, offset)) = told.scaling {
                    (facts.scale, facts.offset) = (Some(scale), Some(offset).filter(|offset| *offset != 0.0));
                }
                if let Some(nodata) = told.nodata {
                    (facts.nodata, facts.nodata_text) = (Some(nodata), Some(nodata.to_string()));
                }
            }
            bands.push(Band { source: sources.len(), facts, replaced: None });
        }
        sources.push(source);
    }
    // The bands of a stack are bands of their own, not the grey one of each file.
    if sources.len() > 1 {
        for band in &mut bands {
            "Undefined".clone_into(&mut band.facts.color);
        }
    }
    Ok((sources, bands))
}

/// What the outcome is to be, without its stamp.
pub(super) fn outcome<'a>(
    sources: &'a [Source],
    mut bands: Vec<Band>,
    options: &Options,
) -> Result<Outcome<'a>, ConvertError> {
    let types: Vec<GdalDataType> = bands.iter().map(|band| band.facts.data_type).collect();
    let asked = options.data_type()?;
    let data_type = match (asked, types.as_slice()) {
        (Some(asked), _) => asked,
        (None, [first, rest @ ..]) if rest.iter().all(|other| other == first) => *first,
        (None, _) => {
            let names: Vec<_> = types.iter().map(GdalDataType::name).collect();
            return Err(ConvertError::MixedTypes { types: names.join(", ") });
        }
    };
    let mismatch = |predictor| ConvertError::Predictor { predictor, data_type: data_type.name() };
    match options.predictor {
        Predictor::Horizontal if data_type.is_floating() => return Err(mismatch(2)),
        Predictor::FloatingPoint if !data_type.is_floating() => return Err(mismatch(3)),
        _ => {}
    }
    if let Some(Nodata::Value(value)) = options.nodata
        && !range::holds(data_type, value)
    {
        return Err(ConvertError::Nodata { nodata: value.to_string(), data_type: data_type.name() });
    }
    for band in &mut bands {
        let Some(old) = band.facts.nodata else { continue };
        if asked.is_none() || range::holds(data_type, old) {
            continue;
        }
        // Nothing in the new type is what the old nodata was.
        if !matches!(options.nodata, Some(Nodata::Value(_))) {
            return Err(ConvertError::Nodata { nodata: old.to_string(), data_type: data_type.name() });
        }
        band.replaced = Some(old);
    }
    let has_alpha = bands.iter().any(|band| band.facts.is_alpha());
    let has_nodata = bands.iter().any(|band| band.facts.nodata.is_some()) || options.nodata.is_some();
    let kept = sources.first().is_some_and(|source| source.has_mask);
    let mask = match () {
        () if kept => Mask::Kept,
        () if options.add_mask && (has_alpha || has_nodata) => Mask::Made,
        () => Mask::None,
    };
    if mask == Mask::Made && has_alpha {
        bands.retain(|band| !band.facts.is_alpha());
    }
    Ok(Outcome {
        sources,
        bands,
        data_type,
        nodata: options.nodata,
        mask,
        stamp: None,
        changes_values: asked.is_some() || options.nodata.is_some() || options.reprojection.is_some(),
    })
}

/// Makes sure that a type that was asked for holds what the sources have.
pub(super) fn check_values(outcome: &Outcome<'_>, options: &Options) -> Result<(), ConvertError> {
    if options.data_type.is_none() {
        return Ok(());
    }
    for (at, source) in outcome.sources.iter().enumerate() {
        let bands: Vec<_> =
            outcome.bands.iter().filter(|band| band.source == at).map(|band| band.facts.clone()).collect();
        range::check(&Source::open(&source.name)?, &bands, outcome.data_type, options.clip)?;
    }
    Ok(())
}

/// The box around a source in another CRS, its sides on multiples of the resolution, so that neighbours share a grid.
fn extent(source: &Source, crs: &str, resolution: f64) -> Result<[f64; 4], ConvertError> {
    let failed = || ConvertError::gdal("bring its corners to that CRS");
    let Some([x, a, b, y, d, e]) = source.geo_transform else {
        return Err(ConvertError::Option {
            option: "--res",
            problem: "it has control points only; leave --res out".to_owned(),
        });
    };
    #[expect(clippy::cast_precision_loss, reason = "GDAL counts in 31 bits")]
    let (width, height) = (source.size.0 as f64, source.size.1 as f64);
    let corners = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)]
        .map(|(col, row)| (x + a * col + b * row, y + d * col + e * row));
    let least = |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    let bounds = [least(|c| c.0), least(|c| c.1), most(|c| c.0), most(|c| c.1)];
    let reference = |definition: &str| {
        let mut reference = SpatialRef::from_definition(definition).map_err(failed())?;
        reference.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
        Ok::<_, ConvertError>(reference)
    };
    let transform = CoordTransform::new(&reference(&source.wkt)?, &reference(crs)?).map_err(failed())?;
    let [west, south, east, north] = transform.transform_bounds(&bounds, 21).map_err(failed())?;
    let (down, up) = (
        |value: f64| (value / resolution).floor() * resolution,
        |value: f64| (value / resolution).ceil() * resolution,
    );
    Ok([down(west), down(south), up(east), up(north)])
}

/// The outcome as GDAL reads it.
pub(super) fn open_virtual(outcome: &Outcome<'_>) -> Result<Dataset, ConvertError> {
    Dataset::open(Path::new(&outcome.to_xml())).map_err(ConvertError::gdal("put its bands together"))
}

fn copy(outcome: &Outcome<'_>, dest: &Path, creation: &[String]) -> Result<(), ConvertError> {
    let failed = || ConvertError::gdal("write it as a COG");
    let virtual_raster = open_virtual(outcome)?;
    let driver = DriverManager::get_driver_by_name("COG").map_err(failed())?;
    let options: RasterCreationOptions = creation.iter().map(String::as_str).collect();
    let written = virtual_raster.create_copy(&driver, dest, &options).map_err(failed())?;
    written.close().map_err(failed())
}
