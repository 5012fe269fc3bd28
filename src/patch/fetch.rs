//! The byte ranges of one Item's blocks, read.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::axis::Fall;
use super::error::PatchError;
use super::grid::Window;
use super::plan::{Block, blocks, merge};
use super::source::{BandSource, item_name, storage_failed};
use crate::cog::Opened;
use crate::stac::ItemFacts;
use crate::storage::{Storage, StorageError};

/// One raster's part of a time step: how it falls on the window, and the bytes of its blocks.
#[derive(Debug)]
pub(super) struct RasterRead {
    /// The raster.
    pub(super) opened: Arc<Opened>,
    /// (plane of the answer, band of the raster).
    pub(super) bands: Vec<(usize, u16)>,
    /// How its pixels fall on the window.
    pub(super) fall: Fall,
    /// The blocks that the window needs; those of sparse blocks have no bytes.
    pub(super) blocks: Vec<(Block, Option<Bytes>)>,
}

/// What an Item's part of a patch takes, before anything of it is read.
#[derive(Debug, Clone)]
pub(super) struct RasterPlan {
    opened: Arc<Opened>,
    bands: Vec<(usize, u16)>,
    fall: Fall,
    pub(super) blocks: Vec<Block>,
    /// The name of its first band, for errors.
    pub(super) band_name: String,
}

/// Plans the reads of one Item: `sources` are its bands in the order of planes.
pub(super) fn plan(
    item: &ItemFacts,
    names: &[String],
    sources: &[BandSource],
    window: &Window,
) -> Result<Vec<RasterPlan>, PatchError> {
    // Bands of one file are read together; the order of first appearance keeps the plan deterministic.
    let mut by_file: Vec<RasterPlan> = Vec::new();
    let mut known: HashMap<*const Opened, usize> = HashMap::new();
    for (plane, (source, name)) in sources.iter().zip(names).enumerate() {
        if source.lattice.epsg != window.lattice.epsg {
            return Err(PatchError::OtherCrs {
                item: item_name(item),
                epsg: source.lattice.epsg,
                expected: window.lattice.epsg,
            });
        }
        let new = by_file.len();
        let at = *known.entry(Arc::as_ptr(&source.opened)).or_insert(new);
        match by_file.get_mut(at) {
            Some(plan) => plan.bands.push((plane, source.band)),
            None => by_file.push(RasterPlan {
                opened: Arc::clone(&source.opened),
                bands: vec![(plane, source.band)],
                fall: window.fall_of(&source.lattice, source.shape())?,
                blocks: Vec::new(),
                band_name: name.clone(),
            }),
        }
    }
    by_file.retain(|plan| !plan.fall.rows.is_empty() && !plan.fall.cols.is_empty());
    for plan in &mut by_file {
        let mut bands: Vec<u16> = plan.bands.iter().map(|(_, band)| *band).collect();
        bands.sort_unstable();
        bands.dedup();
        plan.blocks = blocks(&plan.opened.header.full.image, &plan.fall, &bands).map_err(|error| {
            let (reason, cause) = (error.to_string(), format!("{}: {error}", plan.opened.location));
            PatchError::Source { item: item_name(item), band: plan.band_name.clone(), reason, cause }
        })?;
    }
    Ok(by_file)
}

/// Reads what the plans of one Item say.
pub(super) async fn fetch(
    storage: &Storage,
    item: &ItemFacts,
    plans: Vec<RasterPlan>,
) -> Result<Vec<RasterRead>, PatchError> {
    let reads = plans.into_iter().map(|plan| async move {
        let name = plan.band_name.clone();
        fetch_raster(storage, plan).await.map_err(|error| storage_failed(item, &name, &error))
    });
    futures::future::try_join_all(reads).await
}

async fn fetch_raster(storage: &Storage, plan: RasterPlan) -> Result<RasterRead, StorageError> {
    let wanted: Vec<usize> = (0..plan.blocks.len()).filter(|i| plan.blocks[*i].bytes.is_some()).collect();
    let ranges: Vec<_> = wanted.iter().filter_map(|i| plan.blocks[*i].bytes.clone()).collect();
    let merged = merge(&ranges);
    let runs: Vec<_> = merged.iter().map(|(run, _)| run.clone()).collect();
    let parts = if runs.is_empty() {
        Vec::new()
    } else {
        storage.read_ranges(&plan.opened.location, &plan.opened.etag, &runs).await?
    };
    let mut blocks: Vec<(Block, Option<Bytes>)> =
        plan.blocks.into_iter().map(|block| (block, None)).collect();
    for ((run, members), part) in merged.into_iter().zip(parts) {
        for member in members {
            let range = &ranges[member];
            // A run holds its members, and memory holds the run: both fit.
            let offset = |at: u64| usize::try_from(at - run.start).unwrap_or(usize::MAX);
            blocks[wanted[member]].1 = Some(part.slice(offset(range.start)..offset(range.end)));
        }
    }
    Ok(RasterRead { opened: plan.opened, bands: plan.bands, fall: plan.fall, blocks })
}
