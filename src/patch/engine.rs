//! Requests become patches: prepared, bounded in memory, read step by step.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::blocks::Blocks;
use super::canvas::{Fills, Layout};
use super::error::PatchError;
use super::mappings::Mappings;
use super::patch::{Batch, Patch, PatchStep};
use super::prepare::{Prepared, PreparedStep, encoded_name, is_source, step_name};
use super::random::{Samplers, samplers};
use super::request::{RandomRequest, Request, WindowRequest};
use super::sample::as_f64;
use super::series::{Dtype, Format, OnError, Series};
use super::source::BandSource;
use super::steps::spread;
use crate::cog::{Headers, Opened};
use crate::pool::{Client, Gate, Pass, Permits, Pool};
use crate::search::Backend;
use crate::stac::{DataType, ItemFacts};
use crate::storage::Places;

/// Answers of this many times `--max-patch-bytes` may be in the making or on their way at once.
const ANSWERS_AT_ONCE: u64 = 2;

/// What they are made from takes this part of one more. The rest is for all else that a server holds: catalogue and kept blocks
/// aside, it stays below three answers.
const MAKING_SHARE: u64 = 2;

/// Most bands of time steps of samples in one answer: each takes memory beside its pixels, however few these are.
const MAX_PLANES: u128 = 1 << 18;

/// Samples of a batch that are prepared at once.
const SAMPLES_AT_ONCE: usize = 8;

/// Bounds on memory.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of one answer, in bytes.
    pub answer_bytes: u64,
    /// Of decoded blocks that are kept, in bytes; 0: none are.
    pub cache_bytes: u64,
}

/// All that patches are made with.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) headers: Headers,
    pub(super) places: Places,
    pub(super) samplers: Samplers,
    pub(super) pool: Pool,
    pub(super) blocks: Blocks,
    answers: Gate,
    pub(super) making: Permits,
    max_bytes: u64,
}

impl Engine {
    /// An engine that reads Items from `backend` and their rasters, as far as `places` allow, through `headers`.
    #[must_use]
    pub fn new(
        backend: Arc<dyn Backend>,
        headers: Headers,
        places: Places,
        pool: Pool,
        limits: Limits,
    ) -> Self {
        let max_bytes = limits.answer_bytes;
        Self {
            blocks: Blocks::new(headers.storage().clone(), pool.clone(), limits),
            backend,
            headers,
            places,
            samplers: samplers(),
            pool,
            answers: Gate::new(max_bytes.saturating_mul(ANSWERS_AT_ONCE)),
            making: Permits::new(max_bytes / MAKING_SHARE),
            max_bytes,
        }
    }

    /// What the stores were asked for.
    #[must_use]
    pub fn store(&self) -> &crate::storage::Counters {
        self.headers.storage().counters()
    }

    /// The headers of rasters that are kept.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The blocks that are kept.
    #[must_use]
    pub fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Where requests wait until there is memory for their answers.
    #[must_use]
    pub fn answers(&self) -> &Gate {
        &self.answers
    }

    /// One patch time series.
    pub(super) async fn series(&self, request: &Request, client: Client) -> Result<Batch, PatchError> {
        let prepared = self.prepare(&request.window, &request.series).await?;
        let (patches, held) =
            self.read_all(vec![prepared], &request.series, Padding::UnlessEmpty, client).await?;
        Ok(Batch { patches, centers: None, held })
    }

    /// A batch of random patch time series.
    pub(super) async fn samples(&self, request: &RandomRequest, client: Client) -> Result<Batch, PatchError> {
        let bands = request.series.bands.as_ref().map_or(1, Vec::len);
        let steps = request.series.timestamps.unwrap_or(0);
        self.check_size(
            request.count,
            steps,
            bands,
            request.size,
            least_bytes(request.series.dtype, &[], &[]),
        )?;
        let centers = self.random_places(request).await?;
        let prepared = stream::iter(centers.clone()).map(|(lon, lat)| async move {
            let place = WindowRequest::Center { lon, lat, size: request.size };
            self.prepare(&place, &request.series).await
        });
        let prepared = prepared.buffered(SAMPLES_AT_ONCE).try_collect().await?;
        let (patches, held) = self.read_all(prepared, &request.series, Padding::Always, client).await?;
        Ok(Batch { patches, centers: Some(centers), held })
    }

