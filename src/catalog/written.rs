//! What is written through is shown at once, without a look at anything else.
//!
//! Items that were committed together become a part of their own, some hundred microseconds for a few of them; those that
//! they replace are hidden. Of parts of about one size there are few: the newest are put together while the one before is
//! less than [`GROWTH`] times as large, so that an Item is moved a few times and a search meets some ten parts. The next
//! reload takes all of them into the parts that are shared. What is committed while a reload reads is shown on the snapshot
//! of before, and once more on what the reload made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use arc_swap::ArcSwap;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::bodies::{Bodies, Dictionaries, OwnBodies};
use super::builder::PartBuilder;
use super::document::served_collection;
use super::draft::{Batch, Outcome, Press};
use super::load::Loaded;
use super::noted::Noted;
use super::seen::{Remembered, Seen};
use super::snapshot::{Collection, RowId, Snapshot, View};
use crate::stac::{tag, tag_of_hash};
use crate::storage::{Location, Meta, Storage};
use crate::tree::{Change, ItemSource, Kind, Parent, state_text};

/// A part takes in the next one while it is less than so many times as large.
const GROWTH: usize = 4;

/// Rows of parts that are put together no more.
const LARGE: usize = 4_096;

/// The current catalogue, and what changes it between reloads.
#[derive(Debug)]
pub(super) struct Shown {
    current: ArcSwap<Loaded>,
    /// Who holds it makes the next snapshot; what was committed since a reload began, while one goes on.
    changing: Mutex<Option<Vec<Change>>>,
    noted: RwLock<Noted>,
}

impl Shown {
    pub(super) fn new(loaded: Loaded) -> Self {
        let current = ArcSwap::from_pointee(loaded);
        Self { current, changing: Mutex::default(), noted: RwLock::default() }
    }

    /// What is shown now.
    pub(super) fn load(&self) -> Arc<Loaded> {
        self.current.load_full()
    }

    /// The snapshot of this moment.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.load().snapshot)
    }

    /// The document that holds an Item.
    pub(super) fn locate(&self, collection: &str, id: &str) -> Option<Location> {
        let noted = self.noted.read().unwrap_or_else(PoisonError::into_inner);
        let loaded = self.current.load();
        let (slot, _) = loaded.snapshot.collection(collection)?;
        let at = loaded.snapshot.find(slot, id)?;
        let document = loaded.snapshot.part(at).document(at.row);
        noted.location(&loaded.seen, document).cloned()
    }

    /// What is shown now, with all documents that were written since in what it has seen.
    pub(super) fn settled(&self) -> Arc<Loaded> {
        self.settle(&self.changing())
    }

    /// As [`Shown::settled`]; from now on what is committed is kept for [`Shown::finish`].
    pub(super) fn begin(&self) -> Arc<Loaded> {
        let mut changing = self.changing();
        *changing = Some(Vec::new());
        self.settle(&changing)
    }

    /// Shows what a reload made, with all that was committed since it began; nothing made: all stays.
    pub(super) fn finish(&self, storage: &Storage, loaded: Option<Loaded>) {
        let mut changing = self.changing();
        let committed = changing.take().unwrap_or_default();
        let Some(loaded) = loaded else { return };
        {
            let mut noted = self.noted.write().unwrap_or_else(PoisonError::into_inner);
            *noted = Noted::default();
            self.current.store(Arc::new(loaded));
        }
        if !committed.is_empty() {
            let items = self.read(storage, &committed);
            self.take_in(&changing, &committed, items);
        }
    }

    /// Shows what was committed; the tags of the Items among it.
    pub(super) fn take(&self, storage: &Storage, changes: &[Change]) -> Vec<String> {
        let items = self.read(storage, changes);
        let tags = changes.iter().zip(&items).filter_map(|(change, batch)| match change {
            Change::Item { json, .. } => Some(batch.as_ref().and_then(tag_in).unwrap_or_else(|| tag(json))),
            _ => None,
        });
        let tags = tags.collect();
        let mut changing = self.changing();
        if let Some(kept) = changing.as_mut() {
            kept.extend_from_slice(changes);
        }
        self.take_in(&changing, changes, items);
        tags
    }

    fn changing(&self) -> MutexGuard<'_, Option<Vec<Change>>> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, _changing: &MutexGuard<'_, Option<Vec<Change>>>) -> Arc<Loaded> {
        let loaded = self.current.load_full();
        let mut noted = self.noted.write().unwrap_or_else(PoisonError::into_inner);
        if noted.is_empty() {
            return loaded;
        }
        let seen = std::mem::take(&mut *noted).within(&loaded.seen);
        let loaded = Arc::new(Loaded { snapshot: Arc::clone(&loaded.snapshot), seen: Arc::new(seen) });
        self.current.store(Arc::clone(&loaded));
        loaded
    }

    /// Parses the Items among the changes.
    fn read(&self, storage: &Storage, changes: &[Change]) -> Vec<Option<Batch>> {
        let snapshot = self.snapshot();
        let dictionaries: Arc<Dictionaries> = snapshot
            .views()
            .last()
            .map_or_else(Arc::default, |view| Arc::clone(view.part.bodies().dictionaries()));
        let press = Press {
            dictionaries: Arc::new(ArcSwap::new(dictionaries)),
            before: Arc::default(),
            seen: Arc::default(),
            storage: storage.clone(),
        };
        let read = |change: &Change| match change {
            Change::Item { collection, location, json, resolver, .. } => Some(press.item(&ItemSource {
                location,
                json,
                collection: Some(collection),
                parent_id: collection,
                resolver,
            })),
            _ => None,
        };
        changes.par_iter().map(read).collect()
    }

    /// Makes the next snapshot.
    fn take_in(
        &self,
        _changing: &MutexGuard<'_, Option<Vec<Change>>>,
        changes: &[Change],
        items: Vec<Option<Batch>>,
    ) {
        let loaded = self.current.load_full();
        let mut noted = self.noted.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Next::of(&loaded, &mut noted);
        for (change, item) in changes.iter().zip(items) {
            next.apply(change, item);
        }
        let snapshot = next.finish();
        self.current.store(Arc::new(Loaded { snapshot: Arc::new(snapshot), seen: Arc::clone(&loaded.seen) }));
    }
}

