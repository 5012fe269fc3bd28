//! The blocks of one Item, read.

use std::collections::HashMap;
use std::sync::Arc;

use super::blocks::{BlockFailure, Blocks, Fetched, Images};
use super::error::PatchError;
use super::grid::GridError;
use super::kernel::Kernel;
use super::mappings::Mappings;
use super::plan::{Block, blocks};
use super::resample::CROP_BYTES;
use super::source::{BandSource, item_name, storage_failed};
use super::way::{Route, Way};
use crate::cog::{BlockError, Image, Opened};
use crate::stac::ItemFacts;

/// Memory that the blocks of one raster of a time step may take on another grid, as they are in the file and decoded: four
/// bands of a Sentinel-2 tile.
const MAX_RASTER_BYTES: u64 = 1 << 30;

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

/// One raster's part of a time step: how it gets to the window, and its blocks.
#[derive(Debug)]
pub(super) struct RasterRead {
    /// The raster.
    pub(super) opened: Arc<Opened>,
    /// What is taken of it.
    pub(super) bands: Vec<Taken>,
    /// How its pixels get to the window.
    pub(super) route: Route,
    /// The blocks that the window needs; sparse ones have no samples.
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
    /// Memory for its blocks, as they are in the file and decoded.
    pub(super) bytes: u64,
    /// The name of its first band, for errors.
    band_name: String,
}

/// Plans the reads of one Item's planes that are asked for: `sources` are its bands in the order of planes.
pub(super) fn plan(
    item: &ItemFacts,
    names: &[String],
    sources: &[BandSource],
    mappings: &Mappings,
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
        plan_raster(&sources[first], &names[first], bands, mappings).map_err(|error| match error {
            PlanError::Grid(error) => error.into(),
            PlanError::Block(error) => damaged(item, &names[first], &sources[first].opened, &error),
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
    mappings: &Mappings,
) -> Result<Option<RasterPlan>, PlanError> {
    let opened = &source.opened;
    let kernels: Vec<Kernel> = bands.iter().map(|band| band.kernel).collect();
    let route = Route::new(mappings, &source.lattice, &opened.header, &kernels).map_err(PlanError::Grid)?;
    let (Some(fall), Some(level)) =
        (route.way.needed(&mappings.window), opened.header.levels().nth(route.level))
    else {
        return Ok(None);
    };
    let mut wanted: Vec<u16> = bands.iter().map(|band| band.band).chain(level.image.alpha_band()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let of_image = blocks(&level.image, &fall, &wanted).map_err(PlanError::Block)?;
    let of_mask = level.mask.as_ref().map(|mask| blocks(mask, &fall, &[0])).transpose();
    let of_mask = of_mask.map_err(PlanError::Block)?.unwrap_or_default();
    let of_mask_bytes = level.mask.as_ref().map_or(0, |mask| memory_of(mask, &of_mask));
    let bytes = memory_of(&level.image, &of_image).saturating_add(of_mask_bytes);
    let needed = bytes.max(route.way.pixel_bytes(&level.image, bands.len()));
    if !route.way.is_copy() && needed > MAX_RASTER_BYTES {
        return Err(PlanError::Grid(GridError::TooFine { bytes: needed, limit: MAX_RASTER_BYTES }));
    }
    // Pixels between the blocks and the window, as they are brought to it.
    let pixels = fall.rows.covered.len().saturating_mul(fall.cols.covered.len()) as u64;
    let crop = match &route.way {
        Way::Straight(_) => 0,
        Way::Warped(_) => {
            pixels.saturating_mul((bands.len() * level.image.data_type.size()) as u64).min(CROP_BYTES as u64)
        }
    };
    let bytes = bytes.saturating_add(crop);
    Ok(Some(RasterPlan {
        opened: Arc::clone(opened),
        bands,
        route,
        blocks: of_image,
        mask_blocks: of_mask,
        bytes,
        band_name: name.to_owned(),
    }))
}

/// Memory for blocks of an image, as they are in the file and decoded; those that the file leaves out are filled.
fn memory_of(image: &Image, blocks: &[Block]) -> u64 {
    let row_bytes = image.row_bytes();
    let of_block = |block: &Block| {
        let packed = block.bytes.as_ref().map_or(0, |range| range.end - range.start);
        packed.saturating_add(row_bytes.saturating_mul(block.rows.into()))
    };
    blocks.iter().map(of_block).fold(0, u64::saturating_add)
}

/// Reads what the plans of one Item say.
pub(super) async fn fetch(
    from: &Blocks,
    item: &ItemFacts,
    plans: Vec<RasterPlan>,
) -> Result<Vec<RasterRead>, PatchError> {
    let reads = plans.into_iter().map(|plan| async move {
        let RasterPlan { opened, bands, route, blocks, mask_blocks, band_name, .. } = plan;
        let images = Images { level: route.level, before_mask: blocks.len() };
        let blocks = from.read(&opened, blocks.into_iter().chain(mask_blocks).collect(), images).await;
        let mut blocks = blocks.map_err(|failure| failed(item, &band_name, &opened, &failure))?;
        let mask_blocks = blocks.split_off(images.before_mask);
        Ok(RasterRead { opened, bands, route, blocks, mask_blocks })
    });
    futures::future::try_join_all(reads).await
}

fn failed(item: &ItemFacts, band: &str, opened: &Opened, failure: &BlockFailure) -> PatchError {
    match failure {
        BlockFailure::Storage(error) => storage_failed(item, band, error),
        BlockFailure::Decode(error) => damaged(item, band, opened, error.as_ref()),
    }
}

/// A block that its file does not have as it says.
fn damaged(item: &ItemFacts, band: &str, opened: &Opened, error: &dyn std::error::Error) -> PatchError {
    let cause = format!("{}: {error}", opened.location);
    PatchError::Source { item: item_name(item), band: band.to_owned(), reason: error.to_string(), cause }
}
