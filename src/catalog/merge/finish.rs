//! The end of a load: what counts of all that was found becomes the parts of a snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use super::Merge;
use crate::catalog::document::derived_collection;
use crate::catalog::load::{LoadReport, Loaded};
use crate::catalog::snapshot::{RowId, Snapshot, View};
use crate::catalog::sources::LoadError;

/// A new part is made of everything when what changed is more than this share of it.
const REBUILD_SHARE: usize = 20;

/// Changes that are always kept beside the large part.
const SMALL_CHANGE: usize = 5_000;

impl Merge {
    /// The snapshot of all that was found.
    pub(in super::super) fn finish(mut self) -> Result<(Loaded, LoadReport), LoadError> {
        let places = std::mem::take(&mut self.places);
        self.seen.forget_unless(|number| places.contains_key(&number));
        self.keep_same_documents();
        let without = self.settle_repeated(&places);
        let fresh_content = self.fresh.content_without(&without);
        let gone: Vec<RowId> =
            self.before.rows().filter(|at| !self.kept[at.part as usize].get(at.row)).collect();
        let gone_content =
            gone.iter().fold(0_u128, |sum, at| sum.wrapping_add(self.before.content(*at).into()));
        self.report.fresh = self.fresh.len() as usize - without.len();
        self.report.gone = gone.len();
        let content = self.before.content.wrapping_sub(gone_content).wrapping_add(fresh_content);

        let shown = self.shown(&places);
        let (title, description) = self.root.take().unwrap_or_default();
        let views = self.views(&without)?;
        let mut snapshot = Snapshot {
            title,
            description,
            generation: Snapshot::next_generation(),
            content,
            slots: Arc::new(std::mem::take(&mut self.slots)),
            shown,
            views,
            version: 0,
        };
        for slot in snapshot.shown.clone() {
            if !self.defined.contains(&slot) {
                let document = derived_collection(&snapshot, slot);
                Arc::make_mut(&mut snapshot.slots)[slot as usize].document = document;
            }
        }
        snapshot.set_version();
        self.report.items = snapshot.len();
        self.report.collections = snapshot.shown.len();
        self.report.taken_in =
            self.before.views().iter().filter(|view| view.part.bodies().has_own()).map(View::len).sum();
        let is_unchanged = self.report.taken_in == 0
            && self.report.fresh == 0
            && self.report.gone == 0
            && snapshot.version() == self.before.version();
        let snapshot = if is_unchanged { self.before } else { Arc::new(snapshot) };
        Ok((Loaded { snapshot, seen: Arc::new(self.seen) }, self.report))
    }

    /// Keeps the Items of documents that were not read.
    fn keep_same_documents(&mut self) {
        if self.same.is_empty() {
            return;
        }
        let same: Vec<RowId> = self
            .before
            .rows()
            .filter(|at| self.same.contains(&self.before.part(*at).document(at.row)))
            .collect();
        for at in same {
            self.kept[at.part as usize].set(at.row);
        }
    }

    /// Rows among the fresh ones that do not count, ascending: another document came first with the same Item. A kept row
    /// that a fresh one replaces is no longer kept.
    fn settle_repeated(&mut self, places: &HashMap<u32, u32>) -> Vec<u32> {
        let mut without = Vec::new();
        for (row, _) in self.fresh.repeated() {
            without.push(row);
            let (document, id) = (self.fresh.document(row), self.fresh.id(row).to_owned());
            self.warn_repeated(document, &id, self.fresh.collection(row));
        }
        without.sort_unstable();
        if self.before.is_empty() {
            return without;
        }
        let mut late = Vec::new();
        for row in (0..self.fresh.len()).filter(|row| without.binary_search(row).is_err()) {
            let (slot, document) = (self.fresh.collection(row), self.fresh.document(row));
            let Some(at) = self.before.find(slot, self.fresh.id(row)) else { continue };
            if !self.kept[at.part as usize].get(at.row) {
                continue;
            }
            let other = self.before.part(at).document(at.row);
            if places.get(&other) < places.get(&document) {
                late.push((row, document));
                continue;
            }
            self.kept[at.part as usize].clear(at.row);
            if other != document {
                let id = self.fresh.id(row).to_owned();
                self.warn_repeated(other, &id, slot);
            }
        }
        for (row, document) in late {
            let id = self.fresh.id(row).to_owned();
            self.warn_repeated(document, &id, self.fresh.collection(row));
            without.push(row);
        }
        without.sort_unstable();
        without
    }

    /// The parts of the new snapshot.
    fn views(&mut self, without: &[u32]) -> Result<Vec<View>, LoadError> {
        let mut builder = std::mem::take(&mut self.fresh);
        let mut packer = std::mem::take(&mut self.packer);
        let names: Vec<&str> = self.slots.iter().map(|slot| slot.id.as_str()).collect();
        let kept_of = |part: usize| {
            let marks = &self.kept[part];
            let view = &self.before.views()[part];
            (0..view.part.len()).filter(move |row| view.shows(*row) && marks.get(*row))
        };
        let total = self.before.len();
        let base_rows = self.before.views().first().map_or(0, |base| base.part.len() as usize);
        let base_kept = if base_rows > 0 { kept_of(0).count() } else { 0 };
        let changed = (base_rows - base_kept) + (total.saturating_sub(base_kept)) + builder.len() as usize;
        let is_shared = self.before.views().first().is_some_and(|base| !base.part.bodies().has_own());
        let is_small = is_shared && base_rows > 0 && changed <= SMALL_CHANGE.max(total / REBUILD_SHARE);
        for (part, view) in self.before.views().iter().enumerate().skip(usize::from(is_small)) {
            let rows: Vec<u32> = kept_of(part).collect();
            let first = builder.len();
            builder.add_rows(&view.part, &rows)?;
            if view.part.bodies().has_own() {
                for (row, from) in (first..).zip(rows) {
                    let record = view.part.bodies().record(view.part.body_ref(from))?;
                    builder.set_body(row, packer.push_record(record));
                }
            }
        }
        let bodies = packer.finish();
        let fresh = Arc::new(builder.finish(&names, bodies, without));
        if !is_small {
            return Ok(vec![View { part: fresh, hidden: Arc::default() }]);
        }
        let base = &self.before.views()[0].part;
        let hidden = (0..base.len()).filter(|row| !self.kept[0].get(*row)).collect();
        let base = View { part: Arc::clone(base), hidden };
        // An empty part stays where its bodies are more than the base's: the numbers of their chunks are taken, since caches
        // know bodies by them.
        if fresh.len() == 0 && fresh.bodies().chunks().len() == base.part.bodies().chunks().len() {
            return Ok(vec![base]);
        }
        Ok(vec![base, View { part: fresh, hidden: Arc::default() }])
    }
}
