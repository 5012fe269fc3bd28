//! Where random patches lie: uniform by area over all places whose whole patch lies inside a matching Item's raster.
//!
//! The generator is `ChaCha8`: the key is `seed` as 8 little-endian bytes and 24 zeros, the stream is the sample's index.
//! Nothing else enters but the rasters of the matching Items, in the order of `/search`; rasters with the same grid count
//! once. Aligned places are drawn from those of the raster whose first pixel is a block's; which blocks a raster has, its file
//! says, and only those of drawn rasters are opened.

use std::collections::HashMap;
use std::sync::Arc;

use super::engine::Engine;
use super::error::PatchError;
use super::request::{Align, RandomRequest};
use super::sampler::{Drawn, Sampler};
use super::target::Asked;
use super::values::invalid;

/// Memory for samplers of past requests, in bytes.
const KEPT_BYTES: u64 = 64 << 20;

/// Samples that are drawn at once: a place in a sliver may take long, and others have their turn in between.
const PIECE: usize = 32;

/// Samplers of past requests by the catalogue's version and all that they were made from.
pub(super) type Samplers = moka::future::Cache<(u128, String), Arc<Sampler>>;

/// An empty cache.
pub(super) fn samplers() -> Samplers {
    let weigh = |key: &(u128, String), sampler: &Arc<Sampler>| {
        let bytes = key.1.len() + sampler.heap_bytes();
        u32::try_from(bytes).unwrap_or(u32::MAX)
    };
    moka::future::Cache::builder().max_capacity(KEPT_BYTES).weigher(weigh).build()
}

impl Engine {
    /// The middles of the samples that a request asks for, in longitude and latitude.
    pub(super) async fn random_places(&self, request: &RandomRequest) -> Result<Vec<(f64, f64)>, PatchError> {
        let sampler = self.sampler(request).await?;
        let mut blocks = (request.align == Align::Block).then(HashMap::new);
        if blocks.is_some() && !sampler.is_native() {
            let problem = "block begins on the sources' own grid: leave out crs and resolution";
            return Err(invalid("align", problem).into());
        }
        let mut places = Vec::with_capacity(request.count);
        while places.len() < request.count {
            let (drawing, known, seed) = (Arc::clone(&sampler), blocks.clone(), request.seed);
            let next = request.index.wrapping_add(places.len() as u64);
            let piece = (request.count - places.len()).min(PIECE) as u64;
            let draw = move || {
                let indices = (0..piece).map(|nth| next.wrapping_add(nth));
                indices.map(|index| drawing.draw(seed, index, known.as_ref())).collect::<Result<Vec<_>, _>>()
            };
            for drawn in self.pool.run(draw).await? {
                match drawn {
                    Drawn::Place(place) => places.push(place),
                    // This one and those after it are drawn again.
                    Drawn::Unknown(raster) => {
                        let size = self.block_of(sampler.rasters(), raster).await?;
                        blocks.get_or_insert_default().insert(raster, size);
                        break;
                    }
                }
            }
        }
        Ok(places)
    }

    /// What draws the places of a request, made anew only when the catalogue or the question is another.
    async fn sampler(&self, request: &RandomRequest) -> Result<Arc<Sampler>, PatchError> {
        let make = async {
            let rasters = self.rasters(&request.series).await?;
            let (size, within, asked) = (request.size, request.within, Asked::of(&request.series));
            self.pool.run(move || Sampler::new(rasters, size, within, asked)).await.map(Arc::new)
        };
        let Some(version) = self.backend.version() else { return make.await };
        let RandomRequest { size, within, series, .. } = request;
        // What is written out in full tells all questions apart.
        let asked = Asked::of(series);
        let key =
            (version, format!("{:?} {:?} {size:?} {within:?} {asked:?}", series.selection, series.bands));
        match self.samplers.try_get_with_by_ref(&key, make).await {
            Ok(sampler) => {
                // What the catalogue does not say, or no longer, is asked for again.
                if !sampler.rasters().described || self.backend.version() != Some(version) {
                    self.samplers.invalidate(&key).await;
                }
                Ok(sampler)
            }
            Err(shared) => {
                if let Ok(error) = Arc::try_unwrap(shared) {
                    return Err(error);
                }
                // Another request got the error: this one meets its own.
                let rasters = self.rasters(series).await?;
                Sampler::new(rasters, *size, *within, asked).map(Arc::new)
            }
        }
    }
}
