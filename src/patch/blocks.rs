//! Blocks of rasters, read and decoded, each by one flight however many requests want it, and kept by what they weigh.
//!
//! A block is decoded as far as its last wanted row, which spares a third of the work where windows of half a block's side
//! lie anywhere (512 of 768 rows a column of blocks, on average), and kept so. Who wants more rows of a kept block decodes
//! all of it: such a block is popular. Which blocks are kept is for `TinyLFU` to say, so that a walk through all of an archive
//! does not drive out what is asked for often.
//!
//! What the system has of a local file in memory is read where it is decoded, block by block; so are blocks of files in
//! stores that are kept on this disk. All else is read in as few runs of bytes as is cheap; blocks that another request is
//! reading are left out of them.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, try_join_all};

use super::engine::Limits;
use super::landing::{Key, Landing};
use super::plan::Block;
use crate::cog::{Codec, DecodeError, Image, Opened, decode_block, likely_bytes};
use crate::pool::{Pool, Spared, Spares};
use crate::storage::{Storage, StorageError, merge};

/// Memory of a kept block beside its samples.
const OVERHEAD_BYTES: usize = 160;

/// Buffers of blocks that are kept for the next ones: some 16 of the usual 512 × 512 pixels of four bands, unless answers are
/// small.
const SPARE_BYTES: u64 = 32 << 20;

/// The largest buffer that a thread keeps for bytes as they are in a file.
const RAW_BYTES: usize = 4 << 20;

thread_local! {
    static RAW: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The first rows of a block: samples as [`decode_block`] gives them.
#[derive(Debug)]
pub(super) struct Decoded {
    rows: u32,
    pub(super) samples: Spared,
}

/// A block and its samples, if the file has any for it.
pub(super) type Fetched = (Block, Option<Arc<Decoded>>);

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
    spares: Spares,
    kept: Option<moka::future::Cache<Key, Arc<Decoded>>>,
    landing: Landing,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    decoding_ns: AtomicU64,
}

/// A block that has to be read and decoded.
#[derive(Debug, Clone)]
struct Flight {
    opened: Arc<Opened>,
    images: Images,
    /// Which of the blocks that are asked for.
    nth: usize,
    block_row: u32,
    /// Rows that are wanted.
    rows: u32,
    /// Its bytes in the file.
    range: Range<u64>,
    /// Fewer rows are kept: decode all of them.
    whole: bool,
}

