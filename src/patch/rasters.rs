//! The distinct grids of the rasters that a selection of Items has, for random places.

use std::collections::HashSet;
use std::sync::Arc;

use super::engine::Engine;
use super::error::PatchError;
use super::grid::Lattice;
use super::opening::OpenRasters;
use super::series::Series;
use super::source::BandSource;
use crate::stac::ItemFacts;

/// A raster as a set of places.
#[derive(Debug, Clone)]
pub(super) struct Raster {
    pub(super) lattice: Lattice,
    /// Rows and columns.
    pub(super) shape: [u32; 2],
    /// The first Item that has it.
    item: Arc<ItemFacts>,
}

/// Rasters with different grids, in the order of `/search`.
#[derive(Debug)]
pub(super) struct Rasters {
    pub(super) all: Vec<Raster>,
    /// Names of the bands whose finest has these grids.
    names: Vec<String>,
    /// True when the catalogue says all of it, so that no file had to be opened.
    pub(super) described: bool,
}

impl Rasters {
    /// Memory beside its own size; facts of Items are about a kilobyte.
    pub(super) fn heap_bytes(&self) -> usize {
        self.all.len() * (size_of::<Raster>() + 1024)
    }
}

impl Engine {
    /// The distinct grids of the matching Items' finest asked bands.
    pub(super) async fn rasters(&self, series: &Series) -> Result<Rasters, PatchError> {
        let items = self.select(series, None).await?;
        let names = match &series.bands {
            Some(bands) => bands.clone(),
            None => items
                .iter()
                .map(|item| item.default_bands())
                .find(|bands| !bands.is_empty())
                .unwrap_or_default(),
        };
        let mut rasters = Rasters { all: Vec::new(), names, described: true };
        let mut seen = HashSet::new();
        let mut usable = false;
        for item in &items {
            if !rasters.names.iter().all(|name| item.band(name).is_some()) {
                continue;
            }
            usable = true;
            let (lattice, shape) = if let Some(grid) = described(item, &rasters.names) {
                grid
            } else {
                rasters.described = false;
                let finest = self.finest_band(item, &rasters.names).await?;
                (finest.lattice, finest.shape())
            };
            if seen.insert((lattice.epsg, lattice.transform.map(f64::to_bits), shape)) {
                rasters.all.push(Raster { lattice, shape, item: Arc::clone(item) });
            }
        }
        match items.first() {
            Some(item) if !usable => {
                let has = |name: &&String| items.iter().any(|item| item.band(name).is_some());
                let band = rasters.names.iter().find(|name| !has(name)).cloned();
                Err(PatchError::no_band("bands", &band.unwrap_or_else(|| rasters.names.join(",")), item))
            }
            _ => Ok(rasters),
        }
    }

    /// Rows and columns of the blocks of one raster: those of its finest band.
    pub(super) async fn block_of(&self, rasters: &Rasters, nth: usize) -> Result<[u32; 2], PatchError> {
        let finest = self.finest_band(&rasters.all[nth].item, &rasters.names).await?;
        let image = &finest.opened.header.full.image;
        Ok([image.block_height, image.block_width])
    }

    /// The finest of an Item's bands, the first of several, its raster open.
    async fn finest_band(&self, item: &ItemFacts, names: &[String]) -> Result<BandSource, PatchError> {
        let mut rasters = OpenRasters::new(&self.headers, &self.places);
        let sources = rasters.open_bands(item, names).await?;
        let finest =
            sources.into_iter().min_by(|a, b| a.lattice.resolution().total_cmp(&b.lattice.resolution()));
        finest.ok_or_else(|| PatchError::no_band("bands", "", item))
    }
}

/// The finest of the grids that an Item's document gives for the bands, the first of several; nothing where it is silent of
/// one of them.
fn described(item: &ItemFacts, names: &[String]) -> Option<(Lattice, [u32; 2])> {
    let grids = names.iter().map(|name| item.assets.get(item.band(name)?.asset)?.grid);
    let grids: Vec<_> = grids.collect::<Option<_>>()?;
    let lattices =
        grids.into_iter().map(|grid| (Lattice::of_raster(grid.epsg, grid.transform, grid.shape), grid.shape));
    lattices.min_by(|a, b| a.0.resolution().total_cmp(&b.0.resolution()))
}

#[cfg(test)]
impl Raster {
    /// A raster of an Item without assets.
    pub(super) fn for_test(lattice: Lattice, shape: [u32; 2]) -> Self {
        let item = ItemFacts {
            id: "i".to_owned(),
            collection: "c".to_owned(),
            time: chrono::DateTime::UNIX_EPOCH,
            platform: None,
            footprint: None,
            assets: Vec::new(),
        };
        Self { lattice, shape, item: Arc::new(item) }
    }
}

#[cfg(test)]
impl Rasters {
    /// Rasters as the catalogue describes them.
    pub(super) fn for_test(all: Vec<Raster>) -> Self {
        Self { all, names: Vec::new(), described: true }
    }
}
