//! Blocks of rasters, read and decoded, each by one flight however many requests want it, and kept by what they weigh.
//!
//! A block is decoded as far as its last wanted row, which spares a third of the work where windows of half a block's side
//! lie anywhere (512 of 768 rows a column of blocks, on average), and kept so. Who wants more rows of a kept block decodes
//! all of it: such a block is popular. Which blocks are kept is for `TinyLFU` to say, so that a walk through all of an archive
//! does not drive out what is asked for often.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, try_join_all};

use super::plan::Block;
use crate::cog::{Codec, DecodeError, Image, Opened, decode_block};
use crate::pool::Pool;
use crate::storage::{Storage, StorageError, merge};

/// Memory of a kept block beside its samples.
const OVERHEAD_BYTES: usize = 160;

/// The first rows of a block: samples as [`decode_block`] gives them.
#[derive(Debug)]
pub(super) struct Decoded {
    rows: u32,
    pub(super) samples: Vec<u8>,
}

/// A block and its samples, if the file has any for it.
pub(super) type Fetched = (Block, Option<Arc<Decoded>>);

/// Where a block begins in an opened raster: whatever image of it, no other block begins there.
type Key = (u64, u64);

/// A run of bytes that all blocks within it wait for.
type Run = Shared<BoxFuture<'static, Result<Bytes, Arc<StorageError>>>>;

/// To which images of a raster blocks belong: the first to those of a resolution, the others to its mask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Images {
    /// The resolution, as an index into the file's levels.
    pub(super) level: usize,
    /// How many come before those of the mask.
    pub(super) before_mask: usize,
}

impl Images {
    fn of(self, opened: &Opened, nth: usize) -> Option<&Image> {
        let level = opened.header.levels().nth(self.level)?;
        if nth < self.before_mask { Some(&level.image) } else { level.mask.as_ref() }
    }
}

/// Why a block cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum BlockFailure {
    /// Its bytes cannot be read.
    #[error(transparent)]
    Storage(Arc<StorageError>),
    /// Its bytes cannot be decoded.
    #[error(transparent)]
    Decode(Arc<DecodeError>),
}

/// Reads and decodes blocks, and keeps them; a clone shares what is kept.
#[derive(Debug, Clone)]
pub struct Blocks {
    storage: Storage,
    pool: Pool,
    kept: Option<moka::future::Cache<Key, Arc<Decoded>>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Blocks {
    /// Blocks from `storage`, decoded on `pool`, of which `cache_bytes` are kept.
    pub(super) fn new(storage: Storage, pool: Pool, cache_bytes: u64) -> Self {
        let weigh = |_: &Key, block: &Arc<Decoded>| {
            u32::try_from(block.samples.capacity() + OVERHEAD_BYTES).unwrap_or(u32::MAX)
        };
        let kept = (cache_bytes > 0)
            .then(|| moka::future::Cache::builder().max_capacity(cache_bytes).weigher(weigh).build());
        Self { storage, pool, kept, counts: Arc::default() }
    }

    /// Blocks that were kept when they were wanted, so far.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.counts.hits.load(Ordering::Relaxed)
    }

