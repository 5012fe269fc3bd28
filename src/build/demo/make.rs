//! Making the whole set in one go, or finding it made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::land::{Pixel, land};
use super::scene::{Scene, draw};
use super::schedule::{Product, products};
use super::write::Raster;

/// Changed whenever the pixels change, so that older sets are made anew.
const VERSION: u32 = 1;
/// What everything is drawn from.
const SEED: u64 = 35;
/// Pixels of 10 m along a side of the area.
const SIZE: usize = 768;
/// The Collection, and the folder that becomes it.
/// Where the set is written before it is complete.
const PARTIAL: &str = ".cogs.partial";

/// How often an interrupted set is removed until it is gone.
const CLEAN_UP_TRIES: u32 = 20;

/// Id of the demo's one Collection.
pub const COLLECTION: &str = "sentinel-2-l2a";
/// Lies beside the Collection once the set is complete.
const MARKER: &str = ".cairn-demo";
/// Factor and summand that make a sample a reflectance.
const REFLECTANCE: Option<(f64, f64)> = Some((0.000_1, -0.1));

/// Where the demo is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoPaths {
    /// The rasters: what `build` scans.
    pub cogs: PathBuf,
    /// Where the tree goes. Not made here.
    pub tree: PathBuf,
    /// False when a complete set was there already.
    pub made: bool,
}

/// Why the demo could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Something else is in the way.
    #[error("{} exists and is no demo of this program; name another folder, or remove it", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// The disk refused.
    #[error("cannot write {}; the demo needs about 120 MB", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// GDAL refused.
    #[error("GDAL cannot write {}; it must have the COG driver (GDAL 3.1 or newer)", path.display())]
    Gdal {
        /// What was to be written.
        path: PathBuf,
        /// What GDAL says.
        source: gdal::errors::GdalError,
    },
}

/// Makes the demo's rasters in `dir/cogs`, unless a complete set of this version is there; blocks for some 10 to 40
/// seconds on all cores of rayon's pool. `progress` is told how many of how many products are done.
///
/// The set appears under its name only when complete; an interrupted run leaves a hidden folder that the next one clears.
///
/// # Errors
/// When `dir/cogs` holds something else, or something cannot be written.
pub fn make(dir: &Path, progress: impl Fn(usize, usize) + Sync) -> Result<DemoPaths, DemoError> {
    let mut paths = DemoPaths { cogs: dir.join("cogs"), tree: dir.join("tree"), made: false };
    match fs::read_to_string(paths.cogs.join(MARKER)) {
        Ok(marker) if marker == contents(&paths.cogs) => return Ok(paths),
        Ok(_) => fs::remove_dir_all(&paths.cogs).map_err(writing(&paths.cogs))?,
        Err(_) if paths.cogs.exists() => return Err(DemoError::Occupied { path: paths.cogs }),
        Err(_) => {}
    }
    let partial = dir.join(PARTIAL);
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(writing(&partial))?;
    }
    let ground = land(SEED, SIZE);
    let products = products();
    let done = AtomicUsize::new(0);
    progress(0, products.len());
    products.par_iter().try_for_each(|product| {
        write_product(&partial, &ground, product)?;
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, products.len());
        Ok(())
    })?;
    let marker = partial.join(MARKER);
    fs::write(&marker, contents(&partial)).map_err(writing(&marker))?;
    fs::rename(&partial, &paths.cogs).map_err(writing(&paths.cogs))?;
    paths.made = true;
    Ok(paths)
}

/// Removes what an interrupted [`make`] left; a writer that is still busy may have to be told off a few times.
pub fn clean_up(dir: &Path) {
    let partial = dir.join(PARTIAL);
    for _ in 0..CLEAN_UP_TRIES {
        if fs::remove_dir_all(&partial).is_ok() || !partial.exists() {
            break;
        }
    }
}

/// What the marker of a complete set says: version, seed, and how much there is.
fn contents(cogs: &Path) -> String {
    let folders = fs::read_dir(cogs.join(COLLECTION)).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
    let sizes = files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len());
    let (count, bytes) = sizes.fold((0_u32, 0_u64), |(count, bytes), len| (count + 1, bytes + len));
    format!("version {VERSION}\nseed {SEED}\nfiles {count}\nbytes {bytes}\n")
}

fn write_product(cogs: &Path, ground: &[Pixel], product: &Product) -> Result<(), DemoError> {
    let folder = cogs.join(COLLECTION).join(&product.name);
    fs::create_dir_all(&folder).map_err(writing(&folder))?;
    let Scene { fine, coarse, classes } = draw(SEED, ground, SIZE, product);
    let write = |raster: &Raster<'_>, samples: Samples| {
        let path = folder.join(format!("{}.tif", raster.band));
        let written = match samples {
            Samples::Reflectance(samples) => raster.write(&path, samples),
            Samples::Classes(samples) => raster.write(&path, samples),
        };
        written.map_err(|source| DemoError::Gdal { path, source })
    };
    let fine_raster =
        |band| Raster { band, size: SIZE, pixel_m: 10.0, overviews: "AVERAGE", scale: REFLECTANCE };
    let coarse_raster = |band| Raster { size: SIZE / 2, pixel_m: 20.0, ..fine_raster(band) };
    for (band, samples) in ["B02", "B03", "B04", "B08"].into_iter().zip(fine) {
        write(&fine_raster(band), Samples::Reflectance(samples))?;
    }
    for (band, samples) in ["B05", "B11"].into_iter().zip(coarse) {
        write(&coarse_raster(band), Samples::Reflectance(samples))?;
    }
    let scl = Raster { overviews: "MODE", scale: None, ..coarse_raster("SCL") };
    write(&scl, Samples::Classes(classes))
}

/// The two sample types of a product.
enum Samples {
    Reflectance(Vec<u16>),
    Classes(Vec<u8>),
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> DemoError {
    let path = path.to_owned();
    |source| DemoError::Write { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("cogs")).expect("a folder in the way");
        let error = make(dir.path(), |_, _| {}).expect_err("occupied");
        assert!(matches!(error, DemoError::Occupied { .. }));
    }
}
