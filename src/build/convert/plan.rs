//! Inputs → which COG is made of what.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::choice::Format;
use super::error::ConvertError;
use super::facts::{Source, subdatasets};
use super::input::{Input, Kind};
use super::options::Options;
use super::product::{self, Making};
use super::stacking;

/// Formats whose files hold several rasters more often than not, by extension.
const CONTAINERS: [&str; 8] = ["nc", "nc4", "hdf", "hdf4", "h4", "hdf5", "h5", "he5"];

/// What is told of a band by other means than its file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    /// Its name.
    pub(super) name: String,
    /// Factor and summand.
    pub(super) scaling: Option<(f64, f64)>,
    /// Nodata.
    pub(super) nodata: Option<f64>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.name, self.scaling, self.nodata)
    }
}

/// A dataset that a COG takes bands from.
#[derive(Debug, Clone)]
pub(super) struct TaskSource {
    /// The name by which GDAL opens it.
    pub(super) name: String,
    /// The file whose size and time tell whether it changed.
    pub(super) file: Option<PathBuf>,
    /// Bands by number or name; empty: all.
    pub(super) bands: Vec<String>,
    /// What is told of its one band, or its bands, by other means.
    pub(super) told: Option<Told>,
    /// The group of a Zarr store that its bands go to; empty: the store's own.
    pub(super) group: String,
}

/// One COG or Zarr store to make.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// What it is made of; bands in this order.
    pub(super) sources: Vec<TaskSource>,
    /// Where it goes.
    pub(super) dest: PathBuf,
    /// What a failure names.
    pub(super) label: String,
    /// True for formats of the HDF5 library, which are read on the thread that planned them.
    pub(super) is_container: bool,
    /// The Item that is complete when all its COGs are.
    pub(super) making: Option<Arc<Making>>,
}

/// All that is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The COGs.
    pub(super) tasks: Vec<Task>,
    /// Inputs that cannot be planned.
    pub(super) failures: Vec<(String, ConvertError)>,
    /// Inputs that are left out on purpose, and why.
    pub(super) left_out: Vec<(String, &'static str)>,
}

/// Says what COGs the inputs become.
pub(super) fn plan(inputs: Vec<Input>, options: &Options) -> Result<Plan, ConvertError> {
    let mut plan = Plan::default();
    let (products, rasters): (Vec<_>, Vec<_>) =
        inputs.into_iter().partition(|input| input.kind == Kind::Product);
    for input in products {
        match product::tasks(&input, options) {
            Ok(Some(tasks)) => plan.tasks.extend(tasks),
            Ok(None) => plan.left_out.push((input.label, "an ascending orbit; --ascending takes it")),
            Err(error) => plan.failures.push((input.label, error)),
        }
    }
    if options.stacks.is_empty() {
        for input in rasters {
            match tasks_of(&input, options) {
                Ok(tasks) => plan.tasks.extend(tasks),
                Err(error) => plan.failures.push((input.label, error)),
            }
        }
    } else {
        stacking::tasks(rasters, options, &mut plan);
    }
    if options.format == Format::Zarr {
        for task in &mut plan.tasks {
            task.dest.set_extension("zarr");
        }
    }
    if options.is_for_one() {
        let count = plan.tasks.len();
        match plan.tasks.as_mut_slice() {
            [] => {}
            [only] => {
                only.dest.clone_from(&options.dest);
                // There is no folder for an Item.
                only.making = None;
            }
            [first, ..] => {
                let choice =
                    first.is_container.then(|| format!(", or one of them, such as '{}'", first.label));
                let choice = choice.unwrap_or_default();
                return Err(ConvertError::OneFile { dest: options.dest.clone(), count, choice });
            }
        }
    }
    check(&plan.tasks)?;
    Ok(plan)
}

/// The COGs of one raster: one, or one for each raster in a container.
fn tasks_of(input: &Input, options: &Options) -> Result<Vec<Task>, ConvertError> {
    let extension = input.file.as_ref().and_then(|file| file.extension()?.to_str()).unwrap_or_default();
    let is_container = CONTAINERS.iter().any(|container| container.eq_ignore_ascii_case(extension));
    let task = |name: &str, dest: PathBuf, label: String| Task {
        sources: vec![TaskSource {
            name: name.to_owned(),
            file: input.file.clone(),
            bands: options.bands.clone(),
            told: None,
            group: String::new(),
        }],
        dest,
        label,
        is_container,
        making: None,
    };
    let dest = options.dest.join(&input.dest);
    if is_container {
        let dataset = Source::open(&input.name)?;
        let inner = if dataset.raster_count() == 0 { subdatasets(&dataset) } else { Vec::new() };
        if !inner.is_empty() {
            let stem = dest.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let named = inner.iter().map(|name| {
                let last = name.rsplit([':', '/']).next().unwrap_or_default().replace(['"', ' '], "");
                task(name, dest.with_file_name(format!("{stem}_{last}.tif")), name.clone())
            });
            return Ok(named.collect());
        }
    }
    Ok(vec![task(&input.name, dest, input.label.clone())])
}

/// No two COGs at one place, none in place of a source.
fn check(tasks: &[Task]) -> Result<(), ConvertError> {
    let mut places: BTreeMap<&Path, &str> = BTreeMap::new();
    for task in tasks {
        if let Some(first) = places.insert(&task.dest, &task.label) {
            return Err(ConvertError::Collision {
                first: first.to_owned(),
                second: task.label.clone(),
                dest: task.dest.clone(),
            });
        }
        let real = std::fs::canonicalize(&task.dest).ok();
        let sources = task.sources.iter().filter_map(|source| source.file.as_ref());
        for file in sources {
            if real.is_some() && std::fs::canonicalize(file).ok() == real {
                return Err(ConvertError::Itself { path: file.clone() });
            }
        }
    }
    Ok(())
}