    /// Blocks that were not, so far.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.counts.misses.load(Ordering::Relaxed)
    }

    /// Bytes that are kept.
    #[must_use]
    pub fn kept_bytes(&self) -> u64 {
        self.kept.as_ref().map_or(0, moka::future::Cache::weighted_size)
    }

    /// Blocks of one raster, in their order; `images` says to which of its images each belongs. Bytes of blocks that nobody
    /// has are read in as few runs as is cheap, and each is decoded as soon as its run is there.
    pub(super) async fn read(
        &self,
        opened: &Arc<Opened>,
        blocks: Vec<Block>,
        images: Images,
    ) -> Result<Vec<Fetched>, BlockFailure> {
        let mut fetched: Vec<Fetched> = Vec::with_capacity(blocks.len());
        let mut absent: Vec<(usize, Range<u64>)> = Vec::new();
        for (nth, block) in blocks.into_iter().enumerate() {
            let mut samples = None;
            if let Some(range) = &block.bytes {
                samples = self.kept(opened, &block, range, images.of(opened, nth)).await;
                if samples.is_none() {
                    absent.push((nth, range.clone()));
                }
            }
            fetched.push((block, samples));
        }
        let ranges: Vec<Range<u64>> = absent.iter().map(|(_, range)| range.clone()).collect();
        let mut flights = Vec::with_capacity(absent.len());
        let gap_bytes = self.storage.gap_bytes(&opened.location);
        for (run, members) in merge(&ranges, gap_bytes) {
            let bytes = self.run(opened, run.clone());
            for member in members {
                let (nth, range) = &absent[member];
                let block = &fetched[*nth].0;
                let flight = Flight {
                    opened: Arc::clone(opened),
                    run: bytes.clone(),
                    // A run holds its members, and memory holds the run: both fit.
                    at: offset(range.start - run.start)..offset(range.end - run.start),
                    key: (opened.id, range.start),
                    rows: block.rows,
                    block_row: block.row,
                    whole: false,
                };
                let nth = *nth;
                flights
                    .push(async move { self.land(flight, images, nth).await.map(|decoded| (nth, decoded)) });
            }
        }
        for (nth, decoded) in try_join_all(flights).await? {
            fetched[nth].1 = Some(decoded);
        }
        Ok(fetched)
    }

    /// A kept block with all rows that are wanted.
    async fn kept(
        &self,
        opened: &Opened,
        block: &Block,
        range: &Range<u64>,
        image: Option<&Image>,
    ) -> Option<Arc<Decoded>> {
        let kept = self.kept.as_ref()?.get(&(opened.id, range.start)).await;
        let kept = kept.filter(|decoded| decoded.serves(block.rows, image));
        let count = if kept.is_some() { &self.counts.hits } else { &self.counts.misses };
        count.fetch_add(1, Ordering::Relaxed);
        kept
    }

    /// The bytes of a run, read when the first of its blocks asks for them.
    fn run(&self, opened: &Arc<Opened>, run: Range<u64>) -> Run {
        let (storage, opened) = (self.storage.clone(), Arc::clone(opened));
        let read = async move {
            let parts = storage.read_ranges(&opened.location, &opened.etag, std::slice::from_ref(&run)).await;
            parts.map(|parts| parts.into_iter().next().unwrap_or_default()).map_err(Arc::new)
        };
        read.boxed().shared()
    }

    /// One block: read and decoded here, or by whoever does so already.
    async fn land(&self, flight: Flight, images: Images, nth: usize) -> Result<Arc<Decoded>, BlockFailure> {
        let Some(kept) = &self.kept else { return self.load(flight, images, nth).await };
        let (key, rows) = (flight.key, flight.rows);
        let of_image = |opened: &Opened, decoded: &Decoded| decoded.serves(rows, images.of(opened, nth));
        for _ in 0..2 {
            let mut flight = flight.clone();
            if kept.get(&key).await.is_some_and(|decoded| !of_image(&flight.opened, &decoded)) {
                kept.invalidate(&key).await;
                flight.whole = true;
            }
            let opened = Arc::clone(&flight.opened);
            let decoded = kept.try_get_with(key, self.load(flight, images, nth)).await;
            let decoded = decoded.map_err(|failure| (*failure).clone())?;
            if of_image(&opened, &decoded) {
                return Ok(decoded);
            }
        }
        // Others keep on putting fewer rows there.
        self.load(flight, images, nth).await
    }

    async fn load(&self, flight: Flight, images: Images, nth: usize) -> Result<Arc<Decoded>, BlockFailure> {
        let bytes = flight.run.await.map_err(BlockFailure::Storage)?.slice(flight.at);
        let decode = move || {
            let Some(image) = images.of(&flight.opened, nth) else {
                return Ok(Decoded { rows: 0, samples: Vec::new() });
            };
            // Of what is not compressed, no more was read.
            let rows = match image.codec {
                Codec::None => flight.rows,
                _ if flight.whole => image.rows_in_block(flight.block_row).max(flight.rows),
                _ => flight.rows,
            };
            let mut samples = Vec::new();
            decode_block(image, &bytes, rows, &mut samples)?;
            Ok(Decoded { rows, samples })
        };
        let decoded = self.pool.run(decode).await;
        decoded.map(Arc::new).map_err(|error: DecodeError| BlockFailure::Decode(Arc::new(error)))
    }
}

/// What it takes to get a block.
#[derive(Debug, Clone)]
struct Flight {
    opened: Arc<Opened>,
    key: Key,
    run: Run,
    /// Its bytes within the run.
    at: Range<usize>,
    block_row: u32,
    /// Rows that are wanted.
    rows: u32,
    /// Decode all rows, wanted or not.
    whole: bool,
}

impl Decoded {
    /// True when it has at least so many rows of a block of the image. A file may say of a block that it belongs to two
    /// images of different kinds: the one that it was not decoded for decodes it for itself.
    fn serves(&self, rows: u32, image: Option<&Image>) -> bool {
        let fits = image.is_some_and(|image| {
            let samples = u64::from(image.block_width) * u64::from(image.samples_per_block_pixel());
            samples * u64::from(self.rows) * image.data_type.size() as u64 == self.samples.len() as u64
        });
        fits && self.rows >= rows
    }
}

fn offset(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
