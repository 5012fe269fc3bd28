//! The mask's band of a time step, read before the others: where it rules out all pixels, or too many, they are spared.

use std::sync::Arc;

use super::canvas::Layout;
use super::engine::Engine;
use super::error::PatchError;
use super::fetch::{RasterPlan, RasterRead, fetch};
use super::prepare::PreparedStep;
use super::source::BandSource;
use crate::cog::Planar;

/// The mask's band of a time step.
#[derive(Debug)]
pub(super) struct MaskRead {
    /// What was read of each Item.
    pub(super) reads: Vec<Vec<RasterRead>>,
    /// Share of pixels that it leaves in some Item: no more can be valid.
    pub(super) open: f64,
}

/// The plane of the mask, where reading it does not take the other bands' blocks with it.
pub(super) fn separate_mask(step: &PreparedStep, layout: &Layout) -> Option<usize> {
    let (plane, _) = layout.mask.as_ref()?;
    let is_separate =
        layout.names.len() > 1 && step.items.iter().all(|(_, sources)| is_alone(sources, *plane));
    is_separate.then_some(*plane)
}

impl Engine {
    /// Reads the mask's band of a step, which is the plane `plane`; `plans` are those of its Items, of that band alone.
    pub(super) async fn read_mask(
        &self,
        step: &PreparedStep,
        plane: usize,
        plans: Vec<Vec<RasterPlan>>,
        layout: &Arc<Layout>,
    ) -> Result<MaskRead, PatchError> {
        let items = step.items.iter().zip(plans);
        let reading = items.map(|((item, _), plans)| fetch(&self.blocks, item, plans));
        let mut reads = futures::future::try_join_all(reading).await?;
        let sources: Vec<_> =
            step.items.iter().filter_map(|(_, sources)| sources.get(plane).cloned()).collect();
        let layout = Arc::clone(layout);
        let open_share = move || {
            let mut open = vec![0; layout.size[0] * layout.size[1]];
            for (source, reads) in sources.iter().zip(&reads) {
                let masked = layout.masked(plane, source, reads);
                open.iter_mut().zip(masked).for_each(|(open, masked)| *open |= 1 - masked);
            }
            let count: usize = open.iter().map(|flag| usize::from(*flag)).sum();
            #[expect(clippy::cast_precision_loss, reason = "a count of pixels")]
            let open = if open.is_empty() { 0.0 } else { count as f64 / open.len() as f64 };
            // Among the other bands it has its own place again.
            let taken = reads.iter_mut().flatten().flat_map(|read| &mut read.bands);
            taken.for_each(|taken| taken.plane = plane);
            MaskRead { reads, open }
        };
        Ok(self.pool.run(open_share).await)
    }
}

/// True when no other band shares the blocks of one.
fn is_alone(sources: &[BandSource], plane: usize) -> bool {
    let Some(own) = sources.get(plane) else { return false };
    let shares = |other: &BandSource| Arc::ptr_eq(&other.opened, &own.opened);
    own.opened.header.full.image.planar == Planar::Separate
        || sources.iter().filter(|source| shares(source)).count() == 1
}
