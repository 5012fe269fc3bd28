//! What was found is put together in load order: Collections merged, duplicates settled, missing Collections derived.

mod finish;
mod shown;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::bodies::{Dictionaries, Packed, Packer};
use super::builder::PartBuilder;
use super::columns::Cell;
use super::document::served_collection;
use super::draft::{Batch, Draft, Outcome};
use super::load::LoadReport;
use super::marks::Marks;
use super::seen::Seen;
use super::snapshot::{Collection, RowId, Snapshot};
use super::sources::LoadError;
use crate::storage::Location;
use crate::tree::{Document, Found, Kind, Parent, Problem};

/// Everything found so far.
#[derive(Debug)]
pub(super) struct Merge {
    before: Arc<Snapshot>,
    seen_before: Arc<Seen>,
    root: Option<(Option<String>, Option<String>)>,
    /// By index that rows name: those of the snapshot before, then new ones.
    slots: Vec<Collection>,
    index: HashMap<String, u32>,
    /// Indices of Collections that a document defines, in load order.
    defined: Vec<u32>,
    /// Documents in which Items of a Collection were first met, in load order.
    met: Vec<(u32, u32)>,
    /// By index of a Collection: true when it is among those.
    is_met: Vec<bool>,
    packer: Packer,
    fresh: PartBuilder,
    /// By part of the snapshot before: the rows that were met again.
    kept: Vec<Marks>,
    /// Numbers of documents that are as they were.
    same: HashSet<u32>,
    seen: Seen,
    /// By number of a document: when it was met in this load.
    places: HashMap<u32, u32>,
    current: u32,
    report: LoadReport,
}

impl Merge {
    pub(super) fn new(packer: Packer, before: &Arc<Snapshot>, seen: &Arc<Seen>) -> Self {
        let slots = before.slots().to_vec();
        let index = (0..).zip(&slots).map(|(index, slot)| (slot.id.clone(), index)).collect();
        Self {
            before: Arc::clone(before),
            seen_before: Arc::clone(seen),
            root: None,
            slots,
            index,
            defined: Vec::new(),
            met: Vec::new(),
            is_met: Vec::new(),
            packer,
            fresh: PartBuilder::default(),
            kept: before.views().iter().map(|view| Marks::new(view.part.len())).collect(),
            same: HashSet::new(),
            seen: Seen::clone(seen),
            places: HashMap::new(),
            current: 0,
            report: LoadReport::default(),
        }
    }

    /// The dictionaries that there are by now.
    pub(super) fn dictionaries(&self) -> &Arc<Dictionaries> {
        self.packer.dictionaries()
    }

    /// Takes one finding in; those of a document follow the document.
    ///
    /// # Errors
    /// When a Catalog or Collection that was read before is there and cannot be read: what it links is not known.
    pub(super) fn add(&mut self, found: Found<Batch>) -> Result<(), LoadError> {
        match found {
            Found::Document(document) => self.add_document(&document),
            Found::Problem(problem) => self.add_problem(problem)?,
            Found::Outside(problem) => self.report.problems.push(problem),
            Found::Parent(parent) => self.add_parent(&parent),
            Found::Item(batch) => self.add_batch(batch)?,
        }
        Ok(())
    }

    fn add_document(&mut self, document: &Document) {
        self.current = self.seen.note(document);
        let place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.insert(self.current, place);
        if document.is_same {
            self.same.insert(self.current);
        }
    }

    fn add_problem(&mut self, problem: Problem) -> Result<(), LoadError> {
        let known = self.seen_before.get(&problem.location).filter(|known| known.state.is_some());
        let is_there = self.seen.get(&problem.location).is_some_and(|now| now.state.is_some());
        self.seen.distrust(self.current);
        match known {
            Some(known) if is_there && known.is_parent => {
                return Err(LoadError::Unreadable { location: problem.location, reason: problem.reason });
            }
            Some(_) if is_there => self.stay(&problem),
            _ => self.report.problems.push(problem),
        }
        Ok(())
    }

    /// The current document is half written, perhaps: its Items stay until it can be read again.
    fn stay(&mut self, problem: &Problem) {
        self.same.insert(self.current);
        self.warn(self.current, format!("it stays as it was: {}", problem.reason));
    }

