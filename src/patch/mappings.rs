//! The mappings of one window to the grids of all rasters that it is made from: each grid's is computed once, on the pool.

use std::sync::Arc;

use super::grid::{GridError, Lattice};
use super::mapping::Mapping;
use super::source::BandSource;
use super::window::Window;
use crate::pool::Pool;

/// A window, and where its pixels lie on the rasters that do not share its grid.
#[derive(Debug)]
pub(super) struct Mappings {
    pub(super) window: Window,
    known: Vec<(Lattice, Arc<Mapping>)>,
}

impl Mappings {
    /// Those of a window to the rasters of some bands.
    pub(super) async fn of(pool: &Pool, window: Window, sources: impl Iterator<Item = &BandSource>) -> Self {
        let mut lattices: Vec<Lattice> = Vec::new();
        for source in sources {
            let is_straight = || {
                let fall = window.fall_of(&source.lattice, source.shape());
                fall.is_ok_and(|fall| fall.is_some_and(|fall| fall.is_shift()))
            };
            if !lattices.contains(&source.lattice) && !is_straight() {
                lattices.push(source.lattice);
            }
        }
        if lattices.is_empty() {
            return Self { window, known: Vec::new() };
        }
        let map = move || {
            let mapped = |lattice: Lattice| Some((lattice, Arc::new(Mapping::new(&window, &lattice).ok()?)));
            lattices.into_iter().filter_map(mapped).collect()
        };
        Self { window, known: pool.run(map).await }
    }

    /// The mapping to the rasters on `lattice`.
    ///
    /// # Errors
    /// When a CRS is unknown, or the transform cannot be inverted.
    pub(super) fn get(&self, lattice: &Lattice) -> Result<Arc<Mapping>, GridError> {
        match self.known.iter().find(|(of, _)| of == lattice) {
            Some((_, mapping)) => Ok(Arc::clone(mapping)),
            None => Mapping::new(&self.window, lattice).map(Arc::new),
        }
    }
}
