//! Assets that lie where nothing may be read.

use super::Catalog;
use super::bodies::BodyError;
use super::snapshot::RowId;
use crate::storage::{Location, Places};

/// Items whose assets are looked at to see whether they may be read.
pub const ASSETS_LOOKED_AT: u32 = 10_000;

/// Folders outside of the allowed places that are named.
const FOLDERS_NAMED: usize = 8;

/// Assets that may not be read.
#[derive(Debug, Default)]
pub struct Outside {
    /// Items in the catalogue.
    pub items: usize,
    /// Items that were looked at.
    pub looked_at: usize,
    /// Assets of those that lie outside.
    pub assets: usize,
    /// Folders that hold them all: one on this disk, and one for each store; the first few.
    pub folders: Vec<Location>,
}

impl Catalog {
    /// Looks at the assets of up to [`ASSETS_LOOKED_AT`] Items, evenly spread: how many lie outside of `places`, and the
    /// folders that hold them.
    ///
    /// # Errors
    /// When a packed document is damaged.
    pub fn assets_outside(&self, places: &Places) -> Result<Outside, BodyError> {
        let snapshot = self.snapshot();
        let mut outside = Outside { items: snapshot.len(), ..Outside::default() };
        for (part, view) in (0..).zip(snapshot.views()) {
            let step = (view.part.len() / ASSETS_LOOKED_AT).max(1) as usize;
            for row in (0..view.part.len()).step_by(step) {
                outside.looked_at += 1;
                for (_, href) in snapshot.body(RowId { part, row })?.hrefs() {
                    let Ok(location) = Location::parse(&href) else { continue };
                    if places.allow(&location) {
                        continue;
                    }
                    outside.assets += 1;
                    let holds = location.parent();
                    let common = |(at, known): (usize, &Location)| Some((at, known.common(&holds)?));
                    match outside.folders.iter().enumerate().find_map(common) {
                        Some((at, common)) => outside.folders[at] = common,
                        None if outside.folders.len() < FOLDERS_NAMED => outside.folders.push(holds),
                        None => {}
                    }
                }
            }
        }
        Ok(outside)
    }
}
