//! The blocks of one Item, read.

use std::collections::HashMap;
use std::sync::Arc;

use super::axis::Fall;
use super::blocks::{BlockFailure, Blocks, Fetched};
use super::error::PatchError;
use super::grid::Window;
use super::plan::{Block, blocks};
use super::source::{BandSource, item_name, storage_failed};
use crate::cog::Opened;
use crate::stac::ItemFacts;

/// One raster's part of a time step: how it falls on the window, and its blocks.
#[derive(Debug)]
pub(super) struct RasterRead {
    /// The raster.
    pub(super) opened: Arc<Opened>,
    /// (plane of the answer, band of the raster).
    pub(super) bands: Vec<(usize, u16)>,
    /// How its pixels fall on the window.
    pub(super) fall: Fall,
    /// The blocks that the window needs; sparse ones have no samples.
    pub(super) blocks: Vec<Fetched>,
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

impl RasterPlan {
    /// Memory for its blocks, as they are in the file and decoded.
    pub(super) fn bytes(&self) -> u64 {
        let row_bytes = self.opened.header.full.image.row_bytes();
        let of_block = |block: &Block| match &block.bytes {
            Some(range) => {
                (range.end - range.start).saturating_add(row_bytes.saturating_mul(block.rows.into()))
            }
            None => 0,
        };
        self.blocks.iter().map(of_block).fold(0, u64::saturating_add)
    }
}

/// Reads what the plans of one Item say.
pub(super) async fn fetch(
    from: &Blocks,
    item: &ItemFacts,
    plans: Vec<RasterPlan>,
) -> Result<Vec<RasterRead>, PatchError> {
    let reads = plans.into_iter().map(|plan| async move {
        let (opened, name) = (plan.opened, plan.band_name);
        let blocks = from.read(&opened, plan.blocks, |opened, _| Some(&opened.header.full.image)).await;
        let blocks = blocks.map_err(|failure| failed(item, name, &opened, &failure))?;
        Ok(RasterRead { opened, bands: plan.bands, fall: plan.fall, blocks })
    });
    futures::future::try_join_all(reads).await
}

fn failed(item: &ItemFacts, band: String, opened: &Opened, failure: &BlockFailure) -> PatchError {
    match failure {
        BlockFailure::Storage(error) => storage_failed(item, &band, error),
        BlockFailure::Decode(error) => PatchError::Source {
            item: item_name(item),
            band,
            reason: error.to_string(),
            cause: format!("{}: {error}", opened.location),
        },
    }
}
