//! The mask's band of a time step, read before the others: where it rules out all pixels, or too many, they are spared.

use std::sync::Arc;

use super::canvas::Layout;
use super::engine::Engine;
use super::error::PatchError;
use super::fetch::{RasterRead, fetch, plan};
use super::grid::Window;
use super::kernel::Kernel;
use super::prepare::PreparedStep;
use super::source::BandSource;
use crate::cog::Planar;

/// The mask's band of a time step.
#[derive(Debug)]
pub(super) struct MaskRead {
    /// Its plane.
    pub(super) plane: usize,
    /// What was read of each Item.
    pub(super) reads: Vec<Vec<RasterRead>>,
    /// Share of pixels that it leaves in some Item: no more can be valid.
    pub(super) open: f64,
}

impl Engine {
    /// Reads the mask's band of a step, where that does not take the other bands' blocks with it.
    pub(super) async fn read_mask(
        &self,
        step: &PreparedStep,
        window: &Window,
        layout: &Arc<Layout>,
    ) -> Result<Option<MaskRead>, PatchError> {
        let Some((plane, _)) = &layout.mask else { return Ok(None) };
        let plane = *plane;
        if layout.names.len() < 2 || !step.items.iter().all(|(_, sources)| is_alone(sources, plane)) {
            return Ok(None);
        }
        let reading = step.items.iter().map(|(item, sources)| async move {
            let plans = plan(item, &layout.names, sources, window, Kernel::Nearest, |at| at == plane)?;
            fetch(&self.blocks, item, plans).await
        });
        let reads = futures::future::try_join_all(reading).await?;
        let items = step.items.clone();
        let layout = Arc::clone(layout);
        self.pool
            .run(move || {
                let mut open = vec![0; layout.size[0] * layout.size[1]];
                for ((_, sources), reads) in items.iter().zip(&reads) {
                    let masked = layout.masked(sources, reads);
                    open.iter_mut().zip(masked).for_each(|(open, masked)| *open |= 1 - masked);
                }
                let count: usize = open.iter().map(|flag| usize::from(*flag)).sum();
                #[expect(clippy::cast_precision_loss, reason = "a count of pixels")]
                let open = if open.is_empty() { 0.0 } else { count as f64 / open.len() as f64 };
                Ok(Some(MaskRead { plane, reads, open }))
            })
            .await
    }
}

/// True when no other band shares the blocks of one.
fn is_alone(sources: &[BandSource], plane: usize) -> bool {
    let Some(own) = sources.get(plane) else { return false };
    let shares = |other: &BandSource| Arc::ptr_eq(&other.opened, &own.opened);
    own.opened.header.full.image.planar == Planar::Separate
        || sources.iter().filter(|source| shares(source)).count() == 1
}