fn tag_in(batch: &Batch) -> Option<String> {
    match batch.outcomes.first()? {
        Outcome::Fresh(draft, _) => Some(tag_of_hash(draft.content)),
        _ => None,
    }
}

/// A snapshot in the making.
struct Next<'a> {
    seen: &'a Seen,
    noted: &'a mut Noted,
    snapshot: Snapshot,
    /// Rows that no longer count, by part.
    hidden: HashMap<u32, Vec<u32>>,
    builder: PartBuilder,
    bodies: OwnBodies,
    shared: Bodies,
    /// Rows of `builder` by Collection and id.
    rows: HashMap<(u32, String), u32>,
    without: Vec<u32>,
}

impl<'a> Next<'a> {
    fn of(loaded: &'a Loaded, noted: &'a mut Noted) -> Self {
        let snapshot = Snapshot::clone(&loaded.snapshot);
        let shared = snapshot.views.last().map(|view| view.part.bodies().clone()).unwrap_or_default();
        Self {
            seen: &loaded.seen,
            noted,
            snapshot,
            hidden: HashMap::new(),
            builder: PartBuilder::default(),
            bodies: OwnBodies::default(),
            shared,
            rows: HashMap::new(),
            without: Vec::new(),
        }
    }

    fn apply(&mut self, change: &Change, item: Option<Batch>) {
        match change {
            Change::Item { collection, id, location, meta, .. } => {
                let number = self.note(location, Some((meta, collection)), false);
                if let Some(batch) = item {
                    self.add(collection, id, number, batch);
                }
            }
            Change::NoItem { collection, id, location } => {
                self.note(location, None, false);
                if let Some((slot, _)) = self.snapshot.collection(collection) {
                    self.hide(slot, id);
                }
            }
            Change::Collection { location, meta, document } => {
                self.note(location, Some((meta, "")), true);
                self.show_collection(location, document);
            }
            Change::NoCollection { id } => self.hide_collection(id),
            Change::Links { location, meta } => drop(self.note(location, Some((meta, "")), true)),
        }
    }

    /// A document's new state; nothing when it is gone.
    fn note(&mut self, location: &Location, state: Option<(&Meta, &str)>, is_parent: bool) -> u32 {
        let document = Remembered {
            location: location.clone(),
            state: state.map(|(meta, context)| state_text(meta, context)),
            md5: None,
            is_parent,
            is_watched: state.is_some(),
        };
        self.noted.note(self.seen, document)
    }

    fn slot(&mut self, id: &str) -> u32 {
        if let Some(slot) = (0..).zip(self.snapshot.slots()).find(|(_, slot)| slot.id == id) {
            return slot.0;
        }
        let slots = Arc::make_mut(&mut self.snapshot.slots);
        slots.push(Collection { id: id.to_owned(), document: serde_json::Value::Null });
        u32::try_from(slots.len() - 1).unwrap_or(u32::MAX)
    }

    fn show_collection(&mut self, location: &Location, document: &serde_json::Value) {
        let Some(id) = document.get("id").and_then(serde_json::Value::as_str) else { return };
        let slot = self.slot(id);
        let parent =
            Parent { location: location.clone(), document: document.clone(), kind: Kind::Collection };
        let served = served_collection(&parent);
        if let Some(collection) = Arc::make_mut(&mut self.snapshot.slots).get_mut(slot as usize) {
            collection.document = served;
        }
        if !self.snapshot.shown.contains(&slot) {
            self.snapshot.shown.push(slot);
        }
    }