    /// Refuses an answer of more than the engine's bounds; `sample_bytes` is the least that a sample can take where the
    /// type is not known yet.
    pub(super) fn check_size(
        &self,
        samples: usize,
        steps: usize,
        bands: usize,
        size: [u32; 2],
        sample_bytes: usize,
    ) -> Result<(), PatchError> {
        let product = |numbers: &[u128]| numbers.iter().copied().fold(1, u128::saturating_mul);
        let planes = product(&[samples as u128, steps as u128, bands as u128]);
        if planes > MAX_PLANES {
            return Err(PatchError::TooMany { planes, limit: MAX_PLANES });
        }
        let bytes = product(&[planes, sample_bytes as u128, size[0].into(), size[1].into()]);
        if bytes > u128::from(self.max_bytes) {
            return Err(PatchError::TooLarge { bytes, limit: self.max_bytes });
        }
        Ok(())
    }

    /// Reads prepared series, all of one type.
    async fn read_all(
        &self,
        prepared: Vec<Prepared>,
        series: &Series,
        padding: Padding,
        client: Client,
    ) -> Result<(Vec<Patch>, Pass), PatchError> {
        let all =
            || prepared.iter().flat_map(|p| &p.steps).flat_map(|s| &s.items).map(|(_, sources)| sources);
        let bands = prepared.iter().map(|p| p.bands).max().unwrap_or(0);
        let of_bands = result_type(all().flat_map(|sources| sources.iter().take(bands)));
        let native = result_type(all().flatten());
        let mut total = 0;
        let mut layouts = Vec::with_capacity(prepared.len());
        for series_of in &prepared {
            let size = [series_of.window.height, series_of.window.width];
            let layout = layout(series_of, series, native, of_bands, size);
            let steps = series.timestamps.unwrap_or(series_of.steps.len());
            self.check_size(prepared.len(), steps, bands, size, layout.out_type().size())?;
            total += steps.saturating_mul(layout.step_bytes()) as u64;
            layouts.push(Arc::new(layout));
        }
        let held = self.answers.enter(client, total).await?;
        let rasters: Vec<Arc<Opened>> = all().flatten().map(|source| Arc::clone(&source.opened)).collect();
        let mut patches = Vec::with_capacity(prepared.len());
        for (series_of, layout) in prepared.into_iter().zip(layouts) {
            let read = self.read(series_of, series, &layout).await;
            if let Err(PatchError::Replaced { .. }) = &read {
                // Where one was replaced, others may have been: all are opened anew.
                for raster in &rasters {
                    self.headers.forget(raster).await;
                }
            }
            let mut patch = read?;
            if let Some(wanted) = series.timestamps {
                choose(&mut patch.steps, wanted, padding, &layout, series.format)?;
            }
            patches.push(patch);
        }
        Ok((patches, held))
    }

