//! A Sentinel-2 product → its COGs and the Item that lies beside them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::Datelike as _;

use super::choice::{Format, Layout};
use super::error::ConvertError;
use super::input::Input;
use super::item::item;
use super::options::Options;
use super::plan::{Task, TaskSource, Told};
use crate::source::safe::{Image, Kind, Product};

/// An Item that appears when the last of its COGs is there, and not at all when one fails.
#[derive(Debug)]
pub(super) struct Making {
    path: PathBuf,
    document: String,
    left: AtomicUsize,
    failed: AtomicBool,
}

impl Making {
    /// One COG is done, or has failed; writes the Item after the last.
    pub(super) fn done(&self, succeeded: bool) -> Result<(), ConvertError> {
        if !succeeded {
            self.failed.store(true, Ordering::Release);
        }
        let is_last = self.left.fetch_sub(1, Ordering::AcqRel) == 1;
        if !is_last || self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        if fs::read_to_string(&self.path).is_ok_and(|there| there == self.document) {
            return Ok(());
        }
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let partial = self.path.with_file_name(format!(".{name}.partial"));
        let failed = || ConvertError::write(&self.path);
        let mut file = fs::File::create(&partial).map_err(failed())?;
        file.write_all(self.document.as_bytes()).map_err(failed())?;
        file.sync_all().map_err(failed())?;
        fs::rename(&partial, &self.path).map_err(failed())
    }
}

/// The rasters that become one COG, and its name without extension.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// The file's stem, and the asset's key where bands are stacked.
    pub(super) name: String,
    /// Its rasters, in the order of bands.
    pub(super) images: Vec<&'a Image>,
}

/// Plans a product; none when it is left out for its orbit.
pub(super) fn tasks(input: &Input, options: &Options) -> Result<Option<Vec<Task>>, ConvertError> {
    let path = input.file.as_deref().unwrap_or(Path::new(&input.name));
    let product = Product::open(path)?;
    if product.facts.is_ascending && !options.ascending {
        return Ok(None);
    }
    let id = product.item_id();
    let groups = groups(&product, options)?;
    for image in groups.iter().flat_map(|group| &group.images) {
        product.check(image)?;
    }
    let folder = match options.layout {
        Layout::Bands => options.dest.join(&id),
        Layout::Stacked => {
            let ((zone, band, square), sensed) = (&product.tile.mgrs, &product.facts.sensed);
            let month = format!("{zone}/{band}/{square}/{}/{}", sensed.year(), sensed.month());
            options.dest.join(month).join(&id)
        }
    };
    let document = serde_json::to_string_pretty(&item(&product, &groups, options)).unwrap_or_default();
    let making = || Making {
        path: folder.join(format!("{id}.json")),
        document: document + "\n",
        // A product's store is one task.
        left: AtomicUsize::new(if options.format == Format::Zarr { 1 } else { groups.len() }),
        failed: AtomicBool::new(false),
    };
    // On another grid the metadata do not hold: `build` makes an Item of the COGs themselves.
    let making = options.reprojection.is_none().then(|| Arc::new(making()));
    let source = |group: &str, image: &Image| source(&product, image, group);
    if options.format == Format::Zarr {
        let all = groups.iter().flat_map(|group| group.images.iter().map(|image| source(&group.name, image)));
        return Ok(Some(vec![Task {
            sources: all.collect(),
            dest: folder.join(store_name(&id)),
            label: path.display().to_string(),
            is_container: false,
            making,
        }]));
    }
    let task = |group: &Group<'_>| Task {
        sources: group.images.iter().map(|image| source("", image)).collect(),
        dest: folder.join(format!("{}.tif", group.name)),
        label: format!("{} {}", path.display(), group.name),
        is_container: false,
        making: making.clone(),
    };
    Ok(Some(groups.iter().map(task).collect()))
}

/// The name of a product's store.
pub(super) fn store_name(id: &str) -> String {
    format!("{id}.zarr")
}