impl Blocks {
    /// Blocks from `storage`, decoded on `pool`, of which `limits.cache_bytes` are kept.
    pub(super) fn new(storage: Storage, pool: Pool, limits: Limits) -> Self {
        let cache_bytes = limits.cache_bytes;
        let weigh = |_: &Key, block: &Arc<Decoded>| {
            u32::try_from(block.samples.capacity() + OVERHEAD_BYTES).unwrap_or(u32::MAX)
        };
        let kept = (cache_bytes > 0)
            .then(|| moka::future::Cache::builder().max_capacity(cache_bytes).weigher(weigh).build());
        let spares = Spares::new(offset(SPARE_BYTES.min(limits.answer_bytes / 8)));
        Self { storage, pool, spares, kept, landing: Landing::default(), counts: Arc::default() }
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

    /// Time that threads have spent decoding, so far.
    #[must_use]
    pub fn decoding(&self) -> Duration {
        Duration::from_nanos(self.counts.decoding_ns.load(Ordering::Relaxed))
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
        let mut absent: Vec<Flight> = Vec::new();
        for (nth, block) in blocks.into_iter().enumerate() {
            let mut samples = None;
            if let Some(range) = block.bytes.clone() {
                let (opened, block_row, rows) = (Arc::clone(opened), block.row, block.rows);
                let mut flight = Flight { opened, images, nth, block_row, rows, range, whole: false };
                samples = self.kept(&mut flight).await;
                if samples.is_none() {
                    absent.push(flight);
                }
            }
            fetched.push((block, samples));
        }
        let keys = absent.iter().map(Flight::key);
        let (claims, own) =
            if self.kept.is_some() { self.landing.claim(keys) } else { self.landing.alone(keys) };
        let (own, others): (Vec<_>, Vec<_>) = absent.into_iter().zip(own).partition(|(_, own)| *own);
        let disk = self.storage.kept_ranges(&opened.location, &opened.etag);
        let is_kept = |flight: &Flight| {
            disk.is_some_and(|disk| disk.holds(&opened.location, &opened.etag, &flight.range))
        };
        let (on_disk, own): (Vec<_>, Vec<_>) = own.into_iter().partition(|(flight, _)| is_kept(flight));
        let ranges: Vec<Range<u64>> = own.iter().map(|(flight, _)| flight.range.clone()).collect();
        let mut flights = Vec::with_capacity(own.len() + on_disk.len() + others.len());
        for (range, members) in merge(&ranges, self.storage.gap_bytes(&opened.location)) {
            let parts = members.iter().map(|member| ranges[*member].clone()).collect();
            let run = self.run(opened, range.clone(), parts);
            flights.extend(members.into_iter().map(|member| {
                let (flight, _) = &own[member];
                self.land(flight.clone(), run.clone(), range.start)
            }));
        }
        // Those of others are read only if whoever does so already gives up.
        flights.extend(on_disk.into_iter().chain(others).map(|(flight, _)| {
            let range = flight.range.clone();
            let run = self.run(opened, range.clone(), vec![range.clone()]);
            self.land(flight, run, range.start)
        }));
        for (nth, decoded) in try_join_all(flights).await? {
            fetched[nth].1 = Some(decoded);
        }
        drop(claims);
        Ok(fetched)
    }

    /// A kept block with all rows that are wanted. One with fewer is given up.
    async fn kept(&self, flight: &mut Flight) -> Option<Arc<Decoded>> {
        let kept = self.kept.as_ref()?;
        let found = kept.get(&flight.key()).await;
        flight.whole = found.is_some();
        let served = found.filter(|decoded| flight.is_served_by(decoded));
        let count = if served.is_some() { &self.counts.hits } else { &self.counts.misses };
        count.fetch_add(1, Ordering::Relaxed);
        if served.is_none() && flight.whole {
            kept.invalidate(&flight.key()).await;
        }
        served
    }

    /// The bytes of a run with these blocks, read when the first of them asks: a block by itself from the disk, if it is kept
    /// there.
    fn run(&self, opened: &Arc<Opened>, run: Range<u64>, blocks: Vec<Range<u64>>) -> Run {
        let (storage, opened) = (self.storage.clone(), Arc::clone(opened));
        let read = async move {
            let (location, etag) = (&opened.location, opened.etag.as_str());
            let disk = storage.kept_ranges(location, etag);
            if let (Some(disk), [block]) = (disk, blocks.as_slice())
                && let Some(bytes) = disk.read(location, etag, block).await
            {
                return Ok(bytes);
            }
            let parts = storage.read_ranges(location, etag, std::slice::from_ref(&run)).await;
            let bytes = parts.map_err(Arc::new)?.into_iter().next().unwrap_or_default();
            if let Some(disk) = disk {
                disk.offer(location, etag, run.start, &bytes, &blocks);
            }
            Ok(bytes)
        };
        read.boxed().shared()
    }

    /// One block: read and decoded here, or by whoever does so already. `run` begins at the byte `start` of the file.
    async fn land(
        &self,
        mut flight: Flight,
        run: Run,
        start: u64,
    ) -> Result<(usize, Arc<Decoded>), BlockFailure> {
        let nth = flight.nth;
        if let Some(kept) = &self.kept {
            for _ in 0..2 {
                let load = self.load(flight.clone(), run.clone(), start);
                let decoded = kept.try_get_with(flight.key(), load).await;
                let decoded = decoded.map_err(|failure| (*failure).clone())?;
                if flight.is_served_by(&decoded) {
                    return Ok((nth, decoded));
                }
                // Somebody else wanted fewer rows.
                kept.invalidate(&flight.key()).await;
                flight.whole = true;
            }
        }
        Ok((nth, self.load(flight, run, start).await?))
    }

    async fn load(&self, flight: Flight, run: Run, start: u64) -> Result<Arc<Decoded>, BlockFailure> {
        if flight.opened.location.as_path().is_some()
            && let Some(decoded) = self.load_resident(flight.clone()).await
        {
            return decoded;
        }
        // A run holds its members, and memory holds the run: both fit.
        let at = offset(flight.range.start - start)..offset(flight.range.end - start);
        let bytes = run.await.map_err(BlockFailure::Storage)?.slice(at);
        let counts = Arc::clone(&self.counts);
        let spares = self.spares.clone();
        self.pool.run(move || flight.decode(&bytes, &spares, &counts)).await
    }

    /// A block whose bytes the system has in memory: read, as far as its rows probably reach, and decoded in one go.
    async fn load_resident(&self, flight: Flight) -> Option<Result<Arc<Decoded>, BlockFailure>> {
        let (storage, spares, counts) = (self.storage.clone(), self.spares.clone(), Arc::clone(&self.counts));
        let work = move || {
            RAW.with_borrow_mut(|raw| {
                let (opened, range) = (&flight.opened, flight.range.clone());
                let mut decode = |end| {
                    let range = range.start..end;
                    let is_read = storage.read_resident(&opened.location, &opened.etag, range, raw);
                    is_read.then(|| flight.decode(raw, &spares, &counts))
                };
                let likely = range.start + flight.likely_bytes();
                let mut decoded = decode(likely);
                if likely < range.end && matches!(decoded, Some(Err(_))) {
                    decoded = decode(range.end);
                }
                if raw.capacity() > RAW_BYTES {
                    *raw = Vec::new();
                }
                decoded
            })
        };
        self.pool.run(work).await
    }
}

impl Flight {
    fn key(&self) -> Key {
        (self.opened.id, self.range.start)
    }

