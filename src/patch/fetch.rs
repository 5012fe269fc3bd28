//! The byte ranges of one Item's blocks, read.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::error::PatchError;
use super::grid::{GridError, Window};
use super::kernel::Kernel;
use super::plan::{Block, blocks, merge};
use super::source::{BandSource, item_name, storage_failed};
use super::way::Route;
use crate::cog::{BlockError, Image, Opened};
use crate::stac::ItemFacts;
use crate::storage::{Storage, StorageError};

/// Bytes of one raster that may be decoded for a time step on another grid: eight bands of a Sentinel-2 tile.
const MAX_RASTER_BYTES: u64 = 2 << 30;

/// A band of a raster that a patch takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// The plane that it fills.
    pub(super) plane: usize,
    /// Which band of the raster, from 0.
    pub(super) band: u16,
    /// How its pixels become the window's.
    pub(super) kernel: Kernel,
    /// The sample that stands for nodata.
    pub(super) nodata: Option<[u8; 8]>,
}

/// A block and its bytes, if the file has any for it.
pub(super) type Fetched = (Block, Option<Bytes>);

/// One raster's part of a time step: how it gets to the window, and the bytes of its blocks.
#[derive(Debug)]
pub(super) struct RasterRead {
    /// The raster.
    pub(super) opened: Arc<Opened>,
    /// What is taken of it.
    pub(super) bands: Vec<Taken>,
    /// How its pixels get to the window.
    pub(super) route: Route,
    /// The blocks that the window needs; those of sparse blocks have no bytes.
    pub(super) blocks: Vec<Fetched>,
    /// The same of the mask, if the file has one.
    pub(super) mask_blocks: Vec<Fetched>,
}

/// What an Item's part of a patch takes, before anything of it is read.
#[derive(Debug, Clone)]
pub(super) struct RasterPlan {
    opened: Arc<Opened>,
    bands: Vec<Taken>,
    route: Route,
    blocks: Vec<Block>,
    mask_blocks: Vec<Block>,
    /// The name of its first band, for errors.
    band_name: String,
}

/// Plans the reads of one Item's planes that are asked for: `sources` are its bands in the order of planes.
pub(super) fn plan(
    item: &ItemFacts,
    names: &[String],
    sources: &[BandSource],
    window: &Window,
    kernel: Kernel,
    asked: impl Fn(usize) -> bool,
) -> Result<Vec<RasterPlan>, PatchError> {
    // Bands of one file are read together; the order of first appearance keeps the plan deterministic.
    let mut by_file: Vec<Vec<Taken>> = Vec::new();
    let mut known: HashMap<*const Opened, usize> = HashMap::new();
    for (plane, source) in sources.iter().enumerate().filter(|(plane, _)| asked(*plane)) {
        let new = by_file.len();
        let at = *known.entry(Arc::as_ptr(&source.opened)).or_insert(new);
        let kernel = if source.is_categorical { Kernel::Nearest } else { kernel };
        let taken = Taken { plane, band: source.band, kernel, nodata: source.nodata_sample() };
        match by_file.get_mut(at) {
            Some(bands) => bands.push(taken),
            None => by_file.push(vec![taken]),
        }
    }
    let plans = by_file.into_iter().map(|bands| {
        let first = bands[0].plane;
        plan_raster(&sources[first], &names[first], bands, window).map_err(|error| match error {
            PlanError::Grid(error) => error.into(),
            PlanError::Block(error) => {
                let cause = format!("{}: {error}", sources[first].opened.location);
                let (item, band) = (item_name(item), names[first].clone());
                PatchError::Source { item, band, reason: error.to_string(), cause }
            }
        })
    });
    plans.filter_map(Result::transpose).collect()
}

/// Why a raster's reads cannot be planned.
enum PlanError {
    Grid(GridError),
    Block(BlockError),
}

/// The plan of one raster; nothing when it lies elsewhere.
fn plan_raster(
    source: &BandSource,
    name: &str,
    bands: Vec<Taken>,
    window: &Window,
) -> Result<Option<RasterPlan>, PlanError> {
    let opened = &source.opened;
    let kernels: Vec<Kernel> = bands.iter().map(|band| band.kernel).collect();
    let route = Route::new(window, &source.lattice, &opened.header, &kernels).map_err(PlanError::Grid)?;
    let (Some(fall), Some(level)) = (route.way.needed(window), opened.header.levels().nth(route.level))
    else {
        return Ok(None);
    };
    let mut wanted: Vec<u16> = bands.iter().map(|band| band.band).chain(level.image.alpha_band()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let of_image = blocks(&level.image, &fall, &wanted).map_err(PlanError::Block)?;
    if !route.way.is_copy() {
        let bytes =
            decoded_bytes(&level.image, &of_image).max(route.way.pixel_bytes(&level.image, bands.len()));
        if bytes > MAX_RASTER_BYTES {
            return Err(PlanError::Grid(GridError::TooFine { bytes, limit: MAX_RASTER_BYTES }));
        }
    }
    let of_mask = level.mask.as_ref().map(|mask| blocks(mask, &fall, &[0])).transpose();
    Ok(Some(RasterPlan {
        opened: Arc::clone(opened),
        bands,
        route,
        blocks: of_image,
        mask_blocks: of_mask.map_err(PlanError::Block)?.unwrap_or_default(),
        band_name: name.to_owned(),
    }))
}

/// What blocks take when they are decoded; those that the file leaves out are filled.
fn decoded_bytes(image: &Image, blocks: &[Block]) -> u64 {
    let of_block = |block: &Block| image.row_bytes().saturating_mul(block.rows.into());
    blocks.iter().map(of_block).fold(0, u64::saturating_add)
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
    let image_blocks = plan.blocks.len();
    let mut blocks: Vec<Fetched> =
        plan.blocks.into_iter().chain(plan.mask_blocks).map(|block| (block, None)).collect();
    let wanted: Vec<usize> = (0..blocks.len()).filter(|i| blocks[*i].0.bytes.is_some()).collect();
    let ranges: Vec<_> = wanted.iter().filter_map(|i| blocks[*i].0.bytes.clone()).collect();
    let merged = merge(&ranges);
    let runs: Vec<_> = merged.iter().map(|(run, _)| run.clone()).collect();
    let parts = if runs.is_empty() {
        Vec::new()
    } else {
        storage.read_ranges(&plan.opened.location, &plan.opened.etag, &runs).await?
    };
    for ((run, members), part) in merged.into_iter().zip(parts) {
        for member in members {
            let range = &ranges[member];
            // A run holds its members, and memory holds the run: both fit.
            let offset = |at: u64| usize::try_from(at - run.start).unwrap_or(usize::MAX);
            blocks[wanted[member]].1 = Some(part.slice(offset(range.start)..offset(range.end)));
        }
    }
    let mask_blocks = blocks.split_off(image_blocks);
    Ok(RasterRead { opened: plan.opened, bands: plan.bands, route: plan.route, blocks, mask_blocks })
}