fn source(product: &Product, image: &Image, group: &str) -> TaskSource {
    let band = image.band;
    let is_picture = band.kind == Kind::Picture;
    TaskSource {
        name: product.archive.gdal_name(&image.part),
        file: Some(product.archive.file_of(&image.part)),
        bands: Vec::new(),
        told: Some(Told {
            // The bands of a picture have no names of their own.
            name: if is_picture { String::new() } else { band.name.to_owned() },
            scaling: product.scaling(band),
            nodata: Some(nodata(product, image)),
        }),
        group: group.to_owned(),
    }
}

/// The sample that means no data: 0 in all that ESA derives from the bands.
pub(super) fn nodata(product: &Product, image: &Image) -> f64 {
    match image.band.kind {
        Kind::Reflectance => f64::from(product.facts.nodata),
        _ => 0.0,
    }
}

/// Which rasters become which COG.
pub(super) fn groups<'a>(product: &'a Product, options: &Options) -> Result<Vec<Group<'a>>, ConvertError> {
    let find = |name: &String| {
        let is = |image: &&Image| {
            image.band.name.eq_ignore_ascii_case(name) || image.band.key.eq_ignore_ascii_case(name)
        };
        product.images.iter().find(is).ok_or_else(|| {
            let has: Vec<_> = product.images.iter().map(|image| image.band.name).collect();
            ConvertError::NoProductBand { band: name.clone(), has: has.join(", ") }
        })
    };
    if !options.stacks.is_empty() {
        let group = |stack: &Vec<String>| {
            let images = stack.iter().map(find).collect::<Result<Vec<_>, _>>()?;
            stacked(images)
        };
        return options.stacks.iter().map(group).collect();
    }
    for name in &options.bands {
        find(name)?;
    }
    // The picture is for eyes: some products come without it.
    let is_there = |image: &&Image| {
        image.band.kind != Kind::Picture || product.check(image).is_ok() || !options.bands.is_empty()
    };
    let chosen = product.images.iter().filter(|image| options.wants(image.band)).filter(is_there);
    if options.format == Format::Zarr {
        return by_grid(chosen);
    }
    let mut groups: Vec<Group<'a>> = Vec::new();
    for image in chosen {
        let is_alike = |group: &&mut Group<'_>| {
            let alike = |other: &&Image| other.gsd_m == image.gsd_m && other.band.kind == Kind::Reflectance;
            group.images.iter().all(alike)
        };
        let stacks = options.layout == Layout::Stacked && image.band.kind == Kind::Reflectance;
        match groups.iter_mut().find(is_alike).filter(|_| stacks) {
            Some(group) => group.images.push(image),
            None => groups.push(Group { name: String::new(), images: vec![image] }),
        }
    }
    groups.into_iter().map(|group| stacked(group.images)).collect()
}

/// A group of a store for each grid. The picture, whose bands are made of others for eyes, is left out.
fn by_grid<'a>(chosen: impl Iterator<Item = &'a Image>) -> Result<Vec<Group<'a>>, ConvertError> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for image in chosen.filter(|image| image.band.kind != Kind::Picture) {
        let name = format!("r{}m", image.gsd_m);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.images.push(image),
            None => groups.push(Group { name, images: vec![image] }),
        }
    }
    if groups.is_empty() {
        let problem = "TCI is a picture, which --format zarr leaves out".to_owned();
        return Err(ConvertError::Option { option: "--bands", problem });
    }
    Ok(groups)
}

/// Rasters in one file, which must be of one resolution and type.
fn stacked(images: Vec<&Image>) -> Result<Group<'_>, ConvertError> {
    let names: Vec<_> = images.iter().map(|image| image.band.name).collect();
    let is_16_bit = |image: &Image| !matches!(image.band.kind, Kind::Classes | Kind::Picture);
    if let Some((first, other)) = images.first().and_then(|first| {
        let differs = |image: &&&Image| image.gsd_m != first.gsd_m || is_16_bit(image) != is_16_bit(first);
        images.iter().find(differs).map(|other| (first, other))
    }) {
        return Err(ConvertError::Unlike {
            first: first.band.name.to_owned(),
            second: other.band.name.to_owned(),
            what: if first.gsd_m == other.gsd_m { "the type of samples" } else { "the resolution" },
        });
    }
    Ok(Group { name: names.join("_"), images })
}