    fn image(&self) -> Option<&Image> {
        self.images.of(&self.opened, self.nth)
    }

    /// Rows that are decoded.
    fn rows_of(&self, image: &Image) -> u32 {
        match image.codec {
            // No more was read.
            Codec::None => self.rows,
            _ if self.whole => image.rows_in_block(self.block_row).max(self.rows),
            _ => self.rows,
        }
    }

    /// How many of its bytes these rows probably take.
    fn likely_bytes(&self) -> u64 {
        let stored = self.range.end - self.range.start;
        self.image().map_or(stored, |image| likely_bytes(image, stored, self.rows_of(image)))
    }

    fn decode(&self, bytes: &[u8], spares: &Spares, counts: &Counts) -> Result<Arc<Decoded>, BlockFailure> {
        let Some(image) = self.image() else {
            return Ok(Arc::new(Decoded { rows: 0, samples: spares.lend(Vec::new()) }));
        };
        let rows = self.rows_of(image);
        let mut samples = spares.take(offset(image.row_bytes().saturating_mul(rows.into())));
        let start = Instant::now();
        let decoded = decode_block(image, bytes, rows, &mut samples);
        let took = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        counts.decoding_ns.fetch_add(took, Ordering::Relaxed);
        decoded.map_err(|error| BlockFailure::Decode(Arc::new(error)))?;
        Ok(Arc::new(Decoded { rows, samples: spares.lend(samples) }))
    }

    /// True when these are at least the rows that are wanted, of this block. A file may say of a block that it belongs to two
    /// images of different kinds: the one that it was not decoded for decodes it for itself.
    fn is_served_by(&self, decoded: &Decoded) -> bool {
        let fits = self.image().is_some_and(|image| {
            let samples = u64::from(image.block_width) * u64::from(image.samples_per_block_pixel());
            samples * u64::from(decoded.rows) * image.data_type.size() as u64 == decoded.samples.len() as u64
        });
        fits && decoded.rows >= self.rows
    }
}

fn offset(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