    async fn read(
        &self,
        prepared: Prepared,
        series: &Series,
        layout: &Arc<Layout>,
    ) -> Result<Patch, PatchError> {
        let fills = Arc::new(layout.fills());
        let mut patch = Patch {
            window: prepared.window,
            bands: layout.names[..layout.bands].to_vec(),
            data_type: layout.out_type(),
            nodata: answer_nodata(layout, &fills),
            steps: Vec::new(),
            dropped: prepared.dropped,
        };
        let window = prepared.window;
        if series.format == Format::Json && series.min_valid <= 0.0 {
            patch.steps = prepared.steps.iter().map(|step| described(step, f64::NAN, Bytes::new())).collect();
            return Ok(patch);
        }
        let sources = prepared.steps.iter().flat_map(|step| &step.items).flat_map(|(_, sources)| sources);
        let mappings = &Mappings::of(&self.pool, window, sources).await;
        let mut reading = stream::iter(prepared.steps)
            .map(|step| {
                let fills = Arc::clone(&fills);
                async move {
                    let read = self.read_step(&step, mappings, series, layout, &fills).await;
                    (step, read)
                }
            })
            .buffered(self.pool.width() * 2);
        while let Some((step, read)) = reading.next().await {
            match read {
                Ok((_, valid)) if valid < series.min_valid => {}
                Ok((data, valid)) => patch.steps.push(described(&step, valid, data.into())),
                // What was replaced is read anew, and dropped only if that fails.
                Err(error @ PatchError::Replaced { .. }) => return Err(error),
                Err(error) if series.on_error == OnError::Drop && is_source(&error) => {
                    let members: Vec<_> = step.items.iter().map(|(item, _)| Arc::clone(item)).collect();
                    let name = step_name(&members);
                    tracing::warn!(step = name, cause = error.cause(), "dropped a time step: {error}");
                    patch.dropped.push(name);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(patch)
    }
}

/// NumPy's `result_type` of all sources; `uint8` when there are none.
fn result_type<'a>(sources: impl Iterator<Item = &'a BandSource>) -> DataType {
    sources.map(BandSource::data_type).reduce(DataType::result_type).unwrap_or(DataType::U8)
}

/// The least bytes that a sample of an answer takes, as far as the question and the Items' documents tell.
pub(super) fn least_bytes(dtype: Dtype, items: &[Arc<ItemFacts>], names: &[String]) -> usize {
    match dtype {
        Dtype::Physical => DataType::F32.size(),
        Dtype::Cast(data_type) => data_type.size(),
        Dtype::Native => {
            let described = |item: &ItemFacts, name: &String| {
                let at = item.band(name)?;
                item.assets.get(at.asset)?.bands.get(at.band)?.data_type
            };
            let all = items.iter().flat_map(|item| names.iter().filter_map(|name| described(item, name)));
            all.reduce(DataType::result_type).map_or(1, DataType::size)
        }
    }
}

fn layout(
    prepared: &Prepared,
    series: &Series,
    native: DataType,
    of_bands: DataType,
    size: [u32; 2],
) -> Layout {
    let earliest = prepared.steps.first().and_then(|step| step.items.first());
    let nodata = |index: usize| {
        let source = &earliest?.1.get(index)?;
        source.nodata_sample()?;
        source.nodata?.to_le_bytes(native)
    };
    let mask = series.mask.as_ref().and_then(|mask| {
        let plane = prepared.names.iter().position(|name| *name == mask.band)?;
        Some((plane, mask.clone()))
    });
    Layout {
        bands: prepared.bands,
        size: size.map(|side| side as usize),
        native,
        nodata: (0..prepared.names.len()).map(nodata).collect(),
        // The mask's band may need a wider type than the answer has.
        dtype: if series.dtype == Dtype::Native && native != of_bands {
            Dtype::Cast(of_bands)
        } else {
            series.dtype
        },
        mask,
        wants_valid: series.min_valid > 0.0 || series.format != Format::Npy,
        names: prepared.names.clone(),
    }
}

/// For each band, the value that stands for nodata in the answer; NaN where nothing does.
fn answer_nodata(layout: &Layout, fills: &Fills) -> Vec<f64> {
    let held = |index: usize| fills.fault.as_ref().is_none_or(|(band, ..)| *band != layout.names[index]);
    let has =
        |index: usize| layout.dtype == Dtype::Physical || (layout.nodata[index].is_some() && held(index));
    let value = |(index, fill): (usize, &[u8; 8])| {
        if has(index) { as_f64(layout.out_type(), *fill) } else { f64::NAN }
    };
    fills.samples.iter().enumerate().map(value).collect()
}

fn described(step: &PreparedStep, valid: f64, data: Bytes) -> PatchStep {
    let items = step.items.iter().map(|(item, _)| encoded_name(item)).collect();
    PatchStep { time: Some(step.step.time), items, valid, data }
}

/// When fewer time steps than asked for are filled up with empty ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    /// Unless there is nothing to choose from.
    UnlessEmpty,
    /// Always: the samples of a batch have one shape.
    Always,
}

/// Keeps `wanted` steps, evenly spread, filled up at the end where there are fewer.
fn choose(
    steps: &mut Vec<PatchStep>,
    wanted: usize,
    padding: Padding,
    layout: &Layout,
    format: Format,
) -> Result<(), PatchError> {
    *steps = spread(steps.len(), wanted).into_iter().map(|at| steps[at].clone()).collect();
    if steps.len() < wanted && (padding == Padding::Always || !steps.is_empty()) {
        // A plan has no pixels.
        let empty: Bytes = if format == Format::Json { Bytes::new() } else { layout.empty_step()?.into() };
        steps.resize_with(wanted, || PatchStep::padding(empty.clone()));
    }
    Ok(())
}