    fn hide_collection(&mut self, id: &str) {
        let Some((slot, _)) = self.snapshot.collection(id) else { return };
        let rows: Vec<RowId> =
            self.snapshot.rows().filter(|at| self.snapshot.part(*at).collection(at.row) == slot).collect();
        for at in rows {
            self.hide_row(at);
        }
        let fresh = self.rows.iter().filter(|((of, _), _)| *of == slot).map(|(_, row)| *row);
        self.without.extend(fresh);
        self.rows.retain(|(of, _), _| *of != slot);
        self.snapshot.shown.retain(|shown| *shown != slot);
    }

    fn hide_row(&mut self, at: RowId) {
        let hidden = self.hidden.entry(at.part).or_default();
        if !hidden.contains(&at.row) {
            hidden.push(at.row);
            self.snapshot.content = self.snapshot.content.wrapping_sub(self.snapshot.content(at).into());
        }
    }

    fn hide(&mut self, slot: u32, id: &str) {
        if let Some(at) = self.snapshot.find(slot, id) {
            self.hide_row(at);
        }
        if let Some(row) = self.rows.remove(&(slot, id.to_owned())) {
            self.without.push(row);
        }
    }

    fn add(&mut self, collection: &str, id: &str, number: u32, batch: Batch) {
        let slot = self.slot(collection);
        let columns = self.builder.columns_of(&batch.names);
        for outcome in batch.outcomes {
            let (draft, packed) = match outcome {
                Outcome::Fresh(draft, packed) => (draft, packed),
                Outcome::Same(_) => continue,
                Outcome::Bad(problem) => {
                    tracing::warn!(location = %problem.location, "left out: {}", problem.reason);
                    self.hide(slot, id);
                    continue;
                }
            };
            let known = self.snapshot.find(slot, &draft.id);
            // Committed while a reload read, and read by it.
            let is_same = |at: RowId| {
                self.snapshot.content(at) == draft.content
                    && self.snapshot.part(at).document(at.row) == number
            };
            if known.is_some_and(is_same) && !self.rows.contains_key(&(slot, draft.id.clone())) {
                continue;
            }
            self.hide(slot, &draft.id);
            let Some(body) = self.bodies.push(collection, &packed, &self.shared) else { continue };
            let bands = self.builder.bands(&batch.band_sets.all()[draft.bands as usize]);
            let cells = batch.rows.row(draft.properties.clone());
            let cells = cells.map(|(name, cell)| (columns[name as usize], cell));
            let (row, key) = (self.builder.len(), (slot, draft.id.clone()));
            match self.builder.add(*draft, (slot, number), body, bands, cells) {
                Ok(()) => drop(self.rows.insert(key, row)),
                Err(error) => {
                    tracing::error!("an Item that was written is shown after the next reload only: {error}");
                }
            }
        }
    }

    fn finish(mut self) -> Snapshot {
        let mut snapshot = self.snapshot;
        for (part, rows) in self.hidden {
            let Some(view) = snapshot.views.get_mut(part as usize) else { continue };
            let mut hidden = view.hidden.to_vec();
            hidden.extend(rows);
            hidden.sort_unstable();
            hidden.dedup();
            view.hidden = hidden.into();
        }
        snapshot.views.retain(|view| !view.part.bodies().has_own() || view.len() > 0);
        let names: Vec<&str> = snapshot.slots.iter().map(|slot| slot.id.as_str()).collect();
        self.without.sort_unstable();
        self.without.dedup();
        if self.builder.len() as usize > self.without.len() {
            snapshot.content = snapshot.content.wrapping_add(self.builder.content_without(&self.without));
            let part = self.builder.finish(&names, self.bodies.beside(&self.shared), &self.without);
            snapshot.views.push(View { part: Arc::new(part), hidden: Arc::default() });
        }
        while let Some(merged) = merged(&snapshot.views, &names) {
            snapshot.views.truncate(snapshot.views.len() - 2);
            snapshot.views.push(merged);
        }
        snapshot.generation = Snapshot::next_generation();
        snapshot.set_version();
        snapshot
    }
}

/// The last two parts as one, where they are to be.
fn merged(views: &[View], names: &[&str]) -> Option<View> {
    let [.., before, last] = views else { return None };
    let is_own = before.part.bodies().has_own() && last.part.bodies().has_own();
    if !is_own || before.len() + last.len() > LARGE || before.len() >= GROWTH * last.len() {
        return None;
    }
    let (mut builder, mut bodies) = (PartBuilder::default(), OwnBodies::default());
    for view in [before, last] {
        let rows: Vec<u32> = (0..view.part.len()).filter(|row| view.shows(*row)).collect();
        let first = builder.len();
        builder.add_rows(&view.part, &rows).ok()?;
        for (row, from) in (first..).zip(rows) {
            let record = view.part.bodies().record(view.part.body_ref(from)).ok()?;
            builder.set_body(row, bodies.push_record(record));
        }
    }
    let part = builder.finish(names, bodies.beside(last.part.bodies()), &[]);
    Some(View { part: Arc::new(part), hidden: Arc::default() })
}
