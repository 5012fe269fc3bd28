//! One time step: the rasters of its Items read and laid over each other.

use std::sync::Arc;

use super::canvas::{Canvas, Fills, Layout};
use super::engine::Engine;
use super::error::PatchError;
use super::fetch::{RasterPlan, fetch, plan};
use super::kernel::Kernel;
use super::mappings::Mappings;
use super::mask_first::separate_mask;
use super::prepare::PreparedStep;
use super::series::Series;

impl Engine {
    /// Reads one time step: its samples, and the share of valid pixels (NaN when nobody wants to know). A step with fewer
    /// than are asked for may come without samples.
    pub(super) async fn read_step(
        &self,
        step: &PreparedStep,
        mappings: &Mappings,
        series: &Series,
        layout: &Arc<Layout>,
        fills: &Arc<Fills>,
    ) -> Result<(Vec<u8>, f64), PatchError> {
        let count = step.items.len();
        let mask_plane = separate_mask(step, layout);
        let (mut masks, mut others, mut masks_read) = (Vec::new(), Vec::with_capacity(count), Vec::new());
        for (item, sources) in &step.items {
            if let Some((plane, source)) = mask_plane.and_then(|plane| Some((plane, sources.get(plane)?))) {
                let (names, sources) = (&layout.names[plane..=plane], std::slice::from_ref(source));
                masks.push(plan(item, names, sources, mappings, Kernel::Nearest, |_| true)?);
            }
            let asked = |plane| Some(plane) != mask_plane;
            others.push(plan(item, &layout.names, sources, mappings, series.resampling, asked));
        }
        let bytes_of =
            |plans: &[RasterPlan]| plans.iter().map(|plan| plan.bytes).fold(0, u64::saturating_add);
        let of_masks = masks.iter().map(|plans| bytes_of(plans)).fold(0, u64::saturating_add);
        let of_others = others.iter().flatten().map(|plans| bytes_of(plans)).max().unwrap_or(0);
        // Whoever has these has all that it needs to go on: nobody waits for two.
        let bytes = of_masks.saturating_add(of_others).saturating_add(layout.making_bytes());
        let _making = self.making.take(bytes).await;
        if let Some(plane) = mask_plane {
            let mask = self.read_mask(step, plane, masks, layout).await?;
            if mask.open < series.min_valid {
                return Ok((Vec::new(), mask.open));
            }
            if mask.open == 0.0 {
                return Ok((layout.empty_step()?, 0.0));
            }
            masks_read = mask.reads;
        }
        let mut masks = masks_read.into_iter();
        let mut canvas: Option<Canvas> = None;
        for ((item, sources), plans) in step.items.iter().zip(others) {
            let plans = plans?;
            let mut reads = fetch(&self.blocks, item, plans).await?;
            reads.extend(masks.next().unwrap_or_default());
            let (layout, fills) = (Arc::clone(layout), Arc::clone(fills));
            let sources = sources.clone();
            let painted = self
                .pool
                .run(move || {
                    let painted = layout.paint_item(&sources, &reads, count)?;
                    Ok::<_, PatchError>(match canvas.take() {
                        Some(mut above) => {
                            above.lay_under(&painted, &fills, layout.out_type().size());
                            above
                        }
                        None => painted,
                    })
                })
                .await?;
            if painted.is_full() {
                canvas = Some(painted);
                break;
            }
            canvas = Some(painted);
        }
        let Some(canvas) = canvas else { return Ok((layout.empty_step()?, 0.0)) };
        if !canvas.tracks_valid() {
            return Ok((canvas.data, f64::NAN));
        }
        let (layout, fills) = (Arc::clone(layout), Arc::clone(fills));
        self.pool.run(move || canvas.finish(&layout, &fills)).await
    }
}