    fn add_parent(&mut self, parent: &Parent) {
        self.seen.note_parent(self.current);
        let text = |field: &str| parent.document.get(field).and_then(Value::as_str).map(str::to_owned);
        if self.root.is_none() {
            self.root = Some((text("title"), text("description")));
        }
        if parent.kind != Kind::Collection {
            return;
        }
        let Some(id) = text("id").filter(|id| !id.is_empty()) else {
            let reason = "a Collection has an id".to_owned();
            self.report.problems.push(Problem { location: parent.location.clone(), reason });
            return;
        };
        let slot = self.slot(&id);
        if self.defined.contains(&slot) {
            self.warn(self.current, format!("the Collection '{id}' is defined already; the first counts"));
            return;
        }
        self.slots[slot as usize].document = served_collection(parent);
        self.defined.push(slot);
    }

    /// The index of a Collection.
    fn slot(&mut self, id: &str) -> u32 {
        if let Some(slot) = self.index.get(id) {
            return *slot;
        }
        let slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(Collection { id: id.to_owned(), document: Value::Null });
        self.index.insert(id.to_owned(), slot);
        slot
    }

    fn add_batch(&mut self, batch: Batch) -> Result<(), LoadError> {
        let columns = self.fresh.columns_of(&batch.names);
        let mut band_sets = vec![None; batch.band_sets.all().len()];
        for outcome in batch.outcomes {
            match outcome {
                Outcome::Fresh(draft, packed) => {
                    let cells = batch.rows.row(draft.properties.clone());
                    let cells = cells.map(|(name, cell)| (columns[name as usize], cell));
                    let set = draft.bands as usize;
                    let bands =
                        *band_sets[set].get_or_insert_with(|| self.fresh.bands(&batch.band_sets.all()[set]));
                    self.add_draft(*draft, packed, bands, cells)?;
                }
                Outcome::Same(at) => self.keep(at),
                Outcome::Bad(problem) => {
                    self.seen.distrust(self.current);
                    let known = self.seen_before.get(&problem.location);
                    let held = known.is_some_and(|known| known.state.is_some() && !known.is_parent);
                    // A file of one Item that cannot be understood for now; of many, the others are good.
                    if held && is_single(&problem.location) {
                        self.stay(&problem);
                    } else {
                        self.report.problems.push(problem);
                    }
                }
            }
        }
        Ok(())
    }

    fn add_draft<'a>(
        &mut self,
        mut draft: Draft,
        packed: Packed,
        bands: u32,
        cells: impl Iterator<Item = (usize, Cell<'a>)>,
    ) -> Result<(), LoadError> {
        for reason in std::mem::take(&mut draft.warnings) {
            self.warn(self.current, format!("Item '{}': {reason}", draft.id));
        }
        let slot = self.slot(&draft.collection);
        self.meet(slot);
        // Met before in this load, as it was: the first counts, in one file of many Items too.
        let known = self.before.find(slot, &draft.id);
        if known.is_some_and(|at| self.kept[at.part as usize].get(at.row)) {
            self.warn_repeated(self.current, &draft.id, slot);
            return Ok(());
        }
        let body = self.packer.push(&draft.collection, packed);
        Ok(self.fresh.add(draft, (slot, self.current), body, bands, cells)?)
    }

    /// A row of the snapshot before is met again.
    fn keep(&mut self, at: RowId) {
        let slot = self.before.part(at).collection(at.row);
        self.meet(slot);
        if !self.kept[at.part as usize].set(at.row) {
            self.warn_repeated(self.current, &self.before.id(at), slot);
        }
    }

    fn meet(&mut self, slot: u32) {
        let index = slot as usize;
        if self.is_met.len() <= index {
            self.is_met.resize(self.slots.len(), false);
        }
        if !std::mem::replace(&mut self.is_met[index], true) {
            self.met.push((slot, self.current));
        }
    }

    fn location(&self, document: u32) -> Location {
        let document = self.seen.at(document).map(|d| d.location.clone());
        document.unwrap_or_else(|| Location::Local("/dev/stdin".into()))
    }

    fn warn(&mut self, document: u32, reason: String) {
        self.report.warnings.push(Problem { location: self.location(document), reason });
    }

    /// The document that holds an Item once more is read again next time: the first may be gone then.
    fn warn_repeated(&mut self, document: u32, id: &str, slot: u32) {
        let collection = &self.slots[slot as usize].id;
        let reason = format!("the Item '{id}' is in the Collection '{collection}' already; the first counts");
        self.seen.distrust(document);
        self.warn(document, reason);
    }
}

/// True for a document of its own, as against one of many lines.
fn is_single(location: &Location) -> bool {
    let extension =
        location.file_name().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}
